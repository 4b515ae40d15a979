#!/usr/bin/env bash
# Fetches Debian's cloud kernel (only the file vmlinuz; nothing is installed) for the tests that boot a virtual machine.
# Usage: fetch-kernel.sh [FOLDER]; the default is where the tests look. Needs apt's package lists (apt-get update).
set -euo pipefail
folder="${1:-$(dirname "${BASH_SOURCE[0]}")/../../../node_modules/.cache/openwhisk-harvest}"
mkdir -p "$folder"
folder="$(cd "$folder" && pwd)"
if compgen -G "$folder/vmlinuz-*cloud*" >/dev/null; then exit 0; fi

package="$(apt-cache depends --important linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)"
[ -n "$package" ] || { echo "linux-image-cloud-amd64 is not in apt's package lists" >&2; exit 1; }

scratch="$(mktemp -d "$folder/fetch-XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
apt-get download -qq "$package"
dpkg-deb --fsys-tarfile ./*.deb | tar -x --wildcards './boot/vmlinuz-*'
mv boot/vmlinuz-* "$folder/"
