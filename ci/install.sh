#!/usr/bin/env bash
# Installs this checkout into a new environment, in the versions that are known to work.
#     install.sh FOLDER        makes FOLDER/bin/audit
# It may be called in a checkout that a stranger wrote: no module is taken from there (-I).
# Where packages come from is pip's own configuration (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python3 -I -m venv "$1"
pip=("$1/bin/python" -I -m pip install --quiet --disable-pip-version-check -c "$root/constraints.txt")

# torch goes first: left to another package's range, pip takes a build with gigabytes of CUDA.
"${pip[@]}" torch
"${pip[@]}" "$root"
