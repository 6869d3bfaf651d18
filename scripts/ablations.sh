#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# ablations.sh DIR [STEPS [SCENES]]: what AVAD and spatially shuffled negatives
# (SCL) are worth, as far as a little computing can tell: the default model goes
# on learning for STEPS (default 120) in four ways, each of which is judged on
# the same SCENES held-out scenes (default 20), beside the model as it was.
# May be stopped at any time and started again; goes on where it was.
#
#   more      as it was trained: AVAD on, SCL off (what SCL is compared with)
#   scl       the same with SCL
#   avad-new  AVAD on, its layer's parameters initialised again (the baseline for
#             avad-off: both have an untrained layer)
#   avad-off  a newly initialised batch norm instead of AVAD
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p "${1:?usage: $0 DIR [STEPS [SCENES]]}"
out=$(realpath "$1")
steps=${2:-120}
scenes=${3:-20}
build=${CCSTEREO_BUILD:-$PWD/build/release}
model=$PWD/data/models/ccstereo-default.safetensors

# The default model's tensors without those of AVAD's layer.
cut=$out/without-avad.safetensors
python3 - "$model" "$cut" <<'EOF'
import json
import struct
import sys

with open(sys.argv[1], "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
kept, parts, at = {}, [], 0
for name, about in header.items():
    if name == "__metadata__" or ".audionet_upconvlayer1.upnorm." in name:
        continue
    first, end = about["data_offsets"]
    kept[name] = {**about, "data_offsets": [at, at + end - first]}
    parts.append(data[first:end])
    at += end - first
text = json.dumps(kept).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[2], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
EOF

# train NAME MODEL OPTION...: the run called NAME, from MODEL.
train() {
  local name=$1 from=$2 resume=()
  shift 2
  [[ ! -e $out/$name/done ]] || return 0
  [[ ! -e $out/$name/state.safetensors ]] || resume=(--resume)
  "$build/src/train/ccstereo-train" --dataset scenes --scene-count 20000 \
    --scene-seed 2 --seed 44 --batch_size 4 --max-steps "$steps" \
    --lr_img 1e-4 --lr_aud 5e-4 --pretrained_ckpt_path "$from" \
    --backend cpu --threads "${CCSTEREO_THREADS:-0}" --validation_freq 0 \
    --checkpoint_every 25 --no-tensorboard --no-report \
    --save_dir "$out/$name" "${resume[@]}" "$@"
  touch "$out/$name/done"
}

# judge NAME MODEL
judge() {
  [[ -e $out/$1.json ]] \
    || "$build/src/train/ccstereo-eval" --dataset scenes --split test \
      --scene-count "$scenes" --checkpoint "$2" --backend cpu \
      --threads "${CCSTEREO_THREADS:-0}" --quiet --json "$out/$1.json"
}

train avad-new "$cut" --no-scl
train avad-off "$cut" --no-scl --avad 0000
judge avad-new "$out/avad-new/model-last.safetensors"
judge avad-off "$out/avad-off/model-last.safetensors"
train more "$model" --no-scl
train scl "$model"
judge more "$out/more/model-last.safetensors"
judge scl "$out/scl/model-last.safetensors"
judge default "$model"

# Differences are of pairs: of the same scene; mean and standard error.
python3 - "$out" <<'EOF'
import json
import statistics
import sys

METRICS = ("stft_l2_dist", "phase_dist", "snr", "ild_error_db", "itd_error_us")


def clips(name):
    with open(f"{sys.argv[1]}/{name}.json") as file:
        return json.load(file)["clips"]


def column(name, metric):
    return [clip["prediction"][metric] for clip in clips(name)]


print("model", *METRICS, sep=" | ")
for name in ("default", "more", "scl", "avad-new", "avad-off"):
    print(name, *(f"{statistics.mean(column(name, m)):.4g}" for m in METRICS),
          sep=" | ")
for name, control in (("scl", "more"), ("avad-off", "avad-new")):
    row = []
    for metric in METRICS:
        pairs = [a - b for a, b in zip(column(name, metric),
                                       column(control, metric))]
        error = statistics.stdev(pairs) / len(pairs) ** 0.5
        row.append(f"{statistics.mean(pairs):+.3g} +- {error:.2g}")
    print(f"{name} - {control}", *row, sep=" | ")
EOF
