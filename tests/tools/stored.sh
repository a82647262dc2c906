#!/bin/sh
# Makes tests/stored/<commit>.tar.gz: what the engine of the version before stores. To be run once for each version.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
before=$(tests/tools/version-before.sh)
commit=$(basename "$(dirname "$(dirname "$(dirname "$before")")")")
cargo build --locked --workspace --bin stored
mkdir -p tests/stored
TAILRACE_NATS_SERVER=$(tests/tools/nats-server.sh) TAILRACE_BEFORE=$before \
    target/debug/stored "tests/stored/$commit.tar.gz"
ls -l "tests/stored/$commit.tar.gz"
