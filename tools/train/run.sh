#!/bin/sh
# Train and export models/digits-en on a CPU. From the repository root:
#   tools/train/run.sh [python] [fsdd folder] [work folder] [folder voices/ of the npm package kokoro-js]
# Needs espeak-ng, flite, festival with the voices named in synth.py and foreign.py, Debian's
# asterisk-core-sounds-en-wav, and the packages of requirements.txt.
set -eu
PY=${1:-python3}
FSDD=${2:-../shared/data/fsdd}
WORK=${3:-build/train}
STYLES=${4:-build/train/kokoro-js/voices}
T=$(dirname "$0")
mkdir -p "$WORK"
"$PY" "$T/synth.py" --work "$WORK"
"$PY" "$T/foreign.py" --work "$WORK"
"$PY" "$T/neural_voices.py" --work "$WORK" --styles "$STYLES" --seed 4 --voices 44
"$PY" "$T/neural_voices.py" --work "$WORK" --styles "$STYLES" --seed 5 --voices 43
"$PY" "$T/clips.py" --work "$WORK" --fsdd "$FSDD"
# The front end of the model in models/ is kept; train_frontend.py made it.
"$PY" "$T/frontend_of.py" models/digits-en --work "$WORK"
for SEED in 0 1; do
  "$PY" "$T/make_features.py" --work "$WORK" --seed "$SEED" --sets synthetic=3.5 background=0.7 \
    george=1 jackson=1 nicolas=1 theo=1 yweweler=1
done
"$PY" "$T/make_features.py" --work "$WORK" --seed 2 --sets synthetic=6 george=1.5 jackson=1.5 nicolas=0.8
"$PY" "$T/make_features.py" --work "$WORK" --seed 3 --sets synthetic=6 nicolas=0.7 theo=1.5 yweweler=1.5 background=0.7
"$PY" "$T/make_features.py" --work "$WORK" --sets mixed=2.5
# The base has heard synthetic voices only; leave-one-out.sh starts from it too.
"$PY" "$T/train_encoder.py" --work "$WORK" --name first --leave-out all --minutes 10
"$PY" "$T/fit_codebooks.py" --work "$WORK" --name first --leave-out all --bf16
"$PY" "$T/train_encoder.py" --work "$WORK" --name base --leave-out all --init "$WORK/first_codec.pt" --lr 1.5e-3 --minutes 6
"$PY" "$T/fit_codebooks.py" --work "$WORK" --name base --leave-out all --warm --bf16
"$PY" "$T/train_decoder.py" --work "$WORK" --name base --minutes 5
"$PY" "$T/train_encoder.py" --work "$WORK" --init "$WORK/base_codec.pt" --lr 1.5e-3 --minutes 12
"$PY" "$T/fit_codebooks.py" --work "$WORK" --warm --bf16 --strings 4000
"$PY" "$T/train_decoder.py" --work "$WORK" --init "$WORK/base_decoder.pt" --minutes 8
# A second round, with more backgrounds for the decoder.
"$PY" "$T/train_encoder.py" --work "$WORK" --name second --init "$WORK/all_codec.pt" --lr 1.2e-3 --minutes 6
"$PY" "$T/make_features.py" --work "$WORK" --seed 21 --sets background=1
"$PY" "$T/make_features.py" --work "$WORK" --seed 22 --sets background=1
"$PY" "$T/fit_codebooks.py" --work "$WORK" --name second --warm --bf16
"$PY" "$T/train_decoder.py" --work "$WORK" --name second --init "$WORK/all_decoder.pt" --lr 1.5e-3 --minutes 5
"$PY" "$T/export.py" --codec "$WORK/second_codec.pt" --decoder "$WORK/second_decoder.pt" --out models/digits-en
"$PY" "$T/make_samples.py" --fsdd "$FSDD" --out models/digits-en
"$PY" "$T/check_model.py" models/digits-en
"$PY" "$T/evaluate.py" models/digits-en --work "$WORK" --long-minutes 4 --json "$WORK/figures.json"
