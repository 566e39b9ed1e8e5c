#!/bin/sh
# Measure how well the recipe of run.sh does on a speaker it has never met. From the repository root:
#   tools/train/leave-one-out.sh [python] [work folder of run.sh] [speaker...]
# Needs what run.sh made up to its base model, which hears synthetic voices only. For each speaker left out the base is
# continued as run.sh continues it, but without that speaker, and scored on all 50 takes of the speaker's digits.
# ENCODER, DECODER: steps of the stages; STRINGS: strings scored per speaker.
set -eu
PY=${1:-python3}
WORK=${2:-build/train}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- george jackson nicolas theo yweweler
ENCODER=${ENCODER:-2000}
DECODER=${DECODER:-450}
STRINGS=${STRINGS:-160}
T=$(dirname "$0")
one() {
  NAME=no-$1
  "$PY" "$T/train_encoder.py" --work "$WORK" --name "$NAME" --leave-out "$1" --init "$WORK/base_codec.pt" --lr 1.5e-3 \
    --steps "$ENCODER"
  "$PY" "$T/fit_codebooks.py" --work "$WORK" --name "$NAME" --leave-out "$1" --warm --bf16
  "$PY" "$T/train_decoder.py" --work "$WORK" --name "$NAME" --init "$WORK/base_decoder.pt" --steps "$DECODER"
  "$PY" "$T/export.py" --codec "$WORK/${NAME}_codec.pt" --decoder "$WORK/${NAME}_decoder.pt" --out "$WORK/$NAME"
  "$PY" "$T/evaluate.py" "$WORK/$NAME" --work "$WORK" --speakers "$1" --all-takes --strings "$STRINGS" \
    --noise-minutes 0 --json "$WORK/$NAME.json"
}
# Two at a time: each uses one core.
while [ $# -gt 0 ]; do
  one "$1" > "$WORK/no-$1.log" 2>&1 &
  [ $# -lt 2 ] || { one "$2" > "$WORK/no-$2.log" 2>&1; shift; }
  shift
  wait
done
grep "all speakers" "$WORK"/no-*.log
