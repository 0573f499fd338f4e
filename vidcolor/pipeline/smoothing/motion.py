"""The motion of the picture: where the points of a frame are in the one beside it, and how sure that is.

Between two frames the motion is searched both ways. It is sure where luma agrees and where the way there leads back.
Exposure that flickers is taken out of the comparison of lumas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane

MISMATCH = 0.02  # of luma, in 0..1: at this difference a point's weight has fallen to 1/e
GRAIN = 4.0  # times the usual difference of the two frames, which is their grain: that much more is forgiven
MOST_GRAIN = 0.1  # luma: colors of old film, in much grain, otherwise have hardly any past, and flicker
ASTRAY = (1.0, 0.2)  # pixels, and share of the motion, that there-and-back may miss the start by, for 1/e
STILL = (0.004, 0.3)  # luma, and share of the grain, by which motion must agree better than standing still does
BESIDE = 0.1  # share of the tolerance within which a point beside a moving edge counts as still
FINEST = 1  # scale of the flow: half of the half size that it is searched at; coarser flow loses what is small and fast
CELLS = (3, 5)  # down and across, in which the change of exposure is measured


@dataclass(frozen=True, eq=False)
class Sight:
    """What the search for motion needs of a frame.

    Attributes:
        luma: ``(h, w)`` in 0..1.
        codes: The same at half size, which costs a quarter and takes out grain.
    """

    luma: Plane
    codes: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Way:
    """Where the points of a frame are in a neighboring one, ``(h, w)`` each, and how sure that is, 0..1."""

    x: Plane
    y: Plane
    weight: Plane

    def carry(self, gathered: Plane) -> Plane:
        """Bring ``(C, h, w)`` from the neighbor, weighted."""
        moved = np.stack([fetch(plane, self.x, self.y) for plane in gathered])
        moved *= self.weight
        return moved


def sight_of(luma: Plane) -> Sight:
    """Return what the search for motion needs of Y' ``(h, w)`` in 0..1."""
    height, width = luma.shape
    # The search takes pictures of 12 pixels and more.
    size = (max(16, width // 2), max(16, height // 2))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return Sight(luma, np.clip(np.rint(small * 255), 0, 255).astype(np.uint8))


def ways(earlier: Sight, later: Sight) -> tuple[Way, Way]:
    """Return motion from the later frame back to the earlier one, and from the earlier on to the later."""
    if np.array_equal(earlier.luma, later.luma):  # held frames: what the search would find, without searching
        x, y = _places(*later.luma.shape)
        there = Way(x, y, np.ones_like(x))
        return there, there
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


def _way(origin: Plane, target: Plane, motion: Plane, reverse: Plane) -> Way:
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
        move + fetch(back, x + move_x, y + move_y) for move, back in zip((move_x, move_y), reverse_planes, strict=True)
    ]
    fixed, share = ASTRAY
    astray = _squared(missed, scale) / (fixed**2 + share**2 * _squared((move_x, move_y), scale))

    size = (width, height)
    x, y = _places(height, width)
    there_x = x + scale[0] * cv2.resize(move_x, size)
    there_y = y + scale[1] * cv2.resize(move_y, size)
    astray = cv2.resize(astray, size)
    difference = origin - fetch(target, there_x, there_y)
    lighter = exposure(difference)
    difference -= lighter
    grain = 1.4826 * float(np.median(np.abs(difference[::3, ::3])))  # standard deviation of most of the picture

    tolerance = np.float32(MISMATCH**2 + min(GRAIN * grain, MOST_GRAIN) ** 2)
    difference *= difference
    sure = cv2.exp(-(difference / tolerance + astray))

    # Flow bleeds from what moves into what stands still beside it, and is anything at all where the picture is flat.
    standing = (origin - target - lighter) ** 2
    least = STILL[0] ** 2 + (STILL[1] * grain) ** 2
    still = cv2.blur(standing, (5, 5)) <= cv2.blur(difference, (5, 5)) + least
    still |= (cv2.blur(standing, (3, 3)) <= least + BESIDE * tolerance) & (sure < 0.5)
    mask = still.view(np.uint8)
    cv2.copyTo(x, mask, there_x)
    cv2.copyTo(y, mask, there_y)
    weight = cv2.copyTo(cv2.exp(-standing / tolerance), mask, sure)
    # What lies outside the picture counts nothing.
    weight *= cv2.remap(np.ones_like(origin), there_x, there_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return Way(there_x, there_y, weight)


def fetch(plane: Plane, x: Plane, y: Plane) -> Plane:
    """Return ``plane`` at the places given, bilinear."""
    found: Plane = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found


def _squared(vector: Sequence[Plane], scale: tuple[float, float]) -> Plane:
    """Return the squared length of a field ``(x, y)`` in other units."""
    squared: Plane = vector[0] ** 2 * np.float32(scale[0] ** 2) + vector[1] ** 2 * np.float32(scale[1] ** 2)
    return squared


def exposure(difference: Plane) -> Plane:
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
