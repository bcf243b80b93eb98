#!/usr/bin/env bash
# One `audit run` from variables of the environment; ends with its exit code, or with 3 where no
# report came of it that could bear the code out.
#     AUDIT_SUITE      files, patterns or names, separated by blanks or newlines
#     AUDIT_MODEL      one a line
#     AUDIT_REFERENCE, AUDIT_BASELINE, AUDIT_FAIL_ON       as the options, empty for none
#     AUDIT_STRICT     true or false
#     AUDIT_ARGS       further options, one a line: `--limit 20`, `-k lying and not slow`; none that
#                      moves what is written here
#     AUDIT_OUT        folder of the run; junit.xml, audit.sarif and report.html go there too
#     AUDIT_COMMAND    the program, `audit` on the PATH if empty
# No value is ever read as a command or as another option: each is one word behind its `=`.
# Kept to bash 3.2, which macOS has.
set -euo pipefail

out=${AUDIT_OUT:-audit-run}

refuse() { # CODE SENTENCE
  echo "audit: $2" >&2
  exit "$1"
}

# What an earlier run left here must not be read as what comes of this one. Its record may be the
# baseline, so that it stays, marked as old by its time.
rm -f -- "$out/junit.xml" "$out/audit.sarif" "$out/report.html" ||
  refuse 3 "what an earlier run left in $out cannot be removed: name another folder"
old=$(mktemp)
trap 'rm -f -- "$old"' EXIT
touch -t 200001010000 "$old"
if [ -e "$out/report.json" ]; then
  touch -r "$old" -- "$out/report.json" ||
    refuse 3 "the report of an earlier run in $out cannot be marked as old: name another folder"
fi

command=("${AUDIT_COMMAND:-audit}" run "--out=$out" --fresh)
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
  *) refuse 4 "strict must be true or false, not '$AUDIT_STRICT'" ;;
esac

# Also where they follow flags of one letter, as in `-qo`.
reserved='^(--(out|sarif|junitxml|html|md|json-file|help|version)$|-[qv]*[oh])'
while read -r line || [ -n "$line" ]; do
  line=${line%$'\r'}
  name=${line%%[[:space:]]*}
  if [[ ${name%%=*} =~ $reserved ]]; then
    refuse 4 "args may not hold ${name%%=*}: what is written, and where, is the job's; \
name the folder by out, and make other files with \`audit report\` in a step after this one"
  fi
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

code=0
"${command[@]}" || code=$?
if [ "$code" -gt 6 ]; then
  refuse 3 "the program was ended from outside, or is not there (exit code $code)"
fi
case $code in
  0 | 1 | 6) # the codes that say what was found
    [ "$out/report.json" -nt "$old" ] ||
      refuse 3 "the program ended with $code and wrote no report: nothing was audited"
    ;;
esac
exit "$code"
