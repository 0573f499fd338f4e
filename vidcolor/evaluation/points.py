"""Points of known color, as a person would give them: drawn from the truth, the same for a picture every time."""

from __future__ import annotations

import numpy as np

from vidcolor.color.arrays import Plane

SIDES = (3, 5)  # pixels at the network's size: the smallest and the largest square


def true_points(ab: Plane, count: int, seed: int) -> Plane:
    """Return hints ``(3, h, w)``: a, b and weight 1 in squares with the truth's mean color, nothing elsewhere.

    Fewer points are the first of many: what one more is worth can be told from two runs.

    Args:
        ab: The true colors ``(2, h, w)``; sides of at least 5 pixels.
        count: How many points; they may overlap.
    """
    random = np.random.default_rng(seed)
    hints = np.zeros((3, *ab.shape[1:]), np.float32)
    for _ in range(count):
        side = int(random.integers(SIDES[0], SIDES[1] + 1))
        top, left = (int(random.integers(length - side + 1)) for length in ab.shape[1:])
        square = np.s_[:, top : top + side, left : left + side]
        hints[square] = np.array([*ab[square].mean(axis=(1, 2)), 1], np.float32)[:, None, None]
    return hints
