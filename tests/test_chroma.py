"""Chroma planes: the right codes, the right sizes, no bleeding, and never out of gamut."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2lab

from vidcolor.color.weights import Matrix
from vidcolor.film.frame import ColorTags, Frame
from vidcolor.pipeline.chroma import chroma_bands, chroma_planes, guided_enlarge, shrink_luma

RNG = np.random.default_rng(3)

# 75 % bars as test generators print them: R', G', B', then 8-bit limited BT.709 codes Y', Cb, Cr.
BARS = {
    "yellow": (0.75, 0.75, 0, 168, 44, 136),
    "cyan": (0, 0.75, 0.75, 145, 147, 44),
    "green": (0, 0.75, 0, 133, 63, 52),
    "magenta": (0.75, 0, 0.75, 63, 193, 204),
    "red": (0.75, 0, 0, 51, 109, 212),
    "blue": (0, 0, 0.75, 28, 212, 120),
}
WHITE_BAR = (0.75, 0.75, 0.75, 180, 128, 128)


def frame(luma: NDArray[Any], bits: int = 8, matrix: Matrix = "bt709", full_range: bool = False) -> Frame:
    return Frame(luma, bits, 0, Fraction(1, 25), ColorTags(matrix, full_range))


def planes_of_color(rgb: Sequence[float] | NDArray[Any], luma: int, **tags: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Chroma planes of a flat picture whose ab scikit-image takes from the color."""
    source = frame(np.full((48, 64), luma, np.uint8 if tags.get("bits", 8) == 8 else np.uint16), **tags)
    lab = rgb2lab(np.array(rgb)[None, None])[0, 0]
    ab = np.broadcast_to(lab[1:, None, None], (2, 12, 16)).astype(np.float32)
    return chroma_planes(source, shrink_luma(source, 16, 12), ab, 32, 24)


@pytest.mark.parametrize("name", BARS)
def test_codes_of_published_bars(name: str) -> None:
    """Luma and ab of a bar give its published Cb and Cr, flat over the plane.

    The bars are mixed half and half with white, which codes follow linearly: at the very corners of the gamut the
    table is coarser (see ChromaTable). 2 codes for the table, 1 for rounding.
    """
    mixed = (np.array(BARS[name]) + WHITE_BAR) / 2
    for plane, code in zip(planes_of_color(mixed[:3], round(mixed[3])), mixed[4:], strict=True):
        assert plane.dtype == np.uint8
        assert np.ptp(plane) == 0
        assert abs(int(plane[0, 0]) - code) <= 3


def test_codes_of_ten_bits_and_full_range() -> None:
    """Ten bits are four times the codes of eight; full range reaches farther by 255 / 224."""
    rgb = (0.6, 0.5, 0.4)
    luma = 16 + 219 * (0.2126 * 0.6 + 0.7152 * 0.5 + 0.0722 * 0.4)
    eight = planes_of_color(rgb, round(luma))
    ten = planes_of_color(rgb, round(luma * 4), bits=10)
    full = planes_of_color(rgb, round((luma - 16) / 219 * 255), full_range=True)
    for a, b, c in zip(eight, ten, full, strict=True):
        assert b.dtype == np.uint16
        assert abs(int(b[0, 0]) / 4 - int(a[0, 0])) <= 1
        assert abs((int(c[0, 0]) - 128) * 224 / 255 - (int(a[0, 0]) - 128)) <= 1.5


@pytest.mark.parametrize(("size", "chroma"), [((71, 51), (36, 26)), ((71, 51), (71, 51)), ((71, 51), (36, 51))])
def test_planes_of_odd_pictures(size: tuple[int, int], chroma: tuple[int, int]) -> None:
    """Planes have exactly the size asked for, whatever the subsampling of an odd picture."""
    source = frame(RNG.integers(16, 235, (size[1], size[0]), dtype=np.uint8))
    ab = RNG.normal(0, 20, (2, 32, 32)).astype(np.float32)
    for plane in chroma_planes(source, shrink_luma(source, 32, 32), ab, *chroma):
        assert plane.shape == (chroma[1], chroma[0])


