"""Landmarks: frames of a film that are known again, whatever file the film is in."""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

from vidcolor.film.shots import BLANK, Thumbnail

SIDE = 8  # coefficients each way
SAME = 12  # of 63 signs: a frame scaled down, with grain, as a poor JPEG differs in 5, other films in 18 and more

_FORM = re.compile(r"f(\d+)-t(-?\d+)-([0-9a-f]{16})")


@dataclass(frozen=True)
class Landmark:
    """A frame with its place and its appearance.

    Attributes:
        frame: Its number, counted from 0, the film's first.
        pts: Its time in the file that it was seen in, in units of that file's time base.
        look: 63 signs as hexadecimal digits, as :func:`look_of` gives them.
    """

    frame: int
    pts: int
    look: str

    def __str__(self) -> str:
        return f"f{self.frame}-t{self.pts}-{self.look}"

    @classmethod
    def parse(cls, text: str) -> Landmark:
        """Return the landmark that was written as a text.

        Raises:
            ValueError: it is none.
        """
        found = _FORM.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no landmark")
        return cls(int(found[1]), int(found[2]), found[3])

    def is_seen_in(self, picture: Thumbnail) -> bool:
        """Return whether a thumbnail shows this frame, or one much like it; a blank picture is like none."""
        look = look_of(picture)
        return bool(look) and (int(look, 16) ^ int(self.look, 16)).bit_count() <= SAME


def look_of(picture: Thumbnail) -> str:
    """Return the signs of the lowest 63 coefficients of a thumbnail's cosine transform; "" for a blank picture.

    Signs outlast changes of exposure, size and codec; the mean, which does not, is left out. (As in Zauner 2010,
    "Implementation and benchmarking of perceptual image hash functions", 3.2.1.)
    """
    values = picture.astype(np.float32)
    if values.std() < BLANK:
        return ""
    signs = cv2.dct(values)[:SIDE, :SIDE].ravel()[1:] > 0
    return f"{int(''.join('01'[int(sign)] for sign in signs), 2):016x}"
