"""Segments are joined as they arrive, while the others are made."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from crews import COUNTS, Found, honest, joined_ahead
from vidcolor.errors import OutputError
from vidcolor.pipeline.distributed.joiner import Arrivals, StoppedError
from vidcolor.pipeline.distributed.tasks import Task


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
