#!/usr/bin/env bash
# Runs the official openai client (Python) against a server with a key and a small index.
# Usage: check_openai.sh WATTWISE [flags of serve, such as --generator ollama]
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
shift
source scripts/serve_for_check.sh "$program" chat "$@"
python=python3
if ! python3 -c 'import openai' 2>/dev/null; then
  python=target/openai-client/bin/python
  if ! "$python" -c 'import openai' 2>/dev/null; then
    python3 -m venv target/openai-client
    "$python" -m pip install --quiet --disable-pip-version-check openai==3.57.0
  fi
fi
"$python" scripts/check_openai.py "http://$address/v1" "$key"
