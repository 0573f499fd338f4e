"""Segments are joined as they arrive, while the others are made."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crews import COUNTS, Found, honest, joined_ahead
from reels import SHOT, digest, write_reel
from vidcolor.errors import OutputError, PartsError
from vidcolor.film.encoding.packets import FilePackets, reordering
from vidcolor.pipeline.distributed.joiner import Arrivals, StoppedError, join
from vidcolor.pipeline.distributed.parts import Parts
from vidcolor.pipeline.distributed.planner import make_plan
from vidcolor.pipeline.distributed.tasks import Task
from vidcolor.pipeline.distributed.worker import work
from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings

SMALL: dict[str, Any] = {"size": 32, "batch_size": 4}


def test_a_film_is_joined_while_it_is_made(tmp_path: Path) -> None:
    """When its last segment is made, all before it are joined; the others wait for no joining."""
    well, before = honest(COUNTS, Counter()), threading.Event()

    def deed(task: Task) -> Found:
        if task.plan and task.number == 11:
            assert before.wait(10), "the first eleven are not joined"
        return well(task)

    def join(arrivals: Arrivals | None) -> None:
        assert arrivals is not None
        for number in range(12):
            arrivals.wait(number)
            if number == 10:
                before.set()

    assert joined_ahead(tmp_path, deed, join).status == "done"


def test_a_film_that_fails_is_no_longer_joined(tmp_path: Path) -> None:
    """Whoever waits for a segment that nobody can make is told."""
    well, stopped = honest(COUNTS, Counter()), threading.Event()

    def deed(task: Task) -> Found:
        return OutputError("no", "the encoder fails") if task.plan and task.number == 11 else well(task)

    def join(arrivals: Arrivals | None) -> None:
        assert arrivals is not None
        with pytest.raises(StoppedError):
            arrivals.wait(11)
        stopped.set()
        raise StoppedError

    assert joined_ahead(tmp_path, deed, join).error == "no: the encoder fails."
    assert stopped.is_set()


@pytest.mark.usefixtures("short_segments", "tiny_network")
@pytest.mark.parametrize("start", [0.0, 2 * SHOT / 25])
def test_a_film_is_joined_while_its_segments_are_made(tmp_path: Path, start: float) -> None:
    """In any order they are made, the film is that of one machine; it has its name when it is whole, not before.

    From the third shot on the film begins with a segment that its encoder reorders less than the next one.
    """
    film, settings = write_reel(tmp_path / "film.mkv"), RunSettings(start=start, **SMALL)
    colorize_film(film, tmp_path / "whole.mp4", settings=settings)
    plan, parts = make_plan(film, suffix=".mp4", settings=settings), tmp_path / "parts"
    first, *others = [segment.number for segment in plan.segments]
    arrivals = Arrivals([first, *others])
    with ThreadPoolExecutor(1) as pool:
        joining = pool.submit(join, plan, parts, tmp_path / "joined.mp4", arrivals=arrivals)
        for number in (first, *reversed(others)):
            assert not joining.done()
            assert not (tmp_path / "joined.mp4").exists()
            work(plan, parts, [number])
            arrivals.add(number)
        assert joining.result().frames == plan.frames
    assert digest(tmp_path / "joined.mp4") == digest(tmp_path / "whole.mp4")
    depths = [reordering(np.array(FilePackets(Parts(parts, plan).packets(n)).times())) for n in (first, others[0])]
    assert (depths[0] < depths[1]) == bool(start)


@pytest.mark.usefixtures("short_segments", "tiny_network")
def test_a_film_that_is_joined_no_longer_leaves_nothing(tmp_path: Path) -> None:
    """Somebody stops while it waits for a segment, or a part is damaged: there is no film, and no half of one."""
    plan = make_plan(write_reel(tmp_path / "film.mkv"), suffix=".mp4", settings=RunSettings(**SMALL))
    arrivals, parts = Arrivals(segment.number for segment in plan.segments), tmp_path / "parts"
    work(plan, parts, [0, 1])
    before = sorted(os.listdir(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        joining = pool.submit(join, plan, parts, tmp_path / "joined.mp4", arrivals=arrivals)
        arrivals.add(0)
        arrivals.stop()
        with pytest.raises(StoppedError):
            joining.result()
        (parts / "00001.packets").write_bytes(b"")
        with pytest.raises(PartsError, match="segment 1 is missing"):
            join(plan, parts, tmp_path / "joined.mp4", arrivals=Arrivals())
    assert sorted(os.listdir(tmp_path)) == before
