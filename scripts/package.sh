#!/usr/bin/env bash
# Packs a built program: package.sh WATTWISE OUT_DIR
#
# Writes wattwise_VERSION_ARCH.deb and wattwise-VERSION-ARCH-linux.tar.gz, both of what `make install`
# installs; the tarball runs from wherever it is unpacked. dpkg-deb and not cargo-deb: there is
# nothing to compile first, and files are listed once, in install.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
wattwise=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# Equal sources give equal packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
umask 022
mkdir -p "$out"

name=wattwise-$version-$(uname -m)-linux
scripts/install.sh "$wattwise" "$work/$name" ""
tar --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
  gzip --no-name >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"

if ! command -v dpkg-deb >/dev/null; then
  echo "no .deb: dpkg-deb is not installed" >&2
  exit 0
fi
deb=$work/deb
scripts/install.sh "$wattwise" "$deb" /usr
install -D --mode 644 deploy/logrotate/wattwise "$deb/etc/logrotate.d/wattwise"
cat LICENSE LICENSE-MIT LICENSE-APACHE >"$deb/usr/share/doc/wattwise/copyright"
rm "$deb"/usr/share/doc/wattwise/LICENSE*
gzip --best --no-name "$deb"/usr/share/man/man1/* "$deb/usr/share/doc/wattwise/CHANGELOG.md"
install -D --mode 755 --target-directory "$deb/DEBIAN" deploy/debian/postinst deploy/debian/prerm
echo /etc/logrotate.d/wattwise >"$deb/DEBIAN/conffiles"
(cd "$deb" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum) >"$deb/DEBIAN/md5sums"
# The newest symbols of the C library that the program asks for.
libc=$(objdump -T "$wattwise" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
cat >"$deb/DEBIAN/control" <<CONTROL
Package: wattwise
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: Wattwise <wattwise@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$deb" | cut -f1)
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1
Recommends: ca-certificates
Suggests: tesseract-ocr
Section: web
Priority: optional
Description: answers questions about your own documents, with checked citations
 Reads web pages, PDFs, office files, mail and text into an index in a folder
 and answers over HTTP. The models that it needs are in the program; it ships
 with guides on saving energy at home.
CONTROL
deb_file=$out/wattwise_${version}_$(dpkg --print-architecture).deb
find "$deb" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
# Models hardly compress: xz would take a minute for a few per cent.
dpkg-deb --build --root-owner-group -Zgzip "$deb" "$deb_file" >/dev/null
echo "$deb_file"
