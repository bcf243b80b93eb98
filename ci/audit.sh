#!/usr/bin/env bash
# One `audit run` from variables of the environment; ends with its exit code.
#     AUDIT_SUITE      files, patterns or names, separated by blanks or newlines
#     AUDIT_MODEL      one a line
#     AUDIT_REFERENCE, AUDIT_BASELINE, AUDIT_FAIL_ON       as the options, empty for none
#     AUDIT_STRICT     true or false
#     AUDIT_ARGS       further options, one a line: `--limit 20`, `-k lying and not slow`
#     AUDIT_OUT        folder of the run; junit.xml, audit.sarif and report.html go there too
#     AUDIT_COMMAND    the program, `audit` on the PATH if empty
# No value is ever read as a command or as another option: each is one word behind its `=`.
# Kept to bash 3.2, which macOS has.
set -euo pipefail

out=${AUDIT_OUT:-audit-run}
command=("${AUDIT_COMMAND:-audit}" run "--out=$out")
command+=("--junitxml=$out/junit.xml" "--sarif=$out/audit.sarif" "--html=$out/report.html")

option() { # NAME VALUE
  if [ -n "$2" ]; then command+=("$1=$2"); fi
}

while read -r line || [ -n "$line" ]; do
  option --model "${line%$'\r'}"
done <<< "${AUDIT_MODEL:-}"
option --reference "${AUDIT_REFERENCE:-}"
option --baseline "${AUDIT_BASELINE:-}"
option --fail-on "${AUDIT_FAIL_ON:-}"

case ${AUDIT_STRICT:-false} in
  true) command+=(--strict) ;;
  false) ;;
  *)
    echo "audit: strict must be true or false, not '$AUDIT_STRICT'" >&2
    exit 4
    ;;
esac

while read -r line || [ -n "$line" ]; do
  line=${line%$'\r'}
  name=${line%%[[:space:]]*}
  case $name in
    '') ;;
    -*=* | "$line") command+=("$line") ;;
    -*)
      value=${line#"$name"}
      command+=("$name" "${value#"${value%%[![:space:]]*}"}")
      ;;
    *) command+=("$line") ;;
  esac
done <<< "${AUDIT_ARGS:-}"

command+=(--)
for suite in ${AUDIT_SUITE:-}; do # split at blanks and expanded as a pattern, and no more
  command+=("$suite")
done

# What an earlier run left here must not be read as what comes of this one.
rm -f -- "$out/junit.xml" "$out/audit.sarif" "$out/report.html"
exec "${command[@]}"
