#!/usr/bin/env bash
# Prints the path of a Python with what the peers of the benchmark need: pinned packages from PyPI, in an
# environment of its own under target/tools, made once.
set -euo pipefail
cd "$(dirname "$0")/../../.."

PACKAGES="nats-py==2.16.0 uvloop==0.23.0 orjson==3.13.0"
HOME_OF_PEERS=target/tools/peers

if [ "$(cat "$HOME_OF_PEERS/packages" 2>/dev/null)" != "$PACKAGES" ]; then
    echo "installing $PACKAGES from PyPI" >&2
    rm -rf "$HOME_OF_PEERS"
    python3 -m venv "$HOME_OF_PEERS" >&2
    # shellcheck disable=SC2086 # several packages
    "$HOME_OF_PEERS/bin/python" -m pip install --quiet --disable-pip-version-check $PACKAGES >&2
    echo "$PACKAGES" > "$HOME_OF_PEERS/packages"
fi
echo "$PWD/$HOME_OF_PEERS/bin/python"
