"""Attacks with hostile files, each in a process of its own: it may neither crash, hang nor leave anything behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from children import Child
from vidcolor.errors import VidcolorError

SEED = int(os.environ.get("VIDCOLOR_FUZZ_SEED", "0"))
LIMIT = 20.0  # seconds of computing for one file, a hundred times the usual; other work on the machine does not count


MANY = pytest.mark.parametrize("count", [24, pytest.param(600, marks=pytest.mark.thorough)])


def tries(usual: int) -> int:
    """How many mutations are tried."""
    return int(os.environ.get("VIDCOLOR_FUZZ", usual))


@contextmanager
def outcome(number: int, output: Path) -> Iterator[None]:
    """A mutation's block writes the output or raises one error of one line, soon; beside it nothing stays."""
    print(number, flush=True)
    began = time.process_time()
    told = ""
    try:
        yield
    except VidcolorError as error:
        told = str(error)
    assert "\n" not in told
    assert bool(told) != output.exists()
    output.unlink(missing_ok=True)
    left = list(output.parent.glob(".*"))
    assert not left, left
    took = time.process_time() - began
    assert took < LIMIT, f"{number} took {took:.0f} s"


def survive(module: str, folder: Path, count: int, attack: str = "attack") -> str:
    """Let a module's ``attack(folder, first, count)`` run; returns what was said on stderr."""
    code = f"from pathlib import Path; import {module}; {module}.{attack}(Path({str(folder)!r}), {SEED}, {count})"
    done = Child(code=code).ended(60 + 5 * count)
    number, said = done.out.decode().split()[-1:], done.err.decode()
    assert done.code != -signal.SIGKILL, f"hangs at mutation {number}"
    assert done.code == 0, f"mutation {number}: exit code {done.code}\n{said[-2000:]}"
    return said
