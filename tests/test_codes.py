"""Three whole numbers whose weighted sum is a luma: exact for every luma, color and depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcolor.color.codes import luma_codes, rgb_at_luma

WEIGHTS = {"bt601": (0.299, 0.587, 0.114), "bt709": (0.2126, 0.7152, 0.0722), "bt2020": (0.2627, 0.678, 0.0593)}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_luma_of_grey_is_its_code(dtype: Any) -> None:
    """Every code of both depths."""
    grey = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(16, -1)
    assert np.array_equal(luma_codes(np.repeat(grey[..., None], 3, axis=2)), grey)


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@given(
    bits=st.sampled_from([8, 10, 12, 16]),
    seed=st.integers(0, 2**32 - 1),
    strength=st.sampled_from([0.0, 0.01, 0.2, 2.0]),
)
def test_luma_never_rounds_to_a_neighbor(matrix: Any, bits: int, seed: int, strength: float) -> None:
    """Inside the gamut and far outside of it, the sum in float64 is within 0.42 of the code (Kg / 2, and float32)."""
    rng = np.random.default_rng(seed)
    top = (1 << bits) - 1
    luma = rng.integers(0, top + 1, (9, 31)).astype(np.uint8 if bits == 8 else np.uint16)
    luma[0, :2] = 0, top
    red, blue = (rng.normal(0, strength * top, luma.shape).astype(np.float32) for _ in range(2))
    rgb = rgb_at_luma(luma, red, blue, top, matrix=matrix)
    assert rgb.max() <= top
    exact = rgb.astype(np.float64) @ np.array(WEIGHTS[matrix])
    assert np.abs(exact - luma).max() < 0.42
    if matrix == "bt709":
        assert np.array_equal(luma_codes(rgb), luma)


def test_colors_are_those_that_were_asked_for() -> None:
    """Inside the gamut red and blue are rounded and no more; outside all three give way in proportion."""
    luma = np.full((1, 2), 512, np.uint16)
    red, blue = np.array([[100.4, 2000.0]], np.float32), np.array([[-50.2, -1000.0]], np.float32)
    rgb = rgb_at_luma(luma, red, blue, 1023)[0].astype(int)
    assert rgb[0, 0] - 512 == 100
    assert rgb[0, 2] - 512 == -50
    assert rgb[1, 0] == 1023  # the first channel that meets an end
    assert (rgb[1, 2] - 512) / (rgb[1, 0] - 512) == pytest.approx(-0.5, abs=0.01)


def test_the_result_may_have_a_place() -> None:
    """Bands of a large picture are solved where they will stand."""
    luma = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    parts = np.full((3, 4), 5, np.float32)
    whole = np.zeros((3, 4, 3), np.uint8)
    for row in range(3):
        rgb_at_luma(luma[row : row + 1], parts[row : row + 1], parts[row : row + 1], 255, whole[row : row + 1])
    assert np.array_equal(whole, rgb_at_luma(luma, parts, parts, 255))
