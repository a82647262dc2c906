#!/usr/bin/env bash
# Makes a client of the API in Python from docs/reference/openapi.json, in the folder that the argument names. Prints
# the Python that has what the client needs.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=0.29.1
folder=$PWD/target/tools/openapi-client
if ! [ -x "$folder/bin/openapi-python-client" ]; then
    echo "fetching openapi-python-client $VERSION from PyPI" >&2
    python3 -m venv "$folder" >&2
    "$folder/bin/pip" install --quiet --disable-pip-version-check "openapi-python-client==$VERSION" >&2
fi
# It looks for a formatter, and says so where there is none.
"$folder/bin/openapi-python-client" generate --meta none --overwrite \
    --path docs/reference/openapi.json --output-path "$1" >&2
echo "$folder/bin/python"
