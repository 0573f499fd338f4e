"""Whether a picture is a negative: what the encoder sees in it, against what it sees in its inversion.

The encoder was trained on positives. A weighted sum of its features, learned from photographs and their inversions
(benchmarks/negatives.py), tells the two apart. What counts is by how much a picture's sum is above that of its
inversion: so nothing matters but what makes them different.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from vidcolor.color.arrays import Plane
from vidcolor.network.predictor import Predictor

SIZE = (128, 96)  # pixels that pictures are squeezed into, width and height
WEIGHTS = Path(__file__).with_suffix(".safetensors")
FLAT = 0.03  # standard deviation of Y' below which a picture tells nothing


@lru_cache(maxsize=1)
def _weights() -> dict[str, NDArray[np.float32]]:
    """Return the weights for each model that has any, by its digest."""
    return load_file(WEIGHTS)


def tells_negatives(predictor: Predictor) -> bool:
    """Return whether there are weights for a predictor's model."""
    return predictor.takes_hints and predictor.model.sha256 in _weights()


def squeezed(luma: Plane) -> Plane:
    """Return Y' ``(h, w)``, the way up that it is shown, at the size at which it is judged."""
    plane: Plane = cv2.resize(np.ascontiguousarray(luma, np.float32), SIZE, interpolation=cv2.INTER_AREA)
    return plane


def seen(predictor: Predictor, lumas: Sequence[Plane]) -> NDArray[np.float32]:
    """Return the features of Y' planes of that size, ``(N, 2 channels)``: the means of upper and lower half."""
    halves = (cell.reshape(len(cell), 2, -1).mean(axis=2) for cell in predictor.cells(lumas))
    return np.stack([half.ravel() for half in halves]).astype(np.float32)


def log_odds(predictor: Predictor, lumas: Sequence[Plane]) -> list[float]:
    """Return the log odds that each Y' ``(h, w)`` in 0..1, upright, is a positive: below 0 it looks like a negative.

    Args:
        predictor: One whose model there are weights for.
    """
    planes = [squeezed(luma) for luma in lumas]
    telling = [place for place, plane in enumerate(planes) if plane.std() >= FLAT]
    odds = np.zeros(len(planes), np.float64)
    if telling:
        shown = [planes[place] for place in telling]
        right, wrong = np.split(seen(predictor, [*shown, *(1 - plane for plane in shown)]), 2)
        odds[telling] = (right - wrong) @ _weights()[predictor.model.sha256]
    return [float(each) for each in odds]
