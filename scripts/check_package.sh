#!/usr/bin/env bash
# Packs a built program, installs the .deb with dpkg in a clean Debian root and answers a question there
# without a network; the same with the tarball. Prints sizes and times.
# Usage: check_package.sh WATTWISE
#
# Needs root and mmdebstrap, which it installs. The root is kept in target/package for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
out=target/package
work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap stop EXIT
mkdir -p $out
# Without debug information, as a release has it.
strip -o "$work/wattwise" "$1"
rm -f $out/*.deb $out/*.tar.gz
begun=$SECONDS
scripts/package.sh "$work/wattwise" $out >/dev/null
echo "packed in $((SECONDS - begun)) s"
ls -l --block-size=K $out/*.deb $out/*.tar.gz | awk '{print $5, $NF}'

# shellcheck disable=SC1091 # the system's own
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# No more than what dpkg itself needs.
parts=dpkg,dash,coreutils,diffutils,sed,grep,libc-bin,base-files,base-passwd
fetch_root() {
  command -v mmdebstrap || { apt-get update -qq && apt-get install -y -qq --no-install-recommends mmdebstrap; } || return
  mmdebstrap --quiet --format=tar --variant=custom --include=$parts "$suite" "$out/$suite.part" && mv "$out/$suite.part" "$out/$suite.tar"
}
if [ ! -s "$out/$suite.tar" ] && ! fetch_root >/dev/null; then
  echo "NOT CHECKED: a clean Debian root cannot be fetched here" >&2
  exit 0
fi
mkdir "$work/root"
tar --directory "$work/root" -xf "$out/$suite.tar"
cp $out/*.deb "$work/root/wattwise.deb"
tar --directory "$work/root/opt" -xf $out/*.tar.gz
# A process and a network namespace of its own: there is not even a loopback.
mkdir -p "$work/root/proc"
inside() { unshare --pid --fork --mount-proc="$work/root/proc" --net chroot "$work/root" \
  /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -ec "$1"; }

begun=$(date +%s%N)
passed() { echo "$1: $((($(date +%s%N) - begun) / 1000000)) ms"; begun=$(date +%s%N); }
inside 'dpkg --install /wattwise.deb >/dev/null'
passed "dpkg --install"
question='How thick should the insulation of my loft be?'
for program in wattwise /opt/wattwise-*/bin/wattwise; do
  guides="\$(dirname \$(command -v $program))/../share/wattwise/guides"
  inside "cd /root; rm -rf index; $program ingest --index index --docs $guides >log 2>&1 || { cat log >&2; exit 1; }"
  passed "$program: ingest of the shipped guides"
  answer=$(inside "cd /root; $program ask --index index '$question'")
  passed "$program: answer"
  grep -q '270' <<<"$answer" || { echo "not the answer to $question: $answer" >&2; exit 1; }
done
inside 'test -s /usr/share/man/man1/wattwise.1.gz; test -s /usr/share/bash-completion/completions/wattwise
  dpkg --verify wattwise; dpkg --remove wattwise >/dev/null; ! command -v wattwise'
echo "removed again"
