"""Bounded records of unbounded films: they thin out as a film goes on, and never grow beyond their limit."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Curve:
    """A number a frame, as a curve of at most ``limit`` points: means over equal stretches of frames.

    Attributes:
        points: The means so far.
        stride: Frames that each of them stands for; the last may stand for fewer.
    """

    def __init__(self, limit: int = 512) -> None:
        self.limit = limit
        self.stride = 1
        self.points: list[float] = []
        self._sum, self._count = 0.0, 0

    def push(self, value: float) -> None:
        """Take the value of the next frame."""
        if self._count == self.stride or not self.points:
            if len(self.points) == self.limit:
                self._halve()
            self.points.append(value)
            self._sum, self._count = value, 1
            return
        self._sum += value
        self._count += 1
        self.points[-1] = self._sum / self._count

    def _halve(self) -> None:
        self.points = [(a + b) / 2 for a, b in zip(self.points[::2], self.points[1::2], strict=True)]
        self.stride *= 2


class Selection(Generic[T]):
    """Some items of a stream, evenly spread over all of it so far: between ``limit / 2`` and ``limit``."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.items: list[T] = []
        self._step, self._seen = 1, 0

    def wants(self) -> bool:
        """Return whether the next item would be kept: it need not be made otherwise."""
        return self._seen % self._step == 0

    def push(self, item: T | None) -> None:
        """Take the next item; None where it is not wanted."""
        if self.wants() and item is not None:
            if len(self.items) == self.limit:
                self.items = self.items[::2]
                self._step *= 2
            if self.wants():
                self.items.append(item)
        self._seen += 1
