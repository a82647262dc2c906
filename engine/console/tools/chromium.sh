#!/usr/bin/env bash
# Prints the path of a Chromium for the console's tests: the one that CONSOLE_CHROMIUM names, else one on PATH,
# else Debian's, which it installs where it may.
set -euo pipefail

found() {
    local name
    for name in chromium-headless-shell chromium chromium-browser google-chrome; do
        if command -v "$name"; then return; fi
    done
    return 1
}

# A browser that is named is the one that is meant: whether it starts is for the tests to find out.
if [ -n "${CONSOLE_CHROMIUM:-}" ]; then
    command -v "$CONSOLE_CHROMIUM" || echo "$CONSOLE_CHROMIUM"
    exit
fi

found && exit
if command -v apt-get > /dev/null && [ "$(id -u)" -eq 0 ]; then
    echo "installing Debian's chromium-headless-shell" >&2
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        chromium-headless-shell fonts-dejavu-core; } > "$log" 2>&1 || true
    found && exit
    echo "apt-get could not install it; its last words:" >&2
    tail -n 5 "$log" >&2
fi
echo "no Chromium here: install Debian's package chromium-headless-shell, or name one in CONSOLE_CHROMIUM" >&2
exit 1
