"""Filters of ab along time that are compared: what colorizing does, nothing, and what is usual."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.pipeline.smoothing.averaging import Smoother
from vidcolor.pipeline.smoothing.looks import Looks, frames_per_look
from vidcolor.pipeline.smoothing.motion import Sight, fetch, sight_of, ways
from vidcolor.pipeline.smoothing.watching import Watcher

KEPT_SHARE = 0.7  # of the plain exponential average: what stays of the frames before


@dataclass(frozen=True)
class Place:
    """Where a frame lies in its film.

    Attributes:
        seconds: When it is shown.
        starts_shot, ends_shot: It has nothing to do with the frame before, or with the next one.
    """

    seconds: float = 0.0
    starts_shot: bool = False
    ends_shot: bool = False


class Filter(Protocol):
    """A filter of ab along time, as vidcolor.pipeline.smoothing.averaging has it."""

    def push(self, luma: Plane, ab: Plane, place: Place) -> list[Plane]:
        """Take luma ``(h, w)`` and ab ``(2, h, w)`` of the next frame; return the ab of frames that are done."""
        ...

    def flush(self) -> list[Plane]:
        """Return the ab of the frames that are left, when the film has ended."""
        ...


class Smoothed:
    """What `colorize` does: averaged along motion, from all frames or from those that the network would be shown.

    Args:
        strength: Of the smoothing.
        rate: Frames per second, when the network need not see every frame.
    """

    def __init__(self, strength: float, rate: Fraction | None) -> None:
        self._watcher = Watcher(strength, Looks() if rate else None)
        self._smoother = Smoother(strength, frames_per_look(rate))

    def push(self, luma: Plane, ab: Plane, place: Place) -> list[Plane]:
        """Take the next frame; return what is done."""
        watched = self._watcher.watch(luma, place.starts_shot, seconds=place.seconds, ends_shot=place.ends_shot)
        return self._smoother.add(watched, ab if watched.wanted else None)

    def flush(self) -> list[Plane]:
        """Return the frames that are left."""
        return self._smoother.flush()


class Unsmoothed:
    """Every frame as the network colors it."""

    def push(self, luma: Plane, ab: Plane, place: Place) -> list[Plane]:
        """Take the next frame, and return its ab at once."""
        return [ab]

    def flush(self) -> list[Plane]:
        """Return nothing: no frame is held."""
        return []


class Carried:
    """Colors of the first frame carried along the motion, without any network: what is new comes out of its border.

    Args:
        first: ab ``(2, h, w)`` of the film's first frame. Later shots are grey.
    """

    def __init__(self, first: Plane) -> None:
        self._ab = first
        self._before: Sight | None = None

    def push(self, luma: Plane, ab: Plane, place: Place) -> list[Plane]:
        """Take the next frame, and return at once what has been carried to it."""
        sight = sight_of(luma)
        if self._before is not None:
            back, _ = ways(self._before, sight)
            self._ab = np.stack([fetch(plane, back.x, back.y) for plane in self._ab])
            if place.starts_shot:
                self._ab = np.zeros_like(self._ab)
        self._before = sight
        return [self._ab]

    def flush(self) -> list[Plane]:
        """Return nothing: no frame is held."""
        return []


class Average:
    """The plain exponential average that is usual: steady, and it trails ghosts."""

    def __init__(self) -> None:
        self._mean: Plane | None = None

    def push(self, luma: Plane, ab: Plane, place: Place) -> list[Plane]:
        """Take the next frame, and return its average at once; a shot begins with its own colors."""
        if self._mean is None or place.starts_shot:
            self._mean = ab
        else:
            self._mean = np.float32(KEPT_SHARE) * self._mean + np.float32(1 - KEPT_SHARE) * ab
        return [self._mean]

    def flush(self) -> list[Plane]:
        """Return nothing: no frame is held."""
        return []
