"""The compose file and what it mounts: deploy/compose."""

import copy
import json
import os
import re
import subprocess

import jsonschema

from tools import DEPLOY, ROOT, load, must_refuse, read

FILE = "deploy/compose/compose.yaml"
SCHEMA = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"


def schema(tools):
    """compose.yaml: the schema of the compose specification"""
    schema = json.loads((tools.folder / "lib" / SCHEMA).read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    file = load(FILE)
    for error in validator.iter_errors(file):
        yield f"{FILE}: {'.'.join(map(str, error.absolute_path))}: {error.message}"
    breach = copy.deepcopy(file)
    breach["services"]["engine-1"]["stop_grace"] = "60s"
    yield from must_refuse("a field that compose does not have", not validator.is_valid(breach))


def hardened(tools):
    """compose.yaml: loopback only, read-only, no capabilities, health checks, time to end"""
    for name, service in load(FILE)["services"].items():
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name}: the port {port} is open to the network"
        for field, value in (("read_only", True), ("cap_drop", ["ALL"]), ("restart", "unless-stopped")):
            if service.get(field) != value:
                yield f"{name}: {field} is not {value}"
        for field in ("healthcheck", "stop_grace_period", "secrets", "networks"):
            if not service.get(field):
                yield f"{name}: there is no {field}"


def mounts(tools):
    """compose.yaml: everything that is mounted is there"""
    file = load(FILE)
    for name, service in file["services"].items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./") and not (DEPLOY / "compose" / source).is_file():
                yield f"{name}: there is no {source}"
            if not source.startswith(".") and source not in file["volumes"]:
                yield f"{name}: there is no volume {source}"
        for secret in service.get("secrets", []):
            if secret not in file["secrets"]:
                yield f"{name}: there is no secret {secret}"


def broker(tools):
    """nats.conf: nats-server takes it, and it is the one of the tests"""
    server = subprocess.check_output([ROOT / "tests/tools/nats-server.sh"], text=True).strip()

    def takes(file):
        # A password of digits must stay a text, which the quotes of compose.yaml see to.
        environment = {**os.environ, "SERVER_NAME": "nats-1", "NATS_PASSWORD": "'12e4'"}
        command = [server, "--config", file, "-t"]
        done = subprocess.run(command, env=environment, text=True, capture_output=True)
        return done.returncode == 0, (done.stdout + done.stderr).strip()

    passed, said = takes(DEPLOY / "compose/nats.conf")
    if not passed:
        yield said
    yield from must_refuse("a configuration that nats-server refuses", not takes(DEPLOY / "compose/compose.yaml")[0])
    version = re.search(r"^VERSION=(\S+)$", read("tests/tools/nats-server.sh"), re.M)[1]
    for name, service in load(FILE)["services"].items():
        if name.startswith("nats-") and service["image"] != f"nats:{version}-alpine":
            yield f"{name}: the tests run against {version}, this is {service['image']}"


CHECKS = [schema, hardened, mounts, broker]
