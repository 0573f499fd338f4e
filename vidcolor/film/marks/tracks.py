"""What containers say of a track that libav does not hand on: its language in full, whether it is enabled, its crop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Crop:
    """Pixels at the sides of a picture that players leave out."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.right},{self.bottom} pixels left, above, right and below"


@dataclass(frozen=True)
class TrackMarks:
    """What is marked on a track.

    Attributes:
        language: As BCP 47 has it, en-GB or sr-Latn; "" where three letters say all.
        enabled: Players offer it.
    """

    language: str = ""
    enabled: bool = True
    crop: Crop = Crop()

    def __bool__(self) -> bool:
        return bool(self.language or not self.enabled or self.crop)


@dataclass(frozen=True)
class PictureShape:
    """Size of a picture as stored, and the shape of its pixels."""

    width: int
    height: int
    sample_aspect: Fraction = Fraction(1)


Marks = Mapping[int, TrackMarks]
