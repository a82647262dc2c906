#!/usr/bin/env bash
# Prints the path of a Chromium for the console's tests: the one that CONSOLE_CHROMIUM names, else one on PATH,
# else Debian's, which it installs where it may.
set -euo pipefail

found() {
    local name
    for name in "${CONSOLE_CHROMIUM:-}" chromium-headless-shell chromium chromium-browser google-chrome; do
        if [ -n "$name" ] && command -v "$name"; then return; fi
    done
    return 1
}

found && exit
if command -v apt-get > /dev/null && [ "$(id -u)" -eq 0 ]; then
    echo "installing Debian's chromium-headless-shell" >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        chromium-headless-shell fonts-dejavu-core; } > /dev/null 2>&1 || true
    found && exit
fi
echo "no Chromium here: install Debian's package chromium-headless-shell, or name one in CONSOLE_CHROMIUM" >&2
exit 1
