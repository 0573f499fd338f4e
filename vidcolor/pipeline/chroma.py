"""From small ab to the chroma planes of a frame, along the edges of its luma.

Cb and Cr are solved at network size, where that is cheap, and enlarged there with a guided filter (He,
Sun and Tang 2013; the subsampled form of He and Sun 2015): within a window each is a linear function of
luma. That is the right model for a surface in light and shade, since scaling the light scales Y', Cb and
Cr of gamma-encoded video together, and it makes the color end where the luma has its edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.color.gamut import chroma_table, limit_to_gamut
from vidcolor.color.spaces import Matrix
from vidcolor.film.frame import Frame

RADIUS = 3  # of the guided filter's window, in pixels of the network's picture
BAND = 1 << 20  # pixels of a band of rows
EPSILON = np.float32(0.02**2)  # variance of luma below which a window counts as flat


def ab_to_chroma_small(luma: Plane, ab: Plane, matrix: Matrix) -> Plane:
    """Return Cb and Cr ``(2, h, w)`` for luma ``(h, w)`` in 0..1 and ab ``(2, h, w)``."""
    found = chroma_table(matrix)(torch.from_numpy(luma)[None, None], torch.from_numpy(ab)[None])
    return found[0].numpy()


def chroma_planes(
    frame: Frame, luma_small: Plane, ab: Plane, width: int, height: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the Cb and Cr planes of a frame, as code values of its own depth and range.

    Args:
        luma_small: Y' at network size, ``(h, w)`` in 0..1.
        ab: ``(2, h, w)``.
        width, height: Size of the chroma planes.
    """
    cbcr = ab_to_chroma_small(luma_small, ab, frame.tags.matrix)
    guide = shrink_luma(frame, width, height)
    planes = guided_enlarge(luma_small, cbcr, guide)
    planes = limit_to_gamut(guide, planes, frame.tags.matrix)
    kind = np.uint8 if frame.bits <= 8 else np.uint16
    top = (1 << frame.bits) - 1
    cb, cr = (np.clip(np.rint(p * frame.chroma_span + frame.neutral), 0, top).astype(kind) for p in planes)
    return cb, cr


def shrink_luma(frame: Frame, width: int, height: int) -> Plane:
    """Return Y' in 0..1 at another size, averaged over areas."""
    small: NDArray[Any] = cv2.resize(frame.luma, (width, height), interpolation=cv2.INTER_AREA)
    luma: Plane = (small.astype(np.float32) - frame.black) * np.float32(1 / frame.span)
    return luma


def guided_enlarge(guide_small: Plane, planes: Plane, guide: Plane) -> Plane:
    """Enlarge ``(C, h, w)`` to the size of ``guide`` ``(H, W)``, following its edges."""
    size = (guide.shape[1], guide.shape[0])
    enlarged = np.empty((len(planes), *guide.shape), np.float32)
    for out, lines in zip(enlarged, _lines(guide_small, planes), strict=True):
        slope, offset = (cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in lines)
        np.multiply(slope, guide, out=out)
        out += offset
    return enlarged


def _lines(guide_small: Plane, planes: Plane) -> Iterator[tuple[Plane, Plane]]:
    """Return for each plane ``(h, w)`` the slope and offset ``(h, w)`` that make it a function of the guide there."""
    window = (2 * RADIUS + 1, 2 * RADIUS + 1)

    def mean(x: Plane) -> Plane:
        blurred: Plane = cv2.blur(x, window, borderType=cv2.BORDER_REPLICATE)
        return blurred

    mean_guide = mean(guide_small)
    variance = mean(guide_small * guide_small) - mean_guide * mean_guide
    for plane in planes:
        mean_plane = mean(plane)
        slope: Plane = (mean(guide_small * plane) - mean_guide * mean_plane) / (variance + EPSILON)
        offset: Plane = mean_plane - slope * mean_guide
        yield mean(slope), mean(offset)


def chroma_bands(frame: Frame, luma_small: Plane, ab: Plane) -> Iterator[tuple[slice, Plane]]:
    """Yield Cb and Cr ``(2, rows, W)`` of a frame, at full size, unrounded, in its gamut, a band of rows at a time.

    A scan of 60 megapixels would need two gigabytes for planes of its whole size.

    Args:
        luma_small, ab: As for :func:`chroma_planes`.
    """
    height, width = frame.luma.shape
    lines = list(_lines(luma_small, ab_to_chroma_small(luma_small, ab, frame.tags.matrix)))
    count = max(1, BAND // width)
    for top in range(0, height, count):
        band = slice(top, min(top + count, height))
        guide = (frame.luma[band].astype(np.float32) - frame.black) * np.float32(1 / frame.span)
        planes = np.empty((len(lines), *guide.shape), np.float32)
        for out, (slope, offset) in zip(planes, lines, strict=True):
            np.multiply(_rows(slope, band, height, width), guide, out=out)
            out += _rows(offset, band, height, width)
        yield band, limit_to_gamut(guide, planes, frame.tags.matrix)


def _rows(small: Plane, band: slice, height: int, width: int) -> Plane:
    """Return some rows of a plane enlarged along straight lines, as cv2.resize would enlarge all of it."""
    place = (np.arange(band.start, band.stop, dtype=np.float64) + 0.5) * len(small) / height - 0.5
    place = np.clip(place, 0, len(small) - 1)
    upper = place.astype(np.intp)
    share = (place - upper).astype(np.float32)[:, None]
    lower = np.minimum(upper + 1, len(small) - 1)
    rows = small[upper] * (1 - share) + small[lower] * share
    enlarged: Plane = cv2.resize(rows, (width, len(rows)), interpolation=cv2.INTER_LINEAR)
    return enlarged
