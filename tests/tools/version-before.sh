#!/bin/sh
# Builds the engine of the version before, with a plugin for it, and prints the path of its binary. The torture's
# scenario `upgrade` runs it beside the present one, and tests/stored keeps what it stored.
set -eu
# The version before, the one place that names it.
commit=8fd95f2

top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$top/target/version-before/$commit
binary=$folder/target/debug/tailrace
plugin=$folder/target/wasm32-unknown-unknown/guest/tailrace_test_guest.wasm
if [ ! -x "$binary" ] || [ ! -f "$plugin" ]; then
    if ! git -C "$top" cat-file -e "$commit^{commit}" 2>/dev/null; then
        echo "commit $commit is not in this clone: fetch the whole history (git fetch --unshallow)" >&2
        exit 1
    fi
    mkdir -p "$folder"
    git -C "$top" archive "$commit" | tar -x -C "$folder"
    echo "building the engine of $commit; this takes some minutes" >&2
    (
        cd "$folder"
        export CARGO_TARGET_DIR="$folder/target"
        cargo build --locked --profile guest --target wasm32-unknown-unknown -p tailrace-test-guest --lib
        cargo build --locked -p tailrace
    ) >&2
fi
echo "$binary"
