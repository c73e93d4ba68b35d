#!/usr/bin/env bash
# Runs the official clients of the Model Context Protocol (the Python SDK and, where npm is, the inspector) against both
# transports.
# Usage: check_mcp.sh WATTWISE
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
source scripts/serve_for_check.sh "$program" chat,retrieve
python=target/mcp-client/bin/python
if ! "$python" -c 'import mcp' 2>/dev/null; then
  python3 -m venv target/mcp-client
  "$python" -m pip install --quiet --disable-pip-version-check mcp==2.3.0
fi
"$python" scripts/check_mcp.py "$wattwise" "$work/index" "http://$address" "$key"

# The inspector's command line, over both transports. `--strict` fails where the schema of a tool would not be
# taken by every client.
if ! command -v npm >/dev/null; then
  echo "check_mcp: npm is not installed, so that the inspector's command line is not tried" >&2
  exit 0
fi
folder=$PWD/target/mcp-client/inspector
if ! [ -x "$folder/node_modules/.bin/mcp-inspector" ]; then
  mkdir -p "$folder"
  if ! (cd "$folder" && npm install --silent --no-audit --no-fund --no-save @modelcontextprotocol/inspector@2.12.0); then
    echo "check_mcp: the inspector could not be installed, so that it is not tried" >&2
    exit 0
  fi
fi
inspect() {
  MCP_CATALOG_PATH=$work/catalog.json timeout 60 "$folder/node_modules/.bin/mcp-inspector" --cli "${target[@]}" "$@"
}
# Usage: shows NAME TEXT ARGUMENTS…: the inspector ends well and prints the text.
shows() {
  local name=$1 text=$2
  shift 2
  if ! inspect "$@" >"$work/inspected" || ! grep -qF "$text" "$work/inspected"; then
    cat "$work/inspected" >&2
    echo "check_mcp: inspector, $transport: $name does not hold" >&2
    exit 1
  fi
  echo "ok  inspector, $transport: $name"
}
for transport in stdio http; do
  target=("$wattwise" mcp --index "$work/index")
  [ "$transport" = stdio ] || target=("http://$address/mcp" --transport http --header "Authorization: Bearer $key")
  shows "its tools are portable" '"list_documents"' --method tools/list --strict
  question="What is the usual target depth of mineral wool in a loft?"
  shows "it answers" "270 mm" --method tools/call --tool-name answer --tool-arg "question=$question"
  shows "it lists resources" "wattwise://documents/" --method resources/list
  document=$(grep -o 'wattwise://documents/[0-9a-f]*' "$work/inspected" | head -1)
  shows "a resource can be read" '"text"' --method resources/read --uri "$document"
  shows "it has templates" "{id}" --method resources/templates/list
  shows "its prompt holds the question" "loft" --method prompts/get --prompt-name ask --prompt-args "question=a loft"
done
