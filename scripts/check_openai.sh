#!/usr/bin/env bash
# Runs the official openai client (Python) against a server with a key and a small index.
# Usage: check_openai.sh WATTWISE [flags of serve, such as --generator ollama]
set -euo pipefail
cd "$(dirname "$0")/.."

wattwise=$(realpath "$1")
shift
script=$PWD/scripts/check_openai.py
work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
python=python3
if ! python3 -c 'import openai' 2>/dev/null; then
  python3 -m venv "$work/venv"
  python=$work/venv/bin/python
  "$python" -m pip install --quiet --disable-pip-version-check openai==3.51.0
fi
mkdir "$work/docs"
cp data/guides/loft-insulation.md data/guides/draught-proofing.md "$work/docs/"
cd "$work"
"$wattwise" ingest --docs docs --index index
key=$("$wattwise" keys create --state state --name openai --scopes chat)
"$wattwise" serve --index index --state state --bind 127.0.0.1:0 --log-format json "$@" 2>server.log &
server=$!
address=
for _ in $(seq 300); do
  address=$(sed -n 's/.*"server.address":"\([^"]*\)".*/\1/p' server.log | head -1)
  [ -n "$address" ] && break
  kill -0 "$server" || { cat server.log >&2; exit 1; }
  sleep 0.1
done
"$python" "$script" "http://$address/v1" "$key"
