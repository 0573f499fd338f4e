"""Stages of work that run at the same time, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import cv2

T = TypeVar("T")


def prefetch(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Run an iterator in a thread of its own, at most ``depth`` items ahead.

    Errors come out where the items would have come. Closing the generator stops and joins the thread.
    """
    ready: queue.Queue[tuple[bool, object]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(entry: tuple[bool, object]) -> bool:
        """Return whether an entry was taken before the reader stopped."""
        while not stopped.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    thread = threading.Thread(target=run, daemon=True, name="prefetch")
    thread.start()
    try:
        while True:
            is_item, value = ready.get()
            if is_item:
                yield value  # type: ignore[misc]
            elif value is None:
                return
            else:
                raise value  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


@contextmanager
def one_cv2_thread() -> Iterator[None]:
    """Keep OpenCV to the thread that calls it."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
