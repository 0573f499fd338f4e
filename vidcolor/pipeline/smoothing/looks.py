"""Which frames of a shot the network sees; the smoothing fills the others along the motion of the picture.

Adjacent frames show nearly the same, and a color that is carried from a neighbor is as good as one predicted anew. So
the network looks at the first and the last frame of a shot, at a few a second in between, and wherever much has come
into sight that no look has seen. Times decide, not frame numbers: a film of 60 frames a second is looked at as often as
one of 24, and a place in the film is looked at whichever segment, batch or machine it is worked in.
"""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from vidcolor.color.arrays import Plane

A_SECOND = 8  # looks: every third frame of a film of 24
NEW = 0.5  # share of the picture that no look has seen, as far as motion tells, from which a frame is looked at


def frames_per_look(rate: Fraction | None) -> int:
    """Return how many frames a look stands for: so much it counts in averages, where each frame's own would count 1.

    Args:
        rate: Frames per second of a film of which the network need not see every frame; None: it sees all.
    """
    return max(1, round(rate / A_SECOND)) if rate else 1


class Looks:
    """Chooses the frames that are looked at, in the order in which they are shown."""

    def __init__(self) -> None:
        self._known: Plane | None = None  # how much of each point some look has seen, 0..1
        self._beat = 0

    def wants(self, seconds: float, sure: Plane | None, places: tuple[Plane, Plane] | None, *, ends_shot: bool) -> bool:
        """Return whether the next frame is to be looked at.

        Args:
            seconds: When it is shown.
            sure: How sure its points are to be found in the frame before, ``(h, w)`` in 0..1; None where a shot starts.
            places: Where they are there, as x and y; None likewise.
            ends_shot: No frame of the shot follows.
        """
        beat = int(seconds * A_SECOND + 1e-6)
        if sure is None or places is None or self._known is None:
            wanted = True
            self._known = None
        else:
            known = cv2.remap(self._known, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) * sure
            wanted = beat != self._beat or ends_shot or float(1 - known.mean()) > NEW
            self._known = known
        self._beat = beat
        return wanted

    def looked(self, shape: tuple[int, int]) -> None:
        """Note that the frame asked about was looked at: all of its points are known."""
        self._known = np.ones(shape, np.float32)
