#!/bin/sh
# Measure how well the recipe of run.sh does on a speaker it has never met. From the repository root:
#   tools/train/leave-one-out.sh [python] [fsdd folder] [work folder] [speaker...]
# A base model hears synthetic voices only. For each speaker left out it is continued on the synthetic voices and the
# four other speakers, and scored on all 50 takes of the one left out. The front end is the shipped model's.
# BASE, ENCODER, DECODER: minutes of the stages.
set -eu
PY=${1:-python3}
FSDD=${2:-../shared/data/fsdd}
WORK=${3:-build/leave-one-out}
shift $(($# < 3 ? $# : 3))
[ $# -gt 0 ] || set -- george jackson nicolas theo yweweler
BASE=${BASE:-8}
ENCODER=${ENCODER:-6}
DECODER=${DECODER:-5}
T=$(dirname "$0")
mkdir -p "$WORK"
[ -f "$WORK/clips.npz" ] || { "$PY" "$T/synth.py" --work "$WORK"; "$PY" "$T/clips.py" --work "$WORK" --fsdd "$FSDD"; }
[ -f "$WORK/frontend.pt" ] || "$PY" "$T/frontend_of.py" models/digits-en --work "$WORK"
[ -f "$WORK/features_synthetic_0.npz" ] || {
  "$PY" "$T/make_features.py" --work "$WORK" --sets george=1.8 jackson=1.8 nicolas=1.8 theo=1.8 &
  "$PY" "$T/make_features.py" --work "$WORK" --sets yweweler=1.8 background=1.2 synthetic=4
  wait
}
[ -f "$WORK/base_decoder.pt" ] || {
  "$PY" "$T/train_encoder.py" --work "$WORK" --name base --leave-out all --minutes "$BASE"
  "$PY" "$T/fit_codebooks.py" --work "$WORK" --name base --leave-out all --bf16 --threads 2
  "$PY" "$T/train_decoder.py" --work "$WORK" --name base --minutes "$DECODER" --threads 2
}
one() {
  NAME=no-$1
  "$PY" "$T/train_encoder.py" --work "$WORK" --name "$NAME" --leave-out "$1" --init "$WORK/base_codec.pt" \
    --minutes "$ENCODER" --workers 1
  "$PY" "$T/fit_codebooks.py" --work "$WORK" --name "$NAME" --leave-out "$1" --warm --bf16
  "$PY" "$T/train_decoder.py" --work "$WORK" --name "$NAME" --init "$WORK/base_decoder.pt" --minutes "$DECODER"
  "$PY" "$T/export.py" --codec "$WORK/${NAME}_codec.pt" --decoder "$WORK/${NAME}_decoder.pt" --out "$WORK/$NAME"
  "$PY" "$T/evaluate.py" "$WORK/$NAME" --work "$WORK" --speakers "$1" --all-takes --strings 60 --noise-minutes 0 \
    --json "$WORK/$NAME.json"
}
# Two at a time: each uses one core.
while [ $# -gt 0 ]; do
  one "$1" > "$WORK/no-$1.log" 2>&1 &
  [ $# -lt 2 ] || { one "$2" > "$WORK/no-$2.log" 2>&1; shift; }
  shift
  wait
done
grep -h "all speakers" "$WORK"/no-*.log
