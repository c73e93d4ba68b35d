#!/usr/bin/env bash
# Known faults of the packages that Cargo.lock names, from the RustSec database. The database is fetched anew each time;
# where the network is closed, ADVISORY_DB names a clone of it, and without one nothing is checked, which is said.
set -euo pipefail
cd "$(dirname "$0")/.."

source=https://github.com/RustSec/advisory-db
if [ -n "${ADVISORY_DB:-}" ]; then
  [ -d "$ADVISORY_DB" ] || { echo "ADVISORY_DB: there is no $ADVISORY_DB" >&2; exit 2; }
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.$(realpath "$ADVISORY_DB").insteadOf" GIT_CONFIG_VALUE_0=$source
  echo "advisories: from $ADVISORY_DB, as of $(git -C "$ADVISORY_DB" log -1 --format=%cs)"
elif ! timeout 20 git ls-remote --quiet --exit-code $source HEAD >/dev/null 2>&1; then
  echo "advisories: NOT CHECKED: $source cannot be reached, and ADVISORY_DB names no clone of it (docs/operations.md)" >&2
  exit 0
fi
cargo deny --locked check advisories