def test_no_color_stays_neutral() -> None:
    """ab of zero is exactly the neutral code, on any luma."""
    source = frame(RNG.integers(0, 256, (40, 60), dtype=np.uint8))
    for plane in chroma_planes(source, shrink_luma(source, 32, 32), np.zeros((2, 32, 32), np.float32), 30, 20):
        assert set(np.unique(plane)) == {128}


def test_flat_color_stays_flat_on_any_luma() -> None:
    """Constant Cb and Cr come out constant, however busy the guide: slope 0 is the filter's answer."""
    small, guide = RNG.random((20, 30)).astype(np.float32), RNG.random((160, 240)).astype(np.float32)
    flat = np.stack([np.full((20, 30), 0.1), np.full((20, 30), -0.2)]).astype(np.float32)
    enlarged = guided_enlarge(small, flat, guide)
    assert np.abs(enlarged - flat[:, :1, :1]).max() < 1e-4


def test_color_does_not_bleed_over_an_edge() -> None:
    """A red field against a dark blue one: chroma changes where luma does, not where the small picture ends.

    The edge falls inside a pixel of the small picture. Bilinear enlarging is wrong over eight columns there.
    """
    height, width, edge, scale = 96, 160, 84, 8
    guide = np.full((height, width), 0.75, np.float32)
    guide[:, edge:] = 0.25
    truth = np.full((2, height, width), 0.15, np.float32)
    truth[:, :, edge:] = -0.15
    shape = (width // scale, height // scale)
    small = cv2.resize(guide, shape, interpolation=cv2.INTER_AREA)
    planes = np.stack([cv2.resize(p, shape, interpolation=cv2.INTER_AREA) for p in truth])
    enlarged = guided_enlarge(small, planes, guide)
    naive = np.stack([cv2.resize(p, (width, height), interpolation=cv2.INTER_LINEAR) for p in planes])
    assert np.abs(naive - truth).max() > 0.1  # the test would see bleeding
    assert np.abs(enlarged - truth).max() < 0.005  # about one 8-bit code


def test_bands_are_the_whole_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photograph worked in bands of rows has the chroma that it would have in one piece, to a code of 16 bits."""
    rng = np.random.default_rng(0)
    luma = cv2.resize(rng.random((12, 15)).astype(np.float32), (211, 173), interpolation=cv2.INTER_CUBIC)
    codes = np.rint(np.clip(luma, 0, 1) * 65535).astype(np.uint16)
    source = frame(codes, 16, full_range=True)
    small = shrink_luma(source, 64, 52)
    ab = rng.normal(0, 15, (2, 52, 64)).astype(np.float32)
    monkeypatch.setattr("vidcolor.pipeline.chroma.BAND", 211 * 10)
    bands = list(chroma_bands(source, small, ab))
    assert [band.start for band, _ in bands] == list(range(0, 173, 10))
    found = np.concatenate([planes for _, planes in bands], axis=1) * 65535 + 32768
    whole = np.stack(chroma_planes(source, small, ab, 211, 173)).astype(np.float32)
    assert np.abs(found - whole).max() < 2


def test_rows_in_cached_bands_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bands that a frame's chroma is worked in leave no trace: one row at a time, or all rows at once."""
    source = frame(RNG.integers(16, 235, (90, 140), dtype=np.uint8))
    small, ab = shrink_luma(source, 32, 32), RNG.normal(0, 40, (2, 32, 32)).astype(np.float32)
    found = []
    for pixels in (1, 700, 1 << 20):
        monkeypatch.setattr("vidcolor.pipeline.chroma.CACHED", pixels)
        found.append(chroma_planes(source, small, ab, 70, 45))
    for planes in found[1:]:
        np.testing.assert_array_equal(planes, found[0])


def test_halving_on_the_way_to_a_small_luma_is_not_seen() -> None:
    """What is halved first differs by less than two codes from areas that are averaged in one step."""
    picture = cv2.GaussianBlur(RNG.integers(16, 235, (480, 640), dtype=np.uint8), (0, 0), 3)
    direct = cv2.resize(picture.astype(np.float32), (96, 64), interpolation=cv2.INTER_AREA)
    assert direct.std() > 3  # the test would see a picture that has moved
    off = shrink_luma(frame(picture), 96, 64) * 219 + 16 - direct
    assert np.abs(off).max() < 2
    assert abs(float(off.mean())) < 0.6
