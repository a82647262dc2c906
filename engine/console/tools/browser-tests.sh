#!/usr/bin/env bash
# The console in a headless Chromium against a real engine: the tests below web/e2e. What they run must be built.
#
# `--where-possible`: where no browser can be had, they are left out, and that is said. A browser that is there and does
# not start is a failure.
set -euo pipefail
cd "$(dirname "$0")/../../.."

if ! chromium=$(engine/console/tools/chromium.sh); then
    [ "${1:-}" = --where-possible ] || exit 1
    cat >&2 <<'NOTE'

==================================================================================================
 NOT RUN: the console's tests in a browser. There is no Chromium here, and none could be installed.
 Install Debian's package chromium-headless-shell, or name a browser in CONSOLE_CHROMIUM, then:
     make console-test
==================================================================================================

NOTE
    exit 0
fi
node=$(engine/console/tools/node.sh)
nats=$(tests/tools/nats-server.sh)
export PATH="$node:$PATH" CONSOLE_CHROMIUM="$chromium" TAILRACE_NATS_SERVER="$nats"
export TAILRACE_BINARY="${TAILRACE_BINARY:-$PWD/target/debug/tailrace}"
export TAILRACE_PLUGINS="${TAILRACE_PLUGINS:-$PWD/target/wasm32-unknown-unknown/guest}"
exec npm --prefix engine/console/web run --silent e2e
