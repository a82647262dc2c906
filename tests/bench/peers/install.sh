#!/usr/bin/env bash
# Prints the path of a Python with what a peer of the benchmark needs, `nats-py` or `pathway`: pinned packages from
# PyPI, in an environment of its own under target/tools, made once.
set -euo pipefail
cd "$(dirname "$0")/../../.."

case "${1:-}" in
    nats-py) PACKAGES="nats-py==2.16.0 uvloop==0.23.0 orjson==3.13.0" SIZE="30 MB" ;;
    pathway) PACKAGES="pathway==0.33.0" SIZE="1.6 GB" ;;
    *)
        echo "usage: $0 nats-py|pathway" >&2
        exit 2
        ;;
esac
PLACE=target/tools/peers/$1

if [ "$(cat "$PLACE/packages" 2>/dev/null)" != "$PACKAGES" ]; then
    echo "installing $PACKAGES from PyPI ($SIZE on the disk)" >&2
    rm -rf "$PLACE"
    mkdir -p "$(dirname "$PLACE")"
    python3 -m venv "$PLACE" >&2
    # shellcheck disable=SC2086 # several packages
    "$PLACE/bin/python" -m pip install --quiet --disable-pip-version-check $PACKAGES >&2
    echo "$PACKAGES" > "$PLACE/packages"
fi
echo "$PWD/$PLACE/bin/python"
