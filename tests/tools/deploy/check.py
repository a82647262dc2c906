#!/usr/bin/env python3
"""Checks deploy/: the image, the compose file, the unit, the chart, and that they agree with the engine.

    check.py FOLDER      the folder that install.sh prints

Each check is a function that yields what is wrong. Each also meets a breach of it, which it must find: a check that
finds nothing anywhere is worth nothing. What cannot run on this machine is said; in CI it fails.
"""

import os
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1])
sys.path.append(str(FOLDER / "lib"))

# They import what is there now.
import agreement
import chart
import compose
import image
import unit
from tools import Missing, Tools


def main():
    tools = Tools(FOLDER)
    wrong, left_out = 0, 0
    for module in (image, compose, unit, chart, agreement):
        for check in module.CHECKS:
            name = check.__doc__.split("\n")[0].rstrip(".")
            try:
                found = list(check(tools))
            except Missing as missing:
                left_out += 1
                print(f"NOT CHECKED {name}: {missing}")
                continue
            wrong += len(found)
            print(f"{'WRONG' if found else 'ok   '} {name}")
            print("".join(f"      {line}\n" for line in found), end="")
    if left_out and os.environ.get("CI"):
        print(f"{left_out} checks could not run, which is a failure in CI", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
