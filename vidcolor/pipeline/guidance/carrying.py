"""Known colors of one frame carried along the motion of the picture to the other frames of its shot, both ways.

The film is read a second time around the frame. So what a frame is told follows from the film and the known colors
alone, wherever a run begins, whichever segment the frame is worked in, and on which machine.

Colors are carried from frame to frame, as the smoothing carries them; beside them, each point keeps the place on the
known frame that it came from. It is surely in sight as long as motion was sure all the way, and its luma is still that
of the place that it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import takewhile

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.film.frame import Frame
from vidcolor.film.reader import Video, frames
from vidcolor.film.shots import LOOKAHEAD, Thumbnail, WithBoundaries, thumbnail_of
from vidcolor.pipeline.smoothing.motion import Sight, Way, exposure, fetch, sight_of, ways
from vidcolor.pipeline.view import View

PATIENCE = 0.25  # power of the sureness of the motion: many small doubts weigh less than one great one
CHANGED = 0.05  # of luma, in 0..1: at this difference to the known frame sureness has fallen to 1/e
LEAST = 0.02  # sureness below which nothing is known
BEFORE = 1.0  # seconds before a frame, from which it is decided whether a shot ends with it
CHUNK = 10.0  # seconds of film that are held in memory to go back through them
BACK, ONWARD = 60.0, 600.0  # seconds that a shot is followed at most, from its known frame back and onward
MOST_KEPT = 96_000_000  # bytes that are kept of one frame's colors on their way, in each direction
DENSE = 0.6  # share of places with colors from which all of them are kept

Open = Callable[[], AbstractContextManager[Video]]


@dataclass(frozen=True, eq=False)
class Anchor:
    """A frame of a film with known colors.

    Attributes:
        pts: Of the frame.
        seconds: When it is shown, from the film's beginning.
        known: a and b in ab units, and with what weight 0..1 they are known, ``(3, h, w)`` at network size, as the film
            is stored. Of hints ``(4, h, w)``: beside the weight that the network is told, a larger one, with which the
            colors are taken as they are.
    """

    pts: int
    seconds: float
    known: Plane


class Track:
    """What became of an anchor's colors in the frames of its shot.

    Attributes:
        first, last: Times of the first and the last frame of the shot, as far as they were looked at.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.first = self.last = 0
        self._shape = shape
        self._kept: dict[int, tuple[NDArray[np.uint32] | None, NDArray[np.float16]]] = {}

    def keep(self, pts: int, known: Plane) -> int:
        """Keep the colors of a frame, of the anchor's shape; return the bytes that they take."""
        flat = known.reshape(len(known), -1)
        places = np.flatnonzero(flat[-1] > LEAST).astype(np.uint32)
        whole = len(places) > DENSE * flat.shape[1]
        values = (flat if whole else flat[:, places]).astype(np.float16)
        self._kept[pts] = None if whole else places, values
        return values.nbytes + (0 if whole else places.nbytes)

    def at(self, pts: int) -> Plane | None:
        """Return the colors of a frame, of the anchor's shape; None where nothing is known."""
        if pts not in self._kept:
            return None
        places, values = self._kept[pts]
        if places is None:
            return values.astype(np.float32).reshape(self._shape)
        if not len(places):
            return None
        found = np.zeros(self._shape, np.float32)
        found.reshape(len(found), -1)[:, places] = values
        return found

    def holds(self, pts: int) -> bool:
        """Return whether a frame is in the shot."""
        return self.first <= pts <= self.last


def track(film: Open, view: View, anchor: Anchor) -> Track:
    """Follow an anchor's colors through its shot."""
    found = Track(anchor.known.shape)
    found.keep(anchor.pts, anchor.known)
    found.first = found.last = anchor.pts
    _onward(film, view, anchor, found)
    _backward(film, view, anchor, found)
    return found


@dataclass(frozen=True, eq=False)
class _Small:
    """A frame as it is followed: its time, its Y' at network size and its thumbnail."""

    pts: int
    luma: Plane
    thumbnail: Thumbnail

    @classmethod
    def of(cls, frame: Frame, view: View) -> _Small:
        return cls(frame.pts, view.small(frame).astype(np.float16), thumbnail_of(frame))

    @property
    def sight(self) -> Sight:
        return sight_of(self.luma.astype(np.float32))


