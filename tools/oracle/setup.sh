#!/bin/sh
# Makes .venv/ in the repository root with the reference implementation (CPU build of torch, about 1 GB).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-python3}
[ -x "$root/.venv/bin/python" ] || "$python" -m venv "$root/.venv"
# The CPU index is the only place with wheels that do not pull the CUDA libraries in.
"$root/.venv/bin/pip" install --quiet ${KSTT_TORCH_INDEX:+--extra-index-url "$KSTT_TORCH_INDEX"} \
    -r "$root/tools/oracle/requirements.txt"
"$root/.venv/bin/python" -c 'import torch, transformers; print("reference: torch", torch.__version__, "transformers", transformers.__version__)'
