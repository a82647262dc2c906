"""The Helm chart: deploy/helm/tailrace, rendered with each file of its folder ci."""

import copy
import functools

import kubernetes_validate
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tools import DEPLOY, ROOT, must_refuse

CHART = DEPLOY / "helm/tailrace"
SOURCE = "it comes from PyPI for Linux on x86_64 only; install it from helm.sh"
# As unpack.py unpacks them.
VERSIONS = ("1.30", "1.37")
VALUES = sorted(path.name for path in (CHART / "ci").glob("*.yaml"))
YAMLLINT = """
extends: default
rules:
  braces: { max-spaces-inside: 1 }
  comments: { min-spaces-from-content: 1 }
  document-start: disable
  line-length: { max: 120 }
"""
# Values that the chart must refuse, and a word of the answer.
REFUSED = [
    ("nats.url=", "nats.url is missing"),
    ("operatorToken.existingSecret=", "operatorToken.existingSecret is missing"),
    ("nats.url=nats://user:secret@nats", "nats"),
    ("nats.replicas=2", "nats"),
    ("replica=3", "replica"),
    ("replicas=three", "replicas"),
    ("image.digest=sha256:12", "digest"),
    ("persistence.accessModes={ReadWriteMany}", "accessModes"),
    ("persistence.size=big", "size"),
    ("terminationGracePeriodSeconds=30", "terminationGracePeriodSeconds is too short"),
    ("config=listen = \"0.0.0.0:1\"", "listen is set by this chart"),
    ("nats.password.user=me", "go together"),
    ("nats.token.existingSecret=a,nats.credentials.existingSecret=b", "in one way only"),
    ("metrics.serviceMonitor.enabled=true", "wants a token"),
]


def helm(tools, *arguments):
    return tools.run("helm", *arguments, source=SOURCE)


@functools.cache
def rendered(tools, values):
    """The objects that a file of values makes."""
    options = ["--namespace", "streams", "--values", CHART / "ci" / values]
    passed, said = helm(tools, "template", "release", CHART, *options)
    if not passed:
        raise SystemExit(f"{values}: {said}")
    return [thing for thing in yaml.safe_load_all(said) if thing]


def one(tools, values, kind):
    return [thing for thing in rendered(tools, values) if thing["kind"] == kind]


def lint(tools):
    """chart: helm lint --strict; yamllint of what is no template"""
    for values in VALUES:
        passed, said = helm(tools, "lint", CHART, "--strict", "--values", CHART / "ci" / values)
        if not passed:
            yield f"{values}: {said}"
    files = [CHART / "Chart.yaml", CHART / "values.yaml", *(CHART / "ci").glob("*.yaml")]
    files.append(DEPLOY / "compose/compose.yaml")
    for file in files:
        for problem in linter.run(file.read_text(), YamlLintConfig(YAMLLINT)):
            yield f"{file.relative_to(ROOT)}:{problem.line}: {problem.desc}"


def schemas(tools):
    """chart: every object fits the schemas of Kubernetes"""
    for values in VALUES:
        for thing in rendered(tools, values):
            if thing["kind"] != "ServiceMonitor":
                yield from misfits(thing, values)
    (breach,) = copy.deepcopy(one(tools, VALUES[0], "StatefulSet"))
    breach["spec"]["template"]["spec"]["containers"][0]["readinessProb"] = {}
    yield from must_refuse("a field that Kubernetes does not have", list(misfits(breach, "")))


def misfits(thing, values):
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(map(str, error.path))
            yield f"{values}: {thing['kind']} against {version}: {place}: {error.message}"


