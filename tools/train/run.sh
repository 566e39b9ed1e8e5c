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
"$PY" "$T/train_frontend.py" --work "$WORK" --batch 2 --minutes 10
"$PY" "$T/make_features.py" --work "$WORK" \
  --sets synthetic=6 mixed=5.5 george=2.3 jackson=2.3 nicolas=2.5 theo=2.5 yweweler=2.5
for SEED in 1 2 3 21 22; do
  "$PY" "$T/make_features.py" --work "$WORK" --seed "$SEED" --sets background=0.7
done
# Four rounds of warm restarts; the codebooks of the first round fix the metric of the semantic space.
"$PY" "$T/train_encoder.py" --work "$WORK" --name r1 --minutes 10
"$PY" "$T/fit_codebooks.py" --work "$WORK" --name r1
"$PY" "$T/train_encoder.py" --work "$WORK" --name r2 --init "$WORK/r1_codec.pt" --lr 1.5e-3 --minutes 10
"$PY" "$T/train_encoder.py" --work "$WORK" --name r3 --init "$WORK/r2_encoder.pt" --lr 1.5e-3 --minutes 10
"$PY" "$T/train_encoder.py" --work "$WORK" --name all --init "$WORK/r3_encoder.pt" --lr 1.3e-3 --minutes 10
"$PY" "$T/fit_codebooks.py" --work "$WORK" --warm
"$PY" "$T/train_decoder.py" --work "$WORK" --minutes 15
"$PY" "$T/export.py" --codec "$WORK/all_codec.pt" --decoder "$WORK/all_decoder.pt" --out models/digits-en
"$PY" "$T/make_samples.py" --fsdd "$FSDD" --out models/digits-en
"$PY" "$T/check_model.py" models/digits-en
"$PY" "$T/evaluate.py" models/digits-en --work "$WORK" --long-minutes 4 --json "$WORK/figures.json"
