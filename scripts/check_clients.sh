#!/usr/bin/env bash
# Runs the client libraries of the field, and the examples of examples/clients, against a server with a key and
# a small index, and prints a table of client by feature.
# Usage: check_clients.sh WATTWISE [light]: with `light` only the openai and mcp clients of Python and what makes
# clients from /openapi.json are installed; what is not there is named in the table.
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
mode=${2:-}
folder=$PWD/target/clients
python=$folder/venv/bin/python
[ -x "$python" ] || python3 -m venv "$folder/venv"
"$python" -m pip install --quiet --disable-pip-version-check openai==3.57.0 mcp==2.3.0 openapi-python-client==0.29.1 httpx
if [ "$mode" != light ]; then
  "$python" -m pip install --quiet --disable-pip-version-check langchain-openai==1.7.4 langchain-core==1.8.3 \
    llama-index-core==0.14.25 litellm==1.110.2 haystack-ai==3.4.1 llm==0.36
  (mkdir -p "$folder/node" && cd "$folder/node" && npm install --silent --no-audit --no-fund --no-save \
    openai@6.49.0 ai@6.0.326 @ai-sdk/openai@3.0.141 @ai-sdk/openai-compatible@2.0.92 \
    marked@18.2.1 react@19.3.1 react-dom@19.3.1 react-markdown@10.1.0 remark-gfm@4.0.1) ||
    echo "the packages for Node could not be installed" >&2
fi
if command -v npm >/dev/null; then
  (mkdir -p "$folder/types" && cd "$folder/types" && npm install --silent --no-audit --no-fund --no-save \
    openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3) ||
    echo "what makes TypeScript's types could not be installed" >&2
fi
source scripts/serve_for_check.sh "$program" chat,retrieve

# Clients from the description of the API, as somebody else would make them. A warning of a generator is a fault of the
# description, but for the one about sessions that come a line each (no generator knows them).
curl --silent --fail --header "X-API-Key: $key" "http://$address/openapi.json" >"$work/openapi.json"
printf 'content_type_overrides:\n  application/x-ndjson: text/plain\n' >"$work/generator.yaml"
made=$work/made
mkdir "$made"
cp examples/clients/generated.* "$made/"
PATH=$folder/venv/bin:$PATH openapi-python-client generate --path "$work/openapi.json" --config "$work/generator.yaml" \
  --meta none --output-path "$made/wattwise_client" --fail-on-warning >&2 || echo "no Python client was made" >&2
if [ -d "$folder/types/node_modules/openapi-typescript" ]; then
  ln -s "$folder/types/node_modules" "$made/node_modules"
  (cd "$made" && echo '{"type": "module"}' >package.json && npx --no-install openapi-typescript "$work/openapi.json" -o wattwise.d.ts &&
    npx --no-install tsc --strict --noEmitOnError --target es2022 --module nodenext generated.ts) >&2 || echo "no TypeScript client was made" >&2
fi
rows=$work/rows
touch "$rows"
if command -v node >/dev/null; then
  mkdir -p "$folder/node"
  (cd "$folder/node" && node "$OLDPWD/scripts/check_clients.mjs" "http://$address" "$key") >"$rows"
fi
MADE=$made "$python" scripts/check_clients.py "http://$address" "$key" "$rows"
