"""Steady color: ab averaged over the neighboring frames of a shot, along the motion of the picture.

A network colors every frame afresh and its colors flicker. Here each frame's ab becomes a weighted mean of its own and
of those before and after it in the shot, each fetched from where the point was or will be. Between every two adjacent
frames the motion is found once, both ways; then

- the *past* is a recursion over the shot: what frame t - 1 has gathered, carried along the motion, its weight
  multiplied by ``strength`` and by how sure the motion is, plus frame t itself;
- the *future* is the same recursion run backwards over the next frames, a block at a time;
- where both together hold little, because a point has just come into sight or goes out of it, the rest is taken from
  its surroundings, as far as they have its luma (guided filter, He, Sun and Tang 2013, weighted).

Motion is sure where luma agrees and where the way there leads back. So what moves takes its color along, and leaves
none behind: the ground that it uncovers has another luma, and the past ends there. Nothing crosses the start of a
shot. Exposure that flickers is taken out of the comparison of lumas; it never was in the ab that are averaged.

A frame that the network has not seen (:mod:`vidcolor.pipeline.smoothing.looks`) has nothing of its own to give, and
takes all from its neighbors.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.pipeline.smoothing.looks import Looks
from vidcolor.pipeline.smoothing.motion import Sight, Way, sight_of, ways
from vidcolor.settings import ShotSettings

BLOCK = 6  # frames whose future is gathered together; each sees as many frames ahead at least, twice as many at most

# A point is left to itself with as much weight as the best point nearby has, between these two, in frames.
FEW, ENOUGH = 4.5, 8.0
AROUND = 15  # pixels a side that are nearby
SURROUNDINGS = 5  # pixels a side, that it takes the rest from
EPSILON = 0.02**2  # variance of luma below which surroundings count as flat
WIDE = 61  # pixels a side, that a point takes its color from which nobody near it has seen
FAINT = 0.05  # of a frame's weight: what has gathered less has hardly been seen


@dataclass(frozen=True, eq=False)
class _Watched:
    """A frame whose motion is known, and that waits for its colors.

    Attributes:
        backward, onward: From it to the frame before, and from that to it; None where a shot starts.
    """

    view: Sight
    backward: Way | None
    onward: Way | None


@dataclass(eq=False)
class _Held:
    """A frame that waits for its future."""

    luma: Plane
    own: Plane  # (3, h, w): a, b, 1, times what the frame counts for
    past: Plane  # (3, h, w): weighted sums of a and b, and the weight; the frame itself included
    onward: Way | None = None  # to the next frame


class Smoother:
    """Averages ab over time: frames are watched first, and get their colors in the same order.

    Args:
        strength: What a neighbor counts for each frame of distance, 0..1; 0 leaves ab as it is.
        looks: Chooses the frames that get colors of their own; None: all do. Without strength nothing is carried, and
            all do too.

    Attributes:
        delay: Frames that an output waits for, at most, once it has its colors.
    """

    def __init__(self, strength: float = ShotSettings.smooth, looks: Looks | None = None) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be in 0..1, not {strength}")
        self.strength = strength
        self.delay = 2 * BLOCK - 1 if strength else 0
        self._looks = looks if strength else None
        self._weight = np.float32(self._looks.weight if self._looks else 1)
        self._watched: deque[_Watched | None] = deque()
        self._held: list[_Held] = []
        self._last: Sight | None = None

    def watch(self, luma: Plane, starts_shot: bool, *, seconds: float = 0.0, ends_shot: bool = False) -> bool:
        """Take the next frame, and return whether it needs colors of its own.

        Args:
            luma: Y' ``(h, w)`` in 0..1.
            starts_shot: This frame has nothing to do with the one before.
            seconds: When it is shown.
            ends_shot: The next frame, if there is any, has nothing to do with this one.
        """
        if not self.strength:
            self._watched.append(None)
            return True
        view = sight_of(luma)
        backward = onward = None
        if self._last is not None and not starts_shot:
            backward, onward = ways(self._last, view)
        self._last = view
        self._watched.append(_Watched(view, backward, onward))
        if self._looks is None:
            return True
        sure, places = (backward.weight, (backward.x, backward.y)) if backward else (None, None)
        wanted = self._looks.wants(seconds, sure, places, ends_shot=ends_shot)
        if wanted:
            self._looks.looked(luma.shape)
        return wanted

    def add(self, ab: Plane | None) -> list[Plane]:
        """Give the next of the watched frames its colors; return the frames that are done, in order.

        Args:
            ab: ``(2, h, w)``; None for a frame that takes them from its neighbors.
        """
        watched = self._watched.popleft()
        if watched is None:
            assert ab is not None  # without strength every frame has its own
            return [ab]
        luma = watched.view.luma
        done: list[Plane] = []
        own = np.zeros((3, *luma.shape), np.float32)
        if ab is not None:
            own[:2], own[2] = ab, 1
            own *= self._weight
        past = own
        if watched.backward is None:
            done = self._finish(len(self._held))
        else:
            self._held[-1].onward = watched.onward
            past = own + np.float32(self.strength) * watched.backward.carry(self._held[-1].past)
        self._held.append(_Held(luma, own, past))
        return done + (self._finish(BLOCK) if len(self._held) == 2 * BLOCK else [])

    def push(self, luma: Plane, ab: Plane, starts_shot: bool) -> list[Plane]:
        """Take the next frame with its colors ``(2, h, w)``; return the frames that are done, in order."""
        self.watch(luma, starts_shot)
        return self.add(ab)

    def flush(self) -> list[Plane]:
        """Return what is left, when the shot or the film has ended and all that was watched has its colors."""
        done = self._finish(len(self._held))
        self._last = None
        return done

    def _finish(self, count: int) -> list[Plane]:
        """Give the first frames held, with the future that the others hold."""
        done = []
        future: Plane | None = None  # weighted sums over the frames after the one at hand
        for number in reversed(range(len(self._held))):
            held = self._held[number]
            if number < count:
                done.append(_settle(held.luma, held.past if future is None else held.past + future))
            if number:
                way = self._held[number - 1].onward
                assert way is not None  # only the last one held has no next
                future = np.float32(self.strength) * way.carry(held.own if future is None else held.own + future)
        del self._held[:count]
        return done[::-1]


def _settle(luma: Plane, gathered: Plane) -> Plane:
    """Return the mean ab ``(2, h, w)``; points that have gathered little take what they lack from around them.

    Args:
        luma: ``(h, w)``.
        gathered: Weighted sums of a and b, and the weight, ``(3, h, w)``.
    """

    def around(x: Plane) -> Plane:
        blurred: Plane = cv2.blur(x, (SURROUNDINGS, SURROUNDINGS), borderType=cv2.BORDER_REPLICATE)
        return blurred

    # A point that nobody has seen, nor anything near it, takes the mean color of its wide surroundings.
    seen = gathered[2]
    if float(seen.min()) < FAINT:
        wide = np.stack([cv2.blur(plane, (WIDE, WIDE), borderType=cv2.BORDER_REPLICATE) for plane in gathered])
        gathered = gathered + wide * (np.maximum(FAINT - seen, 0) / np.maximum(wide[2], np.float32(1e-6)))
    weight = np.maximum(gathered[2], np.float32(1e-6))
    wanted = np.clip(cv2.dilate(weight, np.ones((AROUND, AROUND), np.uint8)), FEW, ENOUGH)
    lack = np.maximum(1 - weight / wanted, 0)
    lit = weight * luma
    near = around(weight)
    level = around(lit) / near
    variance = around(lit * luma) / near - level * level
    away = (luma - level) / (variance + np.float32(EPSILON))
    mean: Plane = gathered[:2] / weight
    for plane, total in zip(mean, gathered, strict=False):
        near_mean = around(total) / near
        slope = around(total * luma) / near - near_mean * level  # over the variance
        plane += lack * (near_mean + slope * away - plane)
    return mean
