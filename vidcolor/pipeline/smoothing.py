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

A frame that the network has not seen (:mod:`vidcolor.pipeline.looks`) has nothing of its own to give, and takes all
from its neighbors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.pipeline.looks import Looks
from vidcolor.settings import ShotSettings

BLOCK = 6  # frames whose future is gathered together; each sees as many frames ahead at least, twice as many at most

MISMATCH = 0.02  # of luma, in 0..1: at this difference a point's weight has fallen to 1/e
GRAIN = 2.0  # times the usual difference of the two frames, which is their grain: that much more is forgiven
MOST_GRAIN = 0.06
ASTRAY = (1.0, 0.2)  # pixels, and share of the motion, that there-and-back may miss the start by, for 1/e
STILL = (0.004, 0.3)  # luma, and share of the grain, by which motion must agree better than standing still does
BESIDE = 0.1  # share of the tolerance within which a point beside a moving edge counts as still
FINEST = 1  # scale of the flow: half of the half size that it is searched at; coarser flow loses what is small and fast
CELLS = (3, 5)  # down and across, in which the change of exposure is measured
# A point is left to itself with as much weight as the best point nearby has, between these two, in frames.
FEW, ENOUGH = 4.5, 8.0
AROUND = 15  # pixels a side that are nearby
SURROUNDINGS = 5  # pixels a side, that it takes the rest from
EPSILON = 0.02**2  # variance of luma below which surroundings count as flat
WIDE = 61  # pixels a side, that a point takes its color from which nobody near it has seen
FAINT = 0.05  # of a frame's weight: what has gathered less has hardly been seen


@dataclass(frozen=True, eq=False)
class _View:
    """What the search for motion needs of a frame."""

    luma: Plane  # (h, w) in 0..1
    codes: NDArray[np.uint8]  # at half size, which costs a quarter and takes out grain


@dataclass(frozen=True, eq=False)
class _Way:
    """Where the points of a frame are in a neighboring one, ``(h, w)`` each, and how sure that is, 0..1."""

    x: Plane
    y: Plane
    weight: Plane

    def carry(self, gathered: Plane) -> Plane:
        """Bring ``(C, h, w)`` from the neighbor, weighted."""
        moved = np.stack([_fetch(plane, self.x, self.y) for plane in gathered])
        moved *= self.weight
        return moved


@dataclass(frozen=True, eq=False)
class _Watched:
    """A frame whose motion is known, and that waits for its colors.

    Attributes:
        backward, onward: From it to the frame before, and from that to it; None where a shot starts.
    """

    view: _View
    backward: _Way | None
    onward: _Way | None


@dataclass(eq=False)
class _Held:
    """A frame that waits for its future."""

    luma: Plane
    own: Plane  # (3, h, w): a, b, 1, times what the frame counts for
    past: Plane  # (3, h, w): weighted sums of a and b, and the weight; the frame itself included
    onward: _Way | None = None  # to the next frame


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
        self._last: _View | None = None

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
        view = _look(luma)
        backward = onward = None
        if self._last is not None and not starts_shot:
            backward, onward = _ways(self._last, view)
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


