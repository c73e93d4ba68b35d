#!/usr/bin/env bash
# Plays an index in an object store through the program, over a server that speaks S3 (PyPI: moto).
# Usage: check_objects.sh WATTWISE
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
python=target/objects/bin/python
if ! "$python" -c 'import moto' 2>/dev/null; then
  python3 -m venv target/objects
  "$python" -m pip install --quiet --disable-pip-version-check 'moto[server]==5.2.5'
fi
"$python" scripts/check_objects.py "$program"
