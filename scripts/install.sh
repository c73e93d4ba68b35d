#!/usr/bin/env bash
# Installs a built program: install.sh WATTWISE DESTDIR PREFIX
#
# Into DESTDIR/PREFIX: the program with the guides that it ships, completions, man pages, systemd's
# files with the prefix in them, and the documents. Nothing is started and no user is made.
set -euo pipefail
cd "$(dirname "$0")/.."
wattwise=$(realpath "$1") root=$2$3 prefix=$3
share=$root/share
copy() { install -D --mode 644 --target-directory "$@"; }

install -D --mode 755 "$wattwise" "$root/bin/wattwise"
copy "$share/wattwise/guides" data/guides/* data/pdfs/*.pdf
copy "$share/wattwise" data/questions.jsonl data/energySavingUrls.json wattwise.example.toml
copy "$share/wattwise/grafana" deploy/grafana/wattwise.json
copy "$share/doc/wattwise" README.md ARCHITECTURE.md CHANGELOG.md LICENSE*
copy "$share/doc/wattwise/docs" docs/*.md

mkdir -p "$share/bash-completion/completions" "$share/fish/vendor_completions.d" "$share/man/man1"
# Debian keeps /usr/share/zsh/site-functions for itself.
zsh=$share/zsh/site-functions
[ "$prefix" != /usr ] || zsh=$share/zsh/vendor-completions
mkdir -p "$zsh"
"$wattwise" completions bash >"$share/bash-completion/completions/wattwise"
"$wattwise" completions fish >"$share/fish/vendor_completions.d/wattwise.fish"
"$wattwise" completions zsh >"$zsh/_wattwise"
"$wattwise" man "$share/man/man1" >/dev/null

copy "$root/lib/systemd/system" deploy/systemd/*
sed -i "s|/usr/local|$prefix|g" "$root"/lib/systemd/system/wattwise*
copy "$root/lib/sysusers.d" deploy/sysusers.d/wattwise.conf
copy "$root/lib/tmpfiles.d" deploy/tmpfiles.d/wattwise.conf
