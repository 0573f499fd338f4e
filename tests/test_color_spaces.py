"""Color science against published values, scikit-image, and its own inverses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor

from vidcolor.color.spaces import (
    lab_to_rgb,
    lab_to_xyz,
    linear_to_srgb,
    luma_to_lightness,
    rgb_to_lab,
    rgb_to_luma,
    rgb_to_ycbcr,
    srgb_to_linear,
    xyz_to_lab,
    ycbcr_to_rgb,
)
from vidcolor.color.weights import LUMA_WEIGHTS, Matrix

MATRICES: tuple[Matrix, ...] = ("bt601", "bt709", "bt2020")
UNIT = st.floats(0, 1, width=32)

# Lindbloom's CIE color calculator, sRGB to Lab under D65: R', G', B', L*, a*, b*.
PUBLISHED_LAB = [
    (1, 0, 0, 53.2408, 80.0925, 67.2032),
    (0, 1, 0, 87.7347, -86.1827, 83.1793),
    (0, 0, 1, 32.2970, 79.1875, -107.8602),
    (1, 1, 1, 100.0, 0.0, 0.0),
    (0, 0, 0, 0.0, 0.0, 0.0),
]

# What R', G', B' gain from Cb and Cr: ITU-T T.871 (BT.601), and BT.709-6 and BT.2020-2 worked out.
DECODING = {
    "bt601": [(0, 1.402), (-0.344136, -0.714136), (1.772, 0)],
    "bt709": [(0, 1.5748), (-0.187324, -0.468124), (1.8556, 0)],
    "bt2020": [(0, 1.4746), (-0.164553, -0.571353), (1.8814, 0)],
}

# 75 % color bars in 8-bit limited BT.709 codes, as test generators print them: R', G', B', Y', Cb, Cr.
BARS = [
    (0.75, 0.75, 0.75, 180, 128, 128),
    (0.75, 0.75, 0, 168, 44, 136),
    (0, 0.75, 0.75, 145, 147, 44),
    (0, 0.75, 0, 133, 63, 52),
    (0.75, 0, 0.75, 63, 193, 204),
    (0.75, 0, 0, 51, 109, 212),
    (0, 0, 0.75, 28, 212, 120),
]


def pixel(*channels: float) -> Tensor:
    """One pixel, ``(C, 1, 1)``, in double precision."""
    return torch.tensor(channels, dtype=torch.float64)[:, None, None]


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("row", PUBLISHED_LAB)
def test_lab_of_published_colors(row: tuple[float, ...]) -> None:
    """The primaries have the Lab values that the field prints (0.02: its white has four digits)."""
    assert rgb_to_lab(pixel(*row[:3])).flatten().tolist() == pytest.approx(row[3:], abs=0.02)


def test_lab_of_scikit_image() -> None:
    """The same Lab as scikit-image everywhere in the cube; the two differ in the digits of D65."""
    rgb = uniform(3, 40, 50)
    assert np.allclose(rgb_to_lab(rgb).permute(1, 2, 0), rgb2lab(rgb.permute(1, 2, 0).numpy()), atol=0.02)


def test_rgb_of_scikit_image() -> None:
    """Lab goes back to scikit-image's sRGB, half an 8-bit code apart at most by the digits of D65."""
    lab = rgb_to_lab(uniform(3, 40, 50))
    assert np.allclose(lab_to_rgb(lab).permute(1, 2, 0), lab2rgb(lab.permute(1, 2, 0).numpy()), atol=0.5 / 255)


def test_published_srgb_values() -> None:
    """IEC 61966-2-1: half the light is encoded as 188 of 255; the two pieces meet at 0.04045."""
    assert linear_to_srgb(pixel(0.5)).item() * 255 == pytest.approx(187.5, abs=0.1)
    ends = srgb_to_linear(pixel(0.04045, 0.04045 + 1e-9)).flatten().tolist()
    assert ends == pytest.approx([0.0031308] * 2, abs=1e-7)


@given(UNIT, UNIT, UNIT)
@settings(deadline=None)
def test_conversions_are_undone_by_their_inverses(r: float, g: float, b: float) -> None:
    """Every conversion returns to where it came from, for any color."""
    rgb = pixel(r, g, b)
    assert torch.allclose(linear_to_srgb(srgb_to_linear(rgb)), rgb, atol=1e-6)
    assert torch.allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=1e-6)
    assert torch.allclose(lab_to_xyz(xyz_to_lab(rgb)), rgb, atol=1e-9)
    for matrix in MATRICES:
        assert torch.allclose(ycbcr_to_rgb(rgb_to_ycbcr(rgb, matrix), matrix), rgb, atol=1e-9)


def test_colors_outside_the_gamut_come_back() -> None:
    """Nothing is clipped on the way: a Lab far outside sRGB survives the round trip."""
    lab = pixel(50, 120, -120)
    rgb = lab_to_rgb(lab)
    assert rgb.min() < 0
    assert rgb.max() > 1
    assert torch.allclose(rgb_to_lab(rgb), lab, atol=1e-6)


@pytest.mark.parametrize("matrix", MATRICES)
def test_published_matrices(matrix: Matrix) -> None:
    """The decoding equations have the standards' coefficients, and white is Y' = 1 without chroma."""
    for chroma, column in ((pixel(0, 1, 0), 0), (pixel(0, 0, 1), 1)):
        expected = [row[column] for row in DECODING[matrix]]
        assert ycbcr_to_rgb(chroma, matrix).flatten().tolist() == pytest.approx(expected, abs=1e-6)
    assert rgb_to_ycbcr(pixel(1, 1, 1), matrix).flatten().tolist() == pytest.approx([1, 0, 0])
    kr, kb = LUMA_WEIGHTS[matrix]
    assert rgb_to_luma(pixel(1, 0, 1), matrix).item() == pytest.approx(kr + kb)


@pytest.mark.parametrize("row", BARS)
def test_published_color_bars(row: tuple[float, ...]) -> None:
    """75 % bars have the BT.709 codes of every test generator."""
    y, cb, cr = rgb_to_ycbcr(pixel(*row[:3]), "bt709").flatten().tolist()
    assert (round(16 + 219 * y), round(128 + 224 * cb), round(128 + 224 * cr)) == row[3:]


def test_lightness_of_grey() -> None:
    """Y' of a grey pixel gives the L* of the same grey through Lab, down to black."""
    grey = torch.linspace(0, 1, 999, dtype=torch.float64).view(1, 1, -1)
    assert torch.allclose(luma_to_lightness(grey), rgb_to_lab(grey.expand(3, -1, -1))[:1], atol=1e-9)
