"""What deploy/ says of the engine is what the engine says of itself."""

import re
import tomllib

from chart import VALUES, one
from tools import DEPLOY, ROOT, load, must_refuse, read

REFERENCE = "docs/reference/configuration.md"
# Of the engine beside its configuration, of the command line, of the compose file.
OTHERS = {"TAILRACE_OPERATOR_TOKEN", "TAILRACE_URL", "TAILRACE_TOKEN", "TAILRACE_VERSION", "TAILRACE_MEMORY"}

# The times that an engine may take to end, beside `http.drain`.
LONGEST = {
    "DRAIN": "engine/dataplane/src/run/supervise.rs",
    "GIVE_UP_WITHIN": "engine/server/src/wiring.rs",
    "FLUSH_WITHIN": "engine/server/src/traces/mod.rs",
}


def versions(tools):
    """versions: of the toolchain and of the engine"""
    channel = tomllib.loads(read("rust-toolchain.toml"))["toolchain"]["channel"]
    if f"ARG RUST_VERSION={channel}\n" not in read("deploy/docker/Dockerfile"):
        yield f"the Dockerfile has another toolchain than rust-toolchain.toml: {channel}"
    version = tomllib.loads(read("Cargo.toml"))["workspace"]["package"]["version"]
    chart = load("deploy/helm/tailrace/Chart.yaml")["appVersion"]
    if chart != version:
        yield f"appVersion of the chart is {chart}, the engine is {version}"
    if "${TAILRACE_VERSION:-%s}" % version not in read("deploy/compose/compose.yaml"):
        yield f"compose.yaml has another version than the engine: {version}"


def known_fields():
    """Of the configuration: the fields of each table, and the names of variables."""
    fields, variables, table = {}, set(), ""
    for line in read(REFERENCE).splitlines():
        if heading := re.match(r"## `\[+([^\]]+)\]+`", line):
            table = heading[1]
            fields.setdefault(table, set())
        elif row := re.match(r"\| `([a-z-]+)` \|.*\| `(TAILRACE_\w+)` \|", line):
            fields.setdefault(table, set()).add(row[1])
            variables.add(row[2])
    return fields, variables


def unknown(table, found, fields):
    """Fields of a configuration that the engine does not have."""
    for name, value in found.items():
        path = f"{table}.{name}".lstrip(".")
        if path in fields and isinstance(value, dict):
            yield from unknown(path, value, fields)
        elif path not in fields and name not in fields[table]:
            yield path


def configuration(tools):
    """configurations: every field is one that the engine has"""
    fields, _ = known_fields()
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in DEPLOY.rglob("*.toml")}
    for values in VALUES:
        (map_,) = one(tools, values, "ConfigMap")
        texts[values] = map_["data"]["tailrace.toml"]
    for name, text in texts.items():
        try:
            for field in unknown("", tomllib.loads(text), fields):
                yield f"{name}: the engine has no field {field}"
        except tomllib.TOMLDecodeError as error:
            yield f"{name}: {error}"
    breach = tomllib.loads("[nats]\nreplica = 3\n")
    yield from must_refuse("a field that the engine does not have", list(unknown("", breach, fields)))


def environment(tools):
    """environment: every variable is one that the engine reads"""
    _, variables = known_fields()
    for path in sorted(DEPLOY.rglob("*")):
        if path.is_file():
            for name in sorted(set(re.findall(r"TAILRACE_[A-Z_]*[A-Z]", path.read_text()))):
                if name not in variables | OTHERS:
                    yield f"{path.relative_to(ROOT)}: the engine reads no {name}"


def probes(tools):
    """probes: the routes are those of the API"""
    routes = set(re.findall(r"^### GET (/\S+)", read("docs/reference/http-api.md"), re.M))
    for path in sorted(DEPLOY.rglob("*")):
        if path.is_file():
            for route in sorted(set(re.findall(r"(?:8790|path:|path:\s*|port }})\s*(/[a-z]+)\b", path.read_text()))):
                if route not in routes:
                    yield f"{path.relative_to(ROOT)}: the API has no {route}"


def seconds(text):
    return int(text.removesuffix("s"))


def ending(tools):
    """ending: the engine gets the time that it may take"""
    longest = seconds(tomllib.loads(read("examples/tailrace.toml"))["http"]["drain"])
    for name, file in LONGEST.items():
        found = re.search(rf"const {name}: Duration = Duration::from_secs\((\d+)\)", read(file))
        if not found:
            yield f"{name} is not in {file} any more: this check must look elsewhere"
            return
        longest += int(found[1])
    given = {
        "systemd": int(re.search(r"^TimeoutStopSec=(\d+)$", read("deploy/systemd/tailrace.service"), re.M)[1]),
        "compose": seconds(load("deploy/compose/compose.yaml")["services"]["engine-1"]["stop_grace_period"]),
    }
    for values in VALUES:
        (engines,) = one(tools, values, "StatefulSet")
        pod = engines["spec"]["template"]["spec"]
        given[values] = pod["terminationGracePeriodSeconds"]
        if lifecycle := pod["containers"][0].get("lifecycle"):
            given[values] -= lifecycle["preStop"]["sleep"]["seconds"]
    for name, time in given.items():
        if time <= longest:
            yield f"{name} gives {time} s, and an engine may take {longest} s"
    if f".Values.preStopSeconds) {longest} " not in read("deploy/helm/tailrace/templates/_helpers.tpl"):
        yield f"the chart's own check of terminationGracePeriodSeconds does not reckon with {longest} s"


CHECKS = [versions, configuration, environment, probes, ending]
