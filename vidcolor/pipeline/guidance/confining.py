"""Hints confined to the things that they lie on.

A network that is told one color changes its mind about the whole picture: a blue jacket makes the face yellower. Who
corrects one thing wants the rest as it was. So the network is asked with and without the hints. Where its answer has
moved to the color of the hints that it takes a place for, the place belongs to their thing, and is given that color;
elsewhere its answer without them stays.
"""

from __future__ import annotations

import cv2
import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.network.hints import no_hints
from vidcolor.network.predictor import Predictor

APART = 4.0  # ab units: a wish as near as this to what is there already moves nothing
# Share of the way to the wish from which a place wholly belongs to the thing, and share of the attention on any hint
# from which it may. benchmarks/guidance.py --clothes tells what they leave of the wish, and what they do elsewhere.
INSIDE, TAKEN = 0.9, 0.75
OWN = 0.5  # what the network's answer counts inside, against the wish: a thing is not all of one color
# Shares inside from which a place is carried along as one of the thing, and as wholly one.
CARRIED = 0.35, 0.9
# One or two colors correct things, and all else is to stay. Many colors describe the picture: then the network is told
# the things on other frames too, and not the hints alone.
FEW, MANY, TOLD = 2, 5, 0.5
OTHER = 8.0  # ab units from which two hints count as two colors
LEAST = 1e-3  # share of the attention that falls on any hint


def confined(ab: Plane, plain: Plane, told: Plane, spread: Plane) -> Plane:
    """Return the ab ``(2, h, w)`` of a picture with the things recolored that hints lie on.

    Args:
        ab: Of the picture otherwise.
        plain, told: The network's ab without and with the hints, ``(2, h, w)``.
        spread: The color of the hints that each cell is taken for, and how surely, ``(3, h / 8, w / 8)``, from
            :meth:`vidcolor.network.predictor.Predictor.spread`.
    """
    things = _things(plain, told, spread)
    found: Plane = ab + things[2] * (things[:2] - ab)
    return found


def hinted(predictor: Predictor, luma: Plane, hints: Plane) -> Plane:
    """Return the ab ``(2, h, w)`` of a single picture with the things recolored that its hints lie on.

    Args:
        luma: Y' ``(h, w)`` at network size, upright.
        hints: a, b in ab units and a weight of 0..1, ``(3, h, w)``.

    Raises:
        CheckpointError: the network takes no hints.
    """
    if not predictor.takes_hints:
        raise no_hints(predictor.model.name)
    plain, told, spread = _asked(predictor, luma, hints)
    ab = confined(plain, plain, told, spread)
    found: Plane = ab + (hints[:2] - ab) * hints[2]
    return found


def with_things(predictor: Predictor, luma: Plane, hints: Plane) -> Plane:
    """Return the hints of a frame, and the things that they lie on, as they are carried to other frames.

    So a thing keeps its color where the hint itself goes out of sight.

    Args:
        luma, hints: As for :func:`hinted`.

    Returns:
        a and b in ab units, and two weights of 0..1, ``(4, h, w)``: with which the network is told the color, and with
        which it is taken as it is.
    """
    things = _things(*_asked(predictor, luma, hints))
    ab = things[:2] + (hints[:2] - things[:2]) * hints[2]
    low, high = CARRIED
    surely = np.clip((things[2] - low) / (high - low), 0, 1) ** 2  # as a square: the settling takes the root
    describing = TOLD * np.clip((_colors(hints) - FEW) / (MANY - FEW), 0, 1)
    return np.stack([*ab, np.maximum(describing * surely, hints[2]), np.maximum(surely, hints[2])])


def _asked(predictor: Predictor, luma: Plane, hints: Plane) -> tuple[Plane, Plane, Plane]:
    """Return the network's ab of a picture without and with hints, and where the hints spread to."""
    plain, told = (predictor.predict([luma], hints=[known])[0] for known in (None, hints))
    (spread,) = predictor.spread([luma], [hints])
    return plain, told, spread


def _things(plain: Plane, told: Plane, spread: Plane) -> Plane:
    """Return the colors of the things that hints lie on, and how surely a place belongs to one, ``(3, h, w)``."""
    height, width = plain.shape[1:]
    weight = np.maximum(spread[2:], np.float32(LEAST))
    planes = np.concatenate([spread[:2] / weight, spread[2:]])
    *wishes, taken = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in planes)
    wish = np.stack(wishes)
    way, moved = wish - plain, told - plain
    share = (moved * way).sum(axis=0) / ((way * way).sum(axis=0) + np.float32(APART**2))
    inside = np.clip(share / INSIDE, 0, 1) * np.clip(taken / TAKEN, 0, 1)
    return np.stack([*(wish + np.float32(OWN) * (told - wish)), inside])


def _colors(hints: Plane) -> int:
    """Return how many different colors hints have."""
    found: list[Plane] = []
    for ab in hints[:2, hints[2] > 0].T:
        if all(float(np.hypot(*(ab - other))) > OTHER for other in found):
            found.append(ab)
    return len(found)