def monitor(tools):
    """chart: the ServiceMonitor is as expected (Kubernetes has no schema of its kind)"""
    fields = {"port": "api", "path": "/metrics", "interval": "30s"}
    token = {"credentials": {"name": "tailrace-metrics", "key": "token"}}
    tls = {"ca": {"secret": {"name": "api-certificate", "key": "ca.crt"}}, "serverName": "engines"}
    for values, expected in (
        ("most.yaml", {**fields, "scheme": "https", "authorization": token, "tlsConfig": tls}),
        ("folders.yaml", {**fields, "scheme": "http"}),
    ):
        (found,) = one(tools, values, "ServiceMonitor")
        if found["apiVersion"] != "monitoring.coreos.com/v1" or found["spec"]["endpoints"] != [expected]:
            yield f"{values}: {found['spec']['endpoints']}, expected {expected}"
        chosen = found["spec"]["selector"]["matchLabels"]
        services = [service["metadata"] for service in one(tools, values, "Service")]
        scraped = [service["name"] for service in services if fits(chosen, service["labels"])]
        if len(scraped) != 1:
            yield f"{values}: it chooses {scraped}, so engines are scraped twice or never"


def fits(selector, labels):
    return selector.items() <= labels.items()


def selectors(tools):
    """chart: services, budget, policy and spread choose the engines, and nothing else"""
    for values in VALUES:
        (engines,) = one(tools, values, "StatefulSet")
        labels = engines["spec"]["template"]["metadata"]["labels"]
        chosen = [engines["spec"]["selector"]["matchLabels"]]
        chosen += [service["spec"]["selector"] for service in one(tools, values, "Service")]
        chosen += [budget["spec"]["selector"]["matchLabels"] for budget in one(tools, values, "PodDisruptionBudget")]
        chosen += [policy["spec"]["podSelector"]["matchLabels"] for policy in one(tools, values, "NetworkPolicy")]
        spread = engines["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
        chosen += [constraint["labelSelector"]["matchLabels"] for constraint in spread]
        for selector in chosen:
            if not fits(selector, labels):
                yield f"{values}: {selector} does not choose {labels}"
            for pod in one(tools, values, "Pod"):
                if fits(selector, pod["metadata"]["labels"]):
                    yield f"{values}: {selector} chooses the pod of the test, too"
        names = [service["metadata"]["name"] for service in one(tools, values, "Service")]
        if engines["spec"]["serviceName"] not in names:
            yield f"{values}: there is no service {engines['spec']['serviceName']}"


def volumes(tools):
    """chart: every volume is mounted, every mount is a volume, every file of the environment is below a mount"""
    for values in VALUES:
        (engines,) = one(tools, values, "StatefulSet")
        pod = engines["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        there = [volume["name"] for volume in pod["volumes"]]
        there += [claim["metadata"]["name"] for claim in engines["spec"].get("volumeClaimTemplates", [])]
        mounted = [mount["name"] for mount in container["volumeMounts"]]
        if sorted(there) != sorted(mounted):
            yield f"{values}: the volumes are {sorted(there)}, and {sorted(mounted)} are mounted"
        folders = [mount["mountPath"] for mount in container["volumeMounts"]]
        for variable in container["env"]:
            path = variable["value"]
            if path.startswith("/") and not any(path == folder or path.startswith(folder + "/") for folder in folders):
                yield f"{values}: {variable['name']}: nothing is mounted at {path}"


def refusals(tools):
    """chart: values that cannot work are refused, with the way out"""
    for setting, word in REFUSED:
        name, _, value = setting.partition("=")
        how = ["--set-string", setting] if name == "config" else ["--set", setting]
        passed, said = helm(tools, "template", CHART, "--values", CHART / "ci/least.yaml", *how)
        if passed or word not in said:
            yield f"{setting} is {'taken' if passed else 'refused with'} {'' if passed else said}"


def notes(tools):
    """chart: the notes after an installation"""
    for values in VALUES:
        options = ["--dry-run=client", "--namespace", "streams", "--values", CHART / "ci" / values]
        passed, said = helm(tools, "install", "release", CHART, *options)
        text = said.partition("\nNOTES:\n")[2]
        if not passed or "tailrace tenant list" not in text:
            yield f"{values}: {said}"


CHECKS = [lint, schemas, monitor, selectors, volumes, refusals, notes]
