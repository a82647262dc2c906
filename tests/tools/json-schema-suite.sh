#!/usr/bin/env bash
# The public JSON-Schema-Test-Suite, as data: prints the folder with its tests/ and remotes/.
#
# The suite itself is in no registry as a current package. The source distribution of the Python package
# `jsonschema` carries it whole, in a folder json/.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=4.26.0
folder=target/tools/json-schema-suite-$version

if [ ! -d "$folder" ]; then
    fetched=$(mktemp -d)
    trap 'rm -rf "$fetched"' EXIT
    echo "fetching the source of jsonschema $version from PyPI" >&2
    python3 -m pip download --quiet --no-deps --no-binary jsonschema --dest "$fetched" "jsonschema==$version" >&2
    tar -xzf "$fetched"/jsonschema-*.tar.gz -C "$fetched"
    mkdir -p target/tools
    # Another test run may have been faster.
    mv -T "$fetched/jsonschema-$version/json" "$folder" 2> /dev/null || [ -d "$folder" ]
fi
echo "$PWD/$folder"
