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

APART = 4.0  # ab units: a wish as near as this to what is there already moves nothing
# Share of the way to the wish from which a place wholly belongs to the thing, and share of the attention on any hint
# from which it may. benchmarks/guidance.py --clothes tells what they leave of the wish, and what they do elsewhere.
INSIDE, TAKEN = 0.9, 0.75
OWN = 0.5  # what the network's answer counts inside, against the wish: a thing is not all of one color
LEAST = 1e-3  # share of the attention that falls on any hint


def confined(ab: Plane, plain: Plane, told: Plane, spread: Plane) -> Plane:
    """Return the ab ``(2, h, w)`` of a picture with the things recolored that hints lie on.

    Args:
        ab: Of the picture otherwise.
        plain, told: The network's ab without and with the hints, ``(2, h, w)``.
        spread: The color of the hints that each cell is taken for, and how surely, ``(3, h / 8, w / 8)``, from
            :meth:`vidcolor.network.predictor.Predictor.spread`.
    """
    height, width = plain.shape[1:]
    weight = np.maximum(spread[2:], np.float32(LEAST))
    planes = np.concatenate([spread[:2] / weight, spread[2:]])
    *wishes, taken = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in planes)
    wish = np.stack(wishes)
    way, moved = wish - plain, told - plain
    share = (moved * way).sum(axis=0) / ((way * way).sum(axis=0) + np.float32(APART**2))
    inside = np.clip(share / INSIDE, 0, 1) * np.clip(taken / TAKEN, 0, 1)
    target = wish + np.float32(OWN) * (told - wish)
    found: Plane = ab + inside * (target - ab)
    return found
