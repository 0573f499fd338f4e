#!/bin/bash
# All that can be measured with one GPU, as Markdown tables, in under ten minutes: bash benchmarks/gpu.sh [FOLDER]
#
# FOLDER keeps the clips that are made for it; without one they go into a temporary folder. PYTHON names another
# interpreter. What comes after FOLDER goes to benchmarks/gpu.py: --device cpu --small tries the script out without a GPU.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-${TMPDIR:-/tmp}/vidcolor-clips}
[ $# -gt 0 ] && shift
exec env PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" "${PYTHON:-python}" benchmarks/gpu.py "$folder" "$@"
