#!/usr/bin/env python3
"""Keeps what was compiled of the registry's crates, so that the next run of .ci/run need not.

    .ci/dependencies.py restore        before the build, into an empty target folder
    .ci/dependencies.py save           after a successful run: `cargo … --message-format=json` on standard input

The folder is TAILRACE_CI_CACHE, by default tailrace-ci in the user's cache folder. It holds one archive for
each key: the toolchain, Cargo.lock and every Cargo.toml. Cargo decides itself what of it is fresh, so an
archive of the same toolchain with another lock file is worth having too.

Invariants: an archive appears under its name only when it is whole, and is checked before it is used. What is
missing or damaged costs time and never the run. The archive holds exactly what the run's commands use of the
registry, and nothing of the workspace; at most KEPT archives stay.
"""

import hashlib, json, os, pathlib, re, shutil, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "target"
KEPT = 3
# Of a run that was killed.
STALE_SECONDS = 24 * 3600


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(os.environ.get("TAILRACE_CI_CACHE") or pathlib.Path(home) / "tailrace-ci")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key():
    """The toolchain's part and the part of what it compiles."""
    toolchain = hashlib.sha256(subprocess.check_output(["rustc", "-vV"], cwd=ROOT)).hexdigest()[:12]
    listed = subprocess.check_output(["git", "ls-files", "*Cargo.toml", "Cargo.lock", ".cargo"], cwd=ROOT, text=True)
    content = hashlib.sha256()
    for name in sorted(listed.split()):
        content.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    return toolchain, content.hexdigest()[:20]


def digest(path):
    content = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            content.update(block)
    return content.hexdigest()


def is_whole(archive, expected):
    return archive.is_file() and expected.is_file() and digest(archive) == expected.read_text().strip()


def restore():
    if any(TARGET.glob("*/.fingerprint")):
        return say("target/ has built files already: nothing is restored")
    TARGET.mkdir(exist_ok=True)
    toolchain, content = key()
    exact = cache() / f"{toolchain}-{content}"
    others = sorted(cache().glob(f"{toolchain}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for entry in [exact, *(other for other in others if other != exact)]:
        if not entry.exists():
            continue
        archive = entry / "built.tar"
        if not is_whole(archive, entry / "sha256"):
            say(f"{entry.name} is damaged: removed")
            shutil.rmtree(entry, ignore_errors=True)
            continue
        with tempfile.TemporaryDirectory(prefix=".restored-", dir=TARGET) as work:
            subprocess.run(["tar", "-xf", archive, "-C", work], check=True)
            for folder in os.listdir(work):
                os.rename(pathlib.Path(work, folder), TARGET / folder)
        os.utime(entry)
        return say(f"restored {archive.stat().st_size >> 20} MiB, {'of this' if entry == exact else 'of another'} lock file")
    say("nothing kept of this toolchain: everything is compiled")


def used(messages):
    """Paths below target/ of every unit of the registry that the messages name."""
    units = set()
    for line in messages:
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if not message.get("package_id", "").startswith("registry+"):
            continue
        for file in [*message.get("filenames", []), *filter(None, [message.get("out_dir")])]:
            found = re.match(r"(.*)/(?:deps/[^/]*|build/[^/]*)-([0-9a-f]{16})(?:[./]|$)", file)
            if found:
                units.add(found.groups())
    for folder, unit in sorted(units):
        for kind in (".fingerprint", "build", "deps"):
            yield from pathlib.Path(folder, kind).resolve().glob(f"*-{unit}*")


def save():
    toolchain, content = key()
    entry = cache() / f"{toolchain}-{content}"
    paths = [str(path.relative_to(TARGET)) for path in used(sys.stdin)]
    if entry.exists():
        say("kept already")
    elif paths:
        work = pathlib.Path(tempfile.mkdtemp(prefix=".new-", dir=cache()))
        try:
            archive = work / "built.tar"
            # With the times to the nanosecond: cargo compares them.
            subprocess.run(
                ["tar", "--format=posix", "-cf", archive, "-C", TARGET, "--verbatim-files-from", "-T", "-"],
                input="\n".join(paths), text=True, check=True,
            )
            (work / "sha256").write_text(digest(archive))
            size = archive.stat().st_size
            os.rename(work, entry)
            say(f"kept {size >> 20} MiB")
        finally:
            # Another run was first, or the disk is full: that run's archive will do.
            shutil.rmtree(work, ignore_errors=True)
    prune()


def prune():
    entries = sorted(cache().glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    killed = [path for path in cache().glob(".new-*") if time.time() - path.stat().st_mtime > STALE_SECONDS]
    for path in [*entries[KEPT:], *killed]:
        shutil.rmtree(path, ignore_errors=True)


def say(text):
    print(f"dependencies: {text}", file=sys.stderr)


if __name__ == "__main__":
    try:
        {"restore": restore, "save": save}[sys.argv[1]]()
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        # It only saves time.
        say(f"not used: {error}")
