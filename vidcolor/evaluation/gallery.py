"""The pictures of a report: the photos that came out best and worst, and strips of films."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.evaluation.photos import PhotoScores
from vidcolor.evaluation.pictures import Pictures
from vidcolor.evaluation.scores import Comparison
from vidcolor.report.page import data_uri
from vidcolor.report.sheet import joined, jpeg, scaled

KEPT = 12  # photos of each kind
PHOTO_HEIGHT, STRIP_HEIGHT = 168, 132  # pixels
STRIP_LENGTH = 6  # pictures
LINE = 3  # pixels between pictures
JPEG_QUALITY = 86


@dataclass(frozen=True)
class Strip:
    """Pictures side by side.

    Attributes:
        image: JPEG as a data URI.
        width, height: In pixels.
    """

    image: str
    width: int
    height: int


@dataclass(frozen=True)
class Plate(Strip):
    """A photo three times: grey, colorized, truth."""

    name: str
    comparison: Comparison


@dataclass
class Gallery:
    """Collects pictures while an evaluation runs: a bounded number of small JPEGs, whatever the data."""

    strips: list[Strip] = field(default_factory=list)
    _best: list[tuple[float, int, Plate]] = field(default_factory=list)
    _worst: list[tuple[float, int, Plate]] = field(default_factory=list)
    _seen: int = 0

    def add_photo(self, scores: PhotoScores, pictures: Pictures) -> None:
        """Take a photo, if it is among the best or worst so far: by the color difference it gained over grey."""
        gained = scores.comparison.grey.ciede2000 - scores.comparison.colorized.ciede2000
        self._seen += 1
        for heap, key in ((self._best, gained), (self._worst, -gained)):
            if len(heap) < KEPT or key > heap[0][0]:
                plate = _plate(scores, pictures)
                (heapq.heappush if len(heap) < KEPT else heapq.heapreplace)(heap, (key, self._seen, plate))

    def add_film(self, pictures: Sequence[Pictures]) -> None:
        """Take the next film's pictures: three rows, one above the other, with time from left to right."""
        chosen = [pictures[round(i)] for i in np.linspace(0, len(pictures) - 1, min(STRIP_LENGTH, len(pictures)))]
        rows = [[scaled(p, STRIP_HEIGHT) for p in kind] for kind in zip(*map(_three, chosen), strict=True)]
        sheet = joined([joined(row, 1, LINE) for row in rows], 0, LINE)
        self.strips.append(Strip(_uri(sheet), sheet.shape[1], sheet.shape[0]))

    @property
    def best(self) -> list[Plate]:
        """Return the best photos, the best first."""
        return [plate for _, _, plate in sorted(self._best, key=lambda entry: -entry[0])]

    @property
    def worst(self) -> list[Plate]:
        """Return the worst photos, the worst first; those that are among the best too are left out."""
        best = {plate.name for plate in self.best}
        ranked = sorted(self._worst, key=lambda entry: -entry[0])
        return [plate for _, _, plate in ranked if plate.name not in best]


def _three(pictures: Pictures) -> tuple[RgbImage, RgbImage, RgbImage]:
    return pictures.grey, pictures.colorized, pictures.truth


def _plate(scores: PhotoScores, pictures: Pictures) -> Plate:
    sheet = joined([scaled(p, PHOTO_HEIGHT) for p in _three(pictures)], 1, LINE)
    return Plate(_uri(sheet), sheet.shape[1], sheet.shape[0], scores.name, scores.comparison)


def _uri(image: RgbImage) -> str:
    """Return a picture as a JPEG inside a link."""
    return data_uri(jpeg(image, JPEG_QUALITY), "image/jpeg")
