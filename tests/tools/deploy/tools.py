"""What the checks share: the repository's files, and programs that print what is wrong."""

import pathlib
import shutil
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"


class Missing(Exception):
    """A program that this machine does not have, and where it comes from."""


class Tools:
    """Programs, by name."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name, source=None):
        """Of ours, else of the machine; `source` says how the machine would get it."""
        ours = self.folder / "bin" / name
        found = str(ours) if ours.exists() else shutil.which(name)
        if not found:
            raise Missing(f"there is no {name} here; {source}")
        return found

    def run(self, name, *arguments, source=None, **options):
        """Whether it ended with 0, and all that it printed."""
        command = [self.path(name, source), *map(str, arguments)]
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        return done.returncode == 0, done.stdout.strip()


def read(path):
    """Text of a file below the top of the repository."""
    return (ROOT / path).read_text()


def load(path):
    return yaml.safe_load(read(path))


def must_refuse(what, refused):
    """Nothing, if the check has found the breach."""
    if not refused:
        yield f"the check does not find {what}"
