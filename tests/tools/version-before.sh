#!/bin/sh
# Builds the engine of the version before and prints the path of its binary. The torture's scenario `upgrade` runs it
# beside the present one, and tests/stored keeps what it stored.
set -eu
# The version before, the one place that names it.
commit=8fd95f2

top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$top/target/version-before/$commit
binary=$folder/target/debug/tailrace
if [ ! -x "$binary" ]; then
    if ! git -C "$top" cat-file -e "$commit^{commit}" 2>/dev/null; then
        echo "commit $commit is not in this clone: fetch the whole history (git fetch --unshallow)" >&2
        exit 1
    fi
    mkdir -p "$folder"
    git -C "$top" archive "$commit" | tar -x -C "$folder"
    echo "building the engine of $commit; this takes some minutes" >&2
    (cd "$folder" && CARGO_TARGET_DIR="$folder/target" cargo build --locked -p tailrace) >&2
fi
echo "$binary"
