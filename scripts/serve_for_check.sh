# Sourced by checks of clients: an index of two guides in $work/index, a server over it with a key, its
# address in $address and the key in $key. Both go when the script ends.
# Usage: source serve_for_check.sh WATTWISE SCOPES [flags of serve]
wattwise=$(realpath "$1")
scopes=$2
shift 2
work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
mkdir "$work/docs"
cp data/guides/loft-insulation.md data/guides/draught-proofing.md "$work/docs/"
(cd "$work" && "$wattwise" ingest --docs docs --index index)
key=$("$wattwise" keys create --state "$work/state" --name check --scopes "$scopes")
"$wattwise" serve --index "$work/index" --state "$work/state" --bind 127.0.0.1:0 --log-format json "$@" \
  2>"$work/server.log" &
server=$!
address=
for _ in $(seq 300); do
  address=$(sed -n 's/.*"server.address":"\([^"]*\)".*/\1/p' "$work/server.log" | head -1)
  [ -n "$address" ] && break
  kill -0 "$server" || { cat "$work/server.log" >&2; exit 1; }
  sleep 0.1
done
