#!/bin/sh
# Train and export models/digits-en from scratch on a CPU. From the repository root:
#   tools/train/run.sh [python] [fsdd folder] [work folder]
# Needs espeak-ng, flite, festival (voices kal, ked, slt) and the packages of requirements.txt.
set -eu
PY=${1:-python3}
FSDD=${2:-../shared/data/fsdd}
WORK=${3:-build/train}
T=$(dirname "$0")
mkdir -p "$WORK"
"$PY" "$T/synth.py" --work "$WORK"
"$PY" "$T/clips.py" --work "$WORK" --fsdd "$FSDD"
"$PY" "$T/train_frontend.py" --work "$WORK" --minutes 30
"$PY" "$T/make_features.py" --work "$WORK" \
  --sets synthetic=5 mixed=3 george=2 jackson=2 nicolas=2 theo=2 yweweler=2
"$PY" "$T/train_encoder.py" --work "$WORK" --minutes 20
"$PY" "$T/fit_codebooks.py" --work "$WORK"
"$PY" "$T/train_decoder.py" --work "$WORK" --minutes 15
"$PY" "$T/export.py" --codec "$WORK/all_codec.pt" --decoder "$WORK/all_decoder.pt" --out models/digits-en
"$PY" "$T/make_samples.py" --fsdd "$FSDD" --out models/digits-en
"$PY" "$T/check_model.py" models/digits-en
"$PY" "$T/evaluate.py" models/digits-en --work "$WORK" --json "$WORK/figures.json"
