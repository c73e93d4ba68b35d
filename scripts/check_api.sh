#!/usr/bin/env bash
# Runs schemathesis, all checks, over every route of a server with keys and a small index.
# Usage: check_api.sh WATTWISE [examples per route]
set -euo pipefail
cd "$(dirname "$0")/.."

wattwise=$(realpath "$1")
examples=${2:-30}
hooks=$PWD/scripts
command -v st >/dev/null || python3 -m pip install --quiet --disable-pip-version-check schemathesis==4.32.5

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
mkdir "$work/docs"
cp data/guides/loft-insulation.md data/guides/draught-proofing.md "$work/docs/"
cd "$work"
"$wattwise" ingest --docs docs --index index
key=$("$wattwise" keys create --state state --name schemathesis --scopes admin)
"$wattwise" serve --index index --state state --bind 127.0.0.1:0 --log-format json 2>server.log &
server=$!
address=
for _ in $(seq 300); do
  address=$(sed -n 's/.*"server.address":"\([^"]*\)".*/\1/p' server.log | head -1)
  [ -n "$address" ] && break
  kill -0 "$server" || { cat server.log >&2; exit 1; }
  sleep 0.1
done
# Links are taken from Location headers. Guessed from the names of fields they join a citation's chunk to a route of models,
# which then counts as an error of the description.
printf '[phases.stateful.inference]\nalgorithms = ["location-headers"]\n' >schemathesis.toml
PYTHONPATH=$hooks SCHEMATHESIS_HOOKS=schemathesis_hooks \
  st run "http://$address/openapi.json" --checks all --max-examples "$examples" --seed 1 \
  --header "Authorization: Bearer $key"
# No error in the log either: a panic would be one.
if grep '"level":"ERROR"' server.log; then
  echo "the server logged errors" >&2
  exit 1
fi
