"""The unit of systemd: deploy/systemd."""

import pathlib
import tempfile

from tools import DEPLOY, must_refuse, read

UNIT = "deploy/systemd/tailrace.service"
SOURCE = "apt-get install systemd"
# In tenths, of the ten of `systemd-analyze security`. Code that is compiled at work costs the last points.
MOST_EXPOSED = 20


def analyze(tools, unit, *arguments):
    """Runs systemd-analyze on a unit whose programs this machine has."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "tailrace.service")
        file.write_text(unit.replace("/usr/local/bin/tailrace", "/bin/true"))
        return tools.run("systemd-analyze", *arguments, file, source=SOURCE)


def verify(tools):
    """tailrace.service: systemd-analyze verify"""

    def complaints(unit):
        passed, said = analyze(tools, unit, "verify", "--man=no")
        # A field that it does not know is a warning only. Other units of the machine are not ours.
        lines = [line for line in said.splitlines() if "tailrace.service" in line]
        return lines if passed or lines else [said]

    unit = read(UNIT)
    yield from complaints(unit)
    for breach in (unit.replace("Type=exec", "Type=exact"), unit.replace("UMask=0077", "Mask=0077")):
        yield from must_refuse("a field that systemd does not know", complaints(breach))


def security(tools):
    """tailrace.service: systemd-analyze security"""
    arguments = ("security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSED}")
    unit = read(UNIT)
    passed, said = analyze(tools, unit, *arguments)
    if not passed:
        yield said.splitlines()[-1] if said else "systemd-analyze security fails"
    breach = unit.replace("CapabilityBoundingSet=\n", "").replace("SystemCallFilter=", "#")
    yield from must_refuse("a unit with every capability and call", not analyze(tools, breach, *arguments)[0])


def what_the_engine_needs(tools):
    """tailrace.service: nothing that would stop plugins or the engine"""
    lines = read(UNIT).splitlines()
    for line in ("MemoryDenyWriteExecute=yes", "ProcSubset=pid", "DynamicUser=yes"):
        if line in lines:
            yield f"{UNIT}: {line}: the comments in the unit say why not"
    for line in ("Restart=on-failure", "KillMode=mixed", "OOMPolicy=continue", "LimitNOFILE=65536"):
        if line not in lines:
            yield f"{UNIT}: {line} is missing"


def user(tools):
    """tailrace.sysusers: systemd-sysusers --dry-run"""
    arguments = ("--dry-run", "--inline")
    declared = [line for line in read("deploy/systemd/tailrace.sysusers").splitlines() if not line.startswith("#")]
    passed, said = tools.run("systemd-sysusers", *arguments, *declared, source=SOURCE)
    if not passed:
        yield said
    passed, _ = tools.run("systemd-sysusers", *arguments, "x tailrace", source=SOURCE)
    yield from must_refuse("a line that is no user", not passed)


CHECKS = [verify, security, what_the_engine_needs, user]
