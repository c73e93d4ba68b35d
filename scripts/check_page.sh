#!/usr/bin/env bash
# Drives the page at `/` in Debian's Chromium against servers of its own. A table; the exit status tells.
# Usage: check_page.sh WATTWISE [INDEX]   an index that is there saves the ingest
set -euo pipefail
cd "$(dirname "$0")/.."

wattwise=$(realpath "$1")
index=${2:+$(realpath "$2")}
modules=target/check-page
wanted="playwright-core@1.65.1 axe-core@4.14.1"
install() {
  command -v node >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm; } || return
  command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } || return
  mkdir -p "$modules"
  if [ "$(cat "$modules/installed" 2>/dev/null)" != "$wanted" ]; then
    # shellcheck disable=SC2086
    npm install --prefix "$modules" --no-audit --no-fund --no-save --silent $wanted && echo "$wanted" >"$modules/installed"
  fi
}
if ! install; then
  echo "NOT CHECKED: the browser and what drives it cannot be installed here" >&2
  exit 0
fi
CHROMIUM=$(command -v chromium) NODE_MODULES=$PWD/$modules/node_modules WATTWISE=$wattwise INDEX=$index \
  node scripts/page/check.mjs
