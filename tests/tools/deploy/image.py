"""The image: deploy/docker."""

from tools import ROOT, must_refuse, read

DOCKERFILE = "deploy/docker/Dockerfile"


def hadolint(tools):
    """Dockerfile: hadolint"""
    passed, said = tools.run("hadolint", ROOT / DOCKERFILE)
    if not passed:
        yield said
    passed, _ = tools.run("hadolint", "-", input="FROM debian\nRUN cd /tmp && apt-get install gcc\n")
    yield from must_refuse("a Dockerfile without tags and versions", not passed)


def last_stage(tools):
    """Dockerfile: the image has no root, no compiler, a health check and a volume"""
    stage = read(DOCKERFILE).rpartition("\nFROM ")[2]
    for line in ("USER 65532:65532", "VOLUME /var/lib/tailrace", "STOPSIGNAL SIGTERM", "HEALTHCHECK "):
        if f"\n{line}" not in stage:
            yield f"{DOCKERFILE}: the last stage lacks {line}"
    if "\nRUN " in stage:
        yield f"{DOCKERFILE}: the last stage runs something, and it has no shell"
    for line in stage.splitlines():
        if line.startswith("COPY ") and not line.startswith("COPY --from="):
            source = line.split()[1]
            if not (ROOT / source).is_file():
                yield f"{DOCKERFILE}: there is no {source}"


def ignored(tools):
    """.dockerignore: nothing that a member of the workspace needs"""
    passed = read(DOCKERFILE + ".dockerignore").splitlines()
    ignored = [line.strip("/") for line in passed if line.startswith("/")]
    members = read("Cargo.toml").partition("members = [")[2].partition("]")[0]
    for member in [word.strip('" ') for word in members.replace("\n", "").split(",") if word.strip()]:
        for folder in ignored:
            if member == folder or member.startswith(folder + "/"):
                yield f"{member} is a member, and /{folder} is left out of the build"
    if "/target" not in passed:
        yield "/target is sent to the builder"


CHECKS = [hadolint, last_stage, ignored]