class _Carrier:
    """An anchor's colors on their way through a shot, in one direction."""

    def __init__(self, anchor: Anchor, first: _Small) -> None:
        self.sight = self._origin = first.sight
        height, width = first.luma.shape
        self._weights = list(anchor.known[2:])
        self._colors = anchor.known[:2] * self._weights[-1]
        self._y, self._x = np.mgrid[:height, :width].astype(np.float32)
        self._sure = np.ones((height, width), np.float32)
        self._bytes = 0
        self.is_done = False

    def step(self, small: _Small, way_from: Callable[[Sight, Sight], Way], found: Track) -> None:
        """Go on to the next frame, and keep what is known of it, until that is nothing any more."""
        if self.is_done:
            return
        sight = small.sight
        way = way_from(self.sight, sight)
        self.sight = sight
        self._x, self._y, sure, *self._weights = (
            fetch(plane, way.x, way.y) for plane in (self._x, self._y, self._sure, *self._weights)
        )
        self._colors = np.stack([fetch(plane, way.x, way.y) for plane in self._colors])
        self._sure = sure * way.weight
        difference = sight.luma - fetch(self._origin.luma, self._x, self._y)
        difference = cv2.blur(difference - exposure(difference), (3, 3))
        sure = np.maximum(self._sure, 0) ** np.float32(PATIENCE) * np.exp(-((difference / np.float32(CHANGED)) ** 2))
        ab = self._colors / np.maximum(self._weights[-1], np.float32(1e-6))
        known = np.stack([*ab, *(sure * weight for weight in self._weights)])
        self._bytes += found.keep(small.pts, known)
        self.is_done = self._bytes > MOST_KEPT or float(known[-1].max()) < LEAST


def _onward(film: Open, view: View, anchor: Anchor, found: Track) -> None:
    with film() as video:
        smalls = (_Small.of(frame, view) for frame in frames(video, max(0.0, anchor.seconds - BEFORE)))
        carrier: _Carrier | None = None
        for small, boundary in WithBoundaries(smalls, key=lambda small: small.thumbnail):
            if small.pts < anchor.pts:
                continue
            if carrier is None:
                carrier = _Carrier(anchor, small)
                continue
            if boundary is not None or float((small.pts - anchor.pts) * video.info.time_base) > ONWARD:
                return
            found.last = small.pts
            carrier.step(small, lambda before, now: ways(before, now)[0], found)


def _backward(film: Open, view: View, anchor: Anchor, found: Track) -> None:
    carrier: _Carrier | None = None
    until, pts, limit = anchor.seconds, anchor.pts, max(0.0, anchor.seconds - BACK)
    while True:
        begin = max(limit, until - CHUNK)
        chunk, is_whole = _shot_before(film, view, begin, pts)
        for small in reversed(chunk):
            if carrier is None:
                carrier = _Carrier(anchor, small)
            elif small.pts < pts:
                found.first = small.pts
                # The frame after this one is where the colors are; this one's points are looked for in it.
                carrier.step(small, lambda after, now: ways(now, after)[1], found)
        if is_whole or begin <= limit or len(chunk) < 2:
            return
        until, pts = begin, chunk[0].pts


def _shot_before(film: Open, view: View, begin: float, pts: int) -> tuple[list[_Small], bool]:
    """Return the frames of a shot from a time on up to one of its frames, and whether the shot begins with them."""
    with film() as video:
        smalls = _with_some_more((_Small.of(frame, view) for frame in frames(video, begin)), pts)
        chunk: list[_Small] = []
        is_whole = False
        for small, boundary in takewhile(
            lambda pair: pair[0].pts <= pts, WithBoundaries(smalls, key=lambda small: small.thumbnail)
        ):
            if boundary is not None:
                chunk, is_whole = [], True
            chunk.append(small)
    return chunk, is_whole


def _with_some_more(smalls: Iterator[_Small], pts: int) -> Iterator[_Small]:
    """Yield the frames up to a time, and as many after it as decide where shots end."""
    after = 0
    for small in smalls:
        yield small
        after += small.pts > pts
        if after > LOOKAHEAD:
            return
