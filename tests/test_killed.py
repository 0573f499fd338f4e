"""Runs that are killed at any step go on, and the film is the same to the byte."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from children import CHILDREN
from reels import LONGEST, SHORTEST, digest, write_reel
from vidcolor.film.writer import FilmWriter
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.segments import cutting as segments
from vidcolor.settings import RunSettings

pytestmark = pytest.mark.usefixtures("short_segments")
SMALL = RunSettings(size=32, batch_size=4)


def work_until_killed(film: Path, out: Path, steps: int) -> None:
    """Colorize; a real SIGKILL comes at some step that touches the disk."""
    import torch

    torch.set_num_threads(1)
    segments.SHORTEST, segments.LONGEST = SHORTEST, LONGEST
    left = [steps]

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **keywords: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **keywords)

        return step

    for owner, name in ((os, "fsync"), (os, "replace"), (Path, "unlink"), (FilmWriter, "write")):
        setattr(owner, name, deadly(getattr(owner, name)))
    colorize_film(film, out, settings=SMALL)


def test_killed_again_and_again(tmp_path: Path) -> None:
    """SIGKILL at random steps that touch the disk, joining and tidying up among them, until the film is done."""
    film, whole, out = write_reel(tmp_path / "film.mkv"), tmp_path / "whole.mp4", tmp_path / "out.mp4"
    colorize_film(film, whole, settings=SMALL)
    moments = random.Random(5)
    killed = 0
    for _ in range(20):
        child = CHILDREN.Process(target=work_until_killed, args=(film, out, moments.randint(9, 24)))
        child.start()
        child.join(120)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        killed += 1
    assert killed >= 2
    assert digest(out) == digest(whole)
    assert {path.name for path in tmp_path.iterdir()} == {film.name, whole.name, out.name}
