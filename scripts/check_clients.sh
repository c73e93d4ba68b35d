#!/usr/bin/env bash
# Runs the client libraries of the field, and the examples of examples/clients, against a server with a key and
# a small index, and prints a table of client by feature.
# Usage: check_clients.sh WATTWISE [light]: with `light` only the openai and mcp clients of Python are installed;
# what is not there is named in the table.
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
mode=${2:-}
folder=$PWD/target/clients
python=$folder/venv/bin/python
[ -x "$python" ] || python3 -m venv "$folder/venv"
"$python" -m pip install --quiet --disable-pip-version-check openai==3.57.0 mcp==2.3.0
if [ "$mode" != light ]; then
  "$python" -m pip install --quiet --disable-pip-version-check langchain-openai==1.7.4 langchain-core==1.8.3 \
    llama-index-core==0.14.25 litellm==1.110.2 haystack-ai==3.4.1 httpx
  (mkdir -p "$folder/node" && cd "$folder/node" && npm install --silent --no-audit --no-fund --no-save \
    openai@6.49.0 ai@6.0.326 @ai-sdk/openai@3.0.141 @ai-sdk/openai-compatible@2.0.92) ||
    echo "the packages for Node could not be installed" >&2
fi
source scripts/serve_for_check.sh "$program" chat,retrieve
rows=$work/rows
touch "$rows"
if command -v node >/dev/null; then
  mkdir -p "$folder/node"
  (cd "$folder/node" && node "$OLDPWD/scripts/check_clients.mjs" "http://$address" "$key") >"$rows"
fi
"$python" scripts/check_clients.py "http://$address" "$key" "$rows"
