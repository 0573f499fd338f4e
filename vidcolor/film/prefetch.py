"""Stages of work that run at the same time, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import cv2

T = TypeVar("T")


def prefetch(items: Iterable[T], depth: int, name: str = "prefetch") -> Generator[T, None, None]:
    """Run an iterator in a thread of its own, of that name, at most ``depth`` items ahead.

    Errors come out where the items would have come. Closing the generator stops and joins the thread.
    """
    ready: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(depth)  # None: the end
    stopped = threading.Event()

    def put(entry: tuple[T] | BaseException | None) -> bool:
        """Return whether an entry was taken before the reader stopped."""
        while not stopped.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        if stopped.is_set():
            return
        try:
            for item in items:
                if not put((item,)):
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=run, daemon=True, name=name)
    try:
        thread.start()  # here too Ctrl-C may strike
        while True:
            entry = ready.get()
            if entry is None:
                return
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]
    finally:
        stopped.set()
        with suppress(RuntimeError):  # not under way yet: it will find itself stopped, and touch nothing
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
