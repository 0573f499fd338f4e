"""Stages in threads of their own: they end when they are told to, however they began."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from vidcolor.film.prefetch import prefetch


def living() -> list[threading.Thread]:
    """Return the threads of stages that are still at work."""
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_items_come_in_order_and_errors_in_their_place() -> None:
    """What the iterator gives, and then what it raises."""

    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the sixth")

    seen: list[int] = []
    stage = prefetch(items(), 2)
    with pytest.raises(ValueError, match="the sixth"):
        seen.extend(stage)
    assert seen == [0, 1, 2, 3, 4]
    assert not living()


def test_closing_ends_the_thread() -> None:
    """In the middle of an endless stage."""
    numbers = iter(int, 1)
    with closing(prefetch(numbers, 2)) as stage:
        assert [next(stage), next(stage)] == [0, 0]
        assert living()
    assert not living()


@pytest.mark.parametrize("before", [True, False], ids=["before the thread runs", "while it runs"])
def test_interrupted_while_a_stage_starts_nothing_reads_on(monkeypatch: pytest.MonkeyPatch, before: bool) -> None:
    """Ctrl-C there crashed the process: the thread went on to decode from a container that was closed already."""
    start, started, closed = threading.Thread.start, threading.Event(), threading.Event()
    late: list[int] = []

    def interrupted(thread: threading.Thread) -> None:
        if before:  # the thread begins some time after the interruption
            start(threading.Timer(0.1, start, [thread]))
        else:
            start(thread)
            started.wait(10)
        raise KeyboardInterrupt

    def items() -> Iterator[int]:
        while True:
            started.set()
            if closed.is_set():
                late.append(1)
            time.sleep(0.005)
            yield 0

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupted)
        stage = prefetch(items(), 2)
        with pytest.raises(KeyboardInterrupt):
            next(stage)
    closed.set()
    time.sleep(0.3)
    assert not late
    assert not living()
