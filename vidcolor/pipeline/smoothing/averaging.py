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

from dataclasses import dataclass

import cv2
import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.pipeline.smoothing.motion import Way
from vidcolor.pipeline.smoothing.watching import Watched
from vidcolor.settings import ShotSettings

BLOCK = 6  # frames whose future is gathered together; each sees as many frames ahead at least, twice as many at most

# A point is left to itself with as much weight as the best point nearby has, between these two, in frames.
FEW, ENOUGH = 4.5, 12.0
AROUND = 15  # pixels a side that are nearby
SURROUNDINGS = 5  # pixels a side, that it takes the rest from
EPSILON = 0.02**2  # variance of luma below which surroundings count as flat
WIDE = 61  # pixels a side, that a point takes its color from which nobody near it has seen
FAINT = 0.05  # of a frame's weight: what has gathered less has hardly been seen


@dataclass(eq=False)
class _Held:
    """A frame that waits for its future."""

    luma: Plane
    own: Plane  # (3, h, w): a, b, 1, times what the frame counts for
    past: Plane  # (3, h, w): weighted sums of a and b, and the weight; the frame itself included
    onward: Way | None = None  # to the next frame


class Smoother:
    """Averages ab over time: takes watched frames with their colors, and gives colors back in the same order.

    Args:
        strength: What a neighbor counts for each frame of distance, 0..1; 0 leaves ab as it is.
        weight: What a frame with colors of its own counts: the frames that it stands for.

    Attributes:
        delay: Frames that an output waits for, at most.
    """

    def __init__(self, strength: float = ShotSettings.smooth, weight: int = 1) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be in 0..1, not {strength}")
        self.strength = strength
        self.delay = 2 * BLOCK - 1 if strength else 0
        self._weight = np.float32(weight)
        self._held: list[_Held] = []

    def add(self, watched: Watched, ab: Plane | None) -> list[Plane]:
        """Take the next frame with its colors; return the colors ``(2, h, w)`` of the frames that are done, in order.

        Args:
            watched: By a :class:`vidcolor.pipeline.smoothing.watching.Watcher` of the same strength.
            ab: ``(2, h, w)``; None for a frame that takes them from its neighbors.
        """
        if not self.strength:
            assert ab is not None  # without strength every frame has its own
            return [ab]
        luma = watched.luma
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

    def flush(self) -> list[Plane]:
        """Return what is left, when the shot or the film has ended."""
        return self._finish(len(self._held))

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
