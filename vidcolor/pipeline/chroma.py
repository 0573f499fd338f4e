"""From small ab to the chroma planes of a frame, along the edges of its luma.

Cb and Cr are solved at network size, where that is cheap, and enlarged there with a guided filter (He,
Sun and Tang 2013; the subsampled form of He and Sun 2015): within a window each is a linear function of
luma. That is the right model for a surface in light and shade, since scaling the light scales Y', Cb and
Cr of gamma-encoded video together, and it makes the color end where the luma has its edge.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.color.gamut import chroma_table, limit_to_gamut
from vidcolor.color.weights import Matrix
from vidcolor.film.frame import Frame

RADIUS = 3  # of the guided filter's window, in pixels of the network's picture
BAND = 1 << 20  # pixels of a band of rows
HALVED = 4.0  # times smaller: what is to become that small is halved first, and is still twice as large afterwards
CACHED = 1 << 15  # pixels of a band whose planes stay in a core's cache, from one step of the work to the next
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
    codes: NDArray[Any] = cv2.resize(frame.luma, (width, height), interpolation=cv2.INTER_AREA)
    kept = _KEPT.of((4, height, width))
    lines = _enlarged_lines(luma_small, cbcr, kept)
    found = np.empty((2, height, width), codes.dtype)
    planes = np.empty((2, _rows_of(CACHED, width), width), np.float32)
    for band in _bands(height, _rows_of(CACHED, width)):
        guide = _luma_of_codes(frame, codes[band])
        part = _along(guide, [(slope[band], offset[band]) for slope, offset in lines], planes[:, : len(guide)])
        part = limit_to_gamut(guide, part, frame.tags.matrix)
        part *= frame.chroma_span
        part += frame.neutral
        np.clip(np.rint(part, out=part), 0, (1 << frame.bits) - 1, out=part)
        found[:, band] = part
    return found[0], found[1]


def shrink_luma(frame: Frame, width: int, height: int) -> Plane:
    """Return Y' in 0..1 at another size, averaged over areas."""
    codes: NDArray[Any] = frame.luma
    # Halves are taken at twenty times the speed of areas with parts of pixels.
    while min(codes.shape[0] / height, codes.shape[1] / width) >= HALVED and not any(n % 2 for n in codes.shape):
        half = codes.shape[1] // 2, codes.shape[0] // 2
        codes = cv2.resize(codes, half, interpolation=cv2.INTER_AREA)
    return _luma_of_codes(frame, cv2.resize(codes, (width, height), interpolation=cv2.INTER_AREA))


def _luma_of_codes(frame: Frame, codes: NDArray[Any]) -> Plane:
    """Return Y' in 0..1 for code values of a frame."""
    luma: Plane = (codes.astype(np.float32) - frame.black) * np.float32(1 / frame.span)
    return luma


def guided_enlarge(guide_small: Plane, planes: Plane, guide: Plane) -> Plane:
    """Enlarge ``(C, h, w)`` to the size of ``guide`` ``(H, W)``, following its edges."""
    lines = _enlarged_lines(guide_small, planes, np.empty((2 * len(planes), *guide.shape), np.float32))
    return _along(guide, lines, np.empty((len(planes), *guide.shape), np.float32))


def _along(guide: Plane, lines: Iterable[tuple[Plane, Plane]], out: Plane) -> Plane:
    """Return for each pair of slopes and offsets, all of the size of ``guide``, what they make of it; in ``out``."""
    for plane, (slope, offset) in zip(out, lines, strict=True):
        np.multiply(slope, guide, out=plane)
        plane += offset
    return out


def _enlarged_lines(guide_small: Plane, planes: Plane, out: Plane) -> list[tuple[Plane, Plane]]:
    """Return what :func:`_lines` does, enlarged into the planes ``(2 * C, H, W)`` that are given."""
    small = (part for pair in _lines(guide_small, planes) for part in pair)
    for plane, part in zip(out, small, strict=True):
        cv2.resize(part, (plane.shape[1], plane.shape[0]), dst=plane, interpolation=cv2.INTER_LINEAR)
    return list(zip(out[::2], out[1::2], strict=True))


class _Kept(threading.local):
    """Planes that a thread uses again for every frame: fresh memory costs more time than what is written into it."""

    def __init__(self) -> None:
        self._planes = np.empty(0, np.float32)

    def of(self, shape: tuple[int, ...]) -> Plane:
        """Return planes of a shape, which hold anything."""
        if self._planes.shape != shape:
            self._planes = np.empty(shape, np.float32)
        return self._planes


_KEPT = _Kept()


def _rows_of(pixels: int, width: int) -> int:
    return max(1, pixels // width)


def _bands(height: int, count: int) -> Iterator[slice]:
    """Yield the rows of a plane, so many at a time."""
    for top in range(0, height, count):
        yield slice(top, min(top + count, height))


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
    for band in _bands(height, _rows_of(BAND, width)):
        guide = _luma_of_codes(frame, frame.luma[band])
        large = [(_rows(slope, band, height, width), _rows(offset, band, height, width)) for slope, offset in lines]
        planes = _along(guide, large, np.empty((len(lines), *guide.shape), np.float32))
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
