#!/usr/bin/env bash
# Runs the official client of the Model Context Protocol (Python) against both transports.
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
