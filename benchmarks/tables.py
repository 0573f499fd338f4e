"""Measures again what the tables in Markdown files say, and writes it into them.

    VIDCOLOR_PHOTOS=photos VIDCOLOR_FOOTAGE=footage python benchmarks/tables.py weights/README.md benchmarks/README.md

A table stands between two comments; the first one names the command that made it, and whether all of its output is
wanted or the first table only:

    <!-- output of: vidcolor evaluate "$VIDCOLOR_FOOTAGE/colour" -->
    <!-- end -->
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"<!-- (output|first table) of: vidcolor (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def measure(arguments: str) -> str:
    """What the command prints."""
    words = [os.path.expandvars(word) for word in shlex.split(arguments)]
    if unset := [word for word in words if "$" in word]:
        sys.exit(f"set the variable in {unset[0]}: the folder that holds the data")
    print(f"vidcolor {arguments}", file=sys.stderr, flush=True)
    found = subprocess.run([sys.executable, "-m", "vidcolor", *words], stdout=subprocess.PIPE, text=True, check=True)
    return found.stdout.strip()


def block(match: re.Match[str]) -> str:
    """The comments with a new table between them, below its command."""
    kind, arguments = match.groups()
    text = measure(arguments)
    if kind == "first table":
        text = "\n\n".join(text.split("\n\n")[:2])
    command = f"```console\n$ vidcolor {arguments}\n```"
    return f"<!-- {kind} of: vidcolor {arguments} -->\n{command}\n\n{text}\n<!-- end -->"


for name in sys.argv[1:]:
    path = Path(name)
    path.write_text(BLOCK.sub(block, path.read_text(encoding="utf-8")), encoding="utf-8")