def _look(luma: Plane) -> _View:
    height, width = luma.shape
    # The search takes pictures of 12 pixels and more.
    size = (max(16, width // 2), max(16, height // 2))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return _View(luma, np.clip(np.rint(small * 255), 0, 255).astype(np.uint8))


def _ways(earlier: _View, later: _View) -> tuple[_Way, _Way]:
    """Return motion from the later frame back to the earlier one, and from the earlier on to the later."""
    back, onward = _flow(later.codes, earlier.codes), _flow(earlier.codes, later.codes)
    return _way(later.luma, earlier.luma, back, onward), _way(earlier.luma, later.luma, onward, back)


def _flow(origin: NDArray[np.uint8], target: NDArray[np.uint8]) -> Plane:
    """Return optical flow ``(h, w, 2)`` in pixels, x first.

    Source: Kroeger et al. 2016, "Fast optical flow using dense inverse search".
    """
    # Made anew for every pair: it would begin with what the last search has left in its buffers.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    search.setFinestScale(FINEST)
    found: Plane = search.calc(origin, target, None)
    return found


@lru_cache(maxsize=8)
def _places(height: int, width: int) -> tuple[Plane, Plane]:
    """Return the x and the y of every pixel."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x, y


def _way(origin: Plane, target: Plane, motion: Plane, reverse: Plane) -> _Way:
    """Return where the points of ``origin`` are in ``target``.

    Args:
        origin, target: Lumas ``(h, w)``.
        motion: Its flow ``(h', w', 2)``, in pixels of its own size.
        reverse: The flow from target to origin.
    """
    height, width = origin.shape
    rows, columns = motion.shape[:2]
    scale = (width / columns, height / rows)

    x, y = _places(rows, columns)
    (move_x, move_y), reverse_planes = cv2.split(motion), cv2.split(reverse)
    missed = [
        move + _fetch(back, x + move_x, y + move_y) for move, back in zip((move_x, move_y), reverse_planes, strict=True)
    ]
    fixed, share = ASTRAY
    astray = _squared(missed, scale) / (fixed**2 + share**2 * _squared((move_x, move_y), scale))

    size = (width, height)
    x, y = _places(height, width)
    there_x = x + scale[0] * cv2.resize(move_x, size)
    there_y = y + scale[1] * cv2.resize(move_y, size)
    astray = cv2.resize(astray, size)
    difference = origin - _fetch(target, there_x, there_y)
    exposure = _exposure(difference)
    difference -= exposure
    grain = 1.4826 * float(np.median(np.abs(difference[::3, ::3])))  # standard deviation of most of the picture

    tolerance = np.float32(MISMATCH**2 + min(GRAIN * grain, MOST_GRAIN) ** 2)
    difference *= difference
    sure = cv2.exp(-(difference / tolerance + astray))

    # Flow bleeds from what moves into what stands still beside it, and is anything at all where the picture is flat.
    standing = (origin - target - exposure) ** 2
    least = STILL[0] ** 2 + (STILL[1] * grain) ** 2
    still = cv2.blur(standing, (5, 5)) <= cv2.blur(difference, (5, 5)) + least
    still |= (cv2.blur(standing, (3, 3)) <= least + BESIDE * tolerance) & (sure < 0.5)
    np.copyto(there_x, x, where=still)
    np.copyto(there_y, y, where=still)
    weight = np.where(still, cv2.exp(-standing / tolerance), sure)
    # What lies outside the picture counts nothing.
    weight *= cv2.remap(np.ones_like(origin), there_x, there_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return _Way(there_x, there_y, weight)


def _fetch(plane: Plane, x: Plane, y: Plane) -> Plane:
    """Return ``plane`` at the places given, bilinear."""
    found: Plane = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found


def _squared(vector: Sequence[Plane], scale: tuple[float, float]) -> Plane:
    """Return the squared length of a field ``(x, y)`` in other units."""
    squared: Plane = vector[0] ** 2 * np.float32(scale[0] ** 2) + vector[1] ** 2 * np.float32(scale[1] ** 2)
    return squared


def _exposure(difference: Plane) -> Plane:
    """Return how much lighter one picture is than another of the same scene, smooth over the picture.

    The medians of a few large cells: what moves within one does not reach them.
    """
    height, width = difference.shape
    down, across = min(CELLS[0], height), min(CELLS[1], width)
    rows, columns = height // down, width // across
    cells = difference[: down * rows, : across * columns].reshape(down, rows, across, columns)[:, ::4, :, ::2]
    medians = np.median(cells.swapaxes(1, 2).reshape(down, across, -1), axis=2).astype(np.float32)
    spread: Plane = cv2.resize(medians, (width, height))
    return spread


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
