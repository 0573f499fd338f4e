"""Measures again what the tables in Markdown files say, and writes it into them.

    VIDCOLOR_PHOTOS=photos VIDCOLOR_FOOTAGE=footage python benchmarks/tables.py weights/README.md benchmarks/README.md

A table stands between two comments; the first one names the command that made it, and whether all of its output is
wanted, the first table only, or only this table's first row:

    <!-- output of: vidcolor evaluate "$VIDCOLOR_FOOTAGE/colour" -->
    <!-- end -->

Only blocks whose command holds the word given by --only are measured.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"<!-- (output|first table|first row) of: ((?:vidcolor|python) .+?) -->\n.*?<!-- end -->", re.DOTALL)
FIRST_ROW = 5  # lines: what was measured, an empty one, the two of the head, the row
PROGRAMS = {"vidcolor": [sys.executable, "-m", "vidcolor"], "python": [sys.executable]}


def measure(command: str) -> str:
    """What the command prints."""
    program, *words = (os.path.expandvars(word) for word in shlex.split(command))
    if unset := [word for word in words if "$" in word]:
        sys.exit(f"set the variable in {unset[0]}: the folder that holds the data")
    print(command, file=sys.stderr, flush=True)
    found = subprocess.run([*PROGRAMS[program], *words], stdout=subprocess.PIPE, text=True, check=True)
    return found.stdout.strip()


def block(match: re.Match[str]) -> str:
    """The comments with a new table between them, below its command."""
    kind, command = match.groups()
    text = measure(command)
    if kind != "output":
        text = "\n\n".join(text.split("\n\n")[:2])
    if kind == "first row":
        text = "\n".join(text.splitlines()[:FIRST_ROW])
    return f"<!-- {kind} of: {command} -->\n```console\n$ {command}\n```\n\n{text}\n<!-- end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--only", default="", metavar="WORD")
    options = parser.parse_args()
    for path in options.files:
        text = path.read_text(encoding="utf-8")
        new = BLOCK.sub(lambda found: block(found) if options.only in found[2] else found[0], text)
        path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
