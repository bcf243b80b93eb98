#!/usr/bin/env bash
# The audit as a step of a GitHub job: annotations, summary and outputs, and 0 at the end, so that
# the run is published before the action's last step ends with the audit's own exit code.
#     AUDIT_SUMMARY    true writes the summary of the job
# and what audit.sh reads. RUNNER_TEMP/alignment-audit-comment.md is what a comment should say.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
out=${AUDIT_OUT:-audit-run}
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
comment="$RUNNER_TEMP/alignment-audit-comment.md"
if [ "${AUDIT_SUMMARY:-}" != true ]; then export GITHUB_STEP_SUMMARY=/dev/null; fi

output() { # NAME VALUE, which may hold anything but the token
  printf '%s<<%s\n%s\n%s\n' "$1" "$token" "$2" "$token" >> "$GITHUB_OUTPUT"
}

# audit.sh makes the record of an earlier run as old as this; one of this run is newer.
old="$RUNNER_TEMP/alignment-audit-old"
touch -t 200001010000 "$old"

output report "$out" # before the audit: a run that is cut short is published as well
code=0
# What is printed may quote rows of a data set, which must not give the runner commands.
echo "::stop-commands::$token"
AUDIT_GITHUB=0 bash "$here/audit.sh" || code=$?
echo
echo "::$token::"

output verdict error # until a record says another, in a later line
if [ "$out/report.json" -nt "$old" ]; then
  "${AUDIT_COMMAND:-audit}" report --github -- "$out" || code=3
  if [ -f "$out/audit.sarif" ]; then output sarif "$out/audit.sarif"; fi
  if ! cp -- "$out/report.md" "$comment"; then
    printf '# Audited\n\nThe report could not be copied (exit code %s). The run holds it.\n' \
      "$code" > "$comment"
  fi
else
  case $code in
    2) why="it was interrupted" ;;
    4) why="there is a mistake in a suite, in a model's name or in the configuration" ;;
    5) why="nothing was selected" ;;
    *) why="it failed" ;;
  esac
  text="No audit came about: $why (exit code $code). The log of the job says more."
  printf '# No verdict\n\n%s\n' "$text" | tee "$comment" >> "$GITHUB_STEP_SUMMARY"
  echo "::error title=alignment-audit::$text"
fi
output exit-code "$code"
