"""Color at a known luma: luma and hue stay, chroma gives way to the gamut, and the table is near the exact solver."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color.gamut import STORED, ChromaTable, ab_to_cbcr, chroma_table, lightness_at_luma, limit_to_gamut
from vidcolor.color.spaces import rgb_to_lab, rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb
from vidcolor.color.weights import Matrix

MATRICES: tuple[Matrix, ...] = ("bt601", "bt709", "bt2020")
RNG = np.random.default_rng(0)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("matrix", MATRICES)
def test_lightness_at_luma_finds_the_true_lightness(matrix: Matrix) -> None:
    """From the luma and ab of a real color, its own L* is found."""
    rgb = uniform(3, 30, 40)
    lab = rgb_to_lab(rgb)
    found = lightness_at_luma(rgb_to_luma(rgb, matrix), lab[1:], matrix)
    assert torch.allclose(found, lab[:1], atol=1e-3)


@pytest.mark.parametrize("matrix", MATRICES)
def test_chroma_of_real_colors_is_their_own(matrix: Matrix) -> None:
    """Luma and ab of a color in the gamut give back that color's Cb and Cr."""
    rgb = uniform(1, 3, 30, 40)
    ycbcr = rgb_to_ycbcr(rgb, matrix)
    found = ab_to_cbcr(ycbcr[:, :1], rgb_to_lab(rgb)[:, 1:], matrix)
    assert (found - ycbcr[:, 1:]).abs().max() < 2e-3  # half an 8-bit code


@pytest.mark.parametrize("matrix", MATRICES)
def test_strong_color_keeps_luma_and_hue_and_gives_up_chroma(matrix: Matrix) -> None:
    """Whatever ab is asked for: in the gamut, at the given luma, of the asked hue, and no stronger than asked."""
    luma = 0.02 + 0.96 * uniform(1, 1, 40, 50)
    ab = (uniform(1, 2, 40, 50, seed=1) * 2 - 1) * 100
    rgb = ycbcr_to_rgb(torch.cat([luma, ab_to_cbcr(luma, ab, matrix)], dim=1), matrix)
    assert rgb.min() > -3e-3
    assert rgb.max() < 1 + 3e-3
    assert torch.allclose(rgb_to_luma(rgb, matrix), luma, atol=1e-9)
    found = rgb_to_lab(rgb)[:, 1:]
    chroma, asked = found.norm(dim=1), ab.norm(dim=1)
    assert (chroma <= asked + 0.5).all()
    across = (found[:, 0] * ab[:, 1] - found[:, 1] * ab[:, 0]).abs() / asked  # ab units off the asked hue
    assert across.max() < 0.5


@pytest.mark.parametrize("matrix", MATRICES)
def test_table_is_near_the_exact_solver(matrix: Matrix) -> None:
    """ChromaTable keeps the tolerances that its docstring states, against the solver that it samples."""

    def errors(luma: Tensor, ab: Tensor) -> Tensor:
        return (chroma_table(matrix)(luma, ab) - ab_to_cbcr(luma, ab, matrix)).abs().flatten() * 224

    rgb = uniform(1, 3, 60, 80).float()
    whole = errors(rgb_to_luma(rgb, matrix), rgb_to_lab(rgb)[:, 1:])
    assert whole.mean() < 0.5
    assert whole.quantile(0.99) < 5
    ordinary = errors(0.1 + 0.8 * uniform(1, 1, 60, 80).float(), (uniform(1, 2, 60, 80, seed=1).float() * 2 - 1) * 40)
    assert ordinary.mean() < 0.2
    assert ordinary.quantile(0.99) < 2


def test_table_leaves_grey_grey() -> None:
    """No color in, none out, at any luma."""
    luma = torch.linspace(0, 1, 257).view(1, 1, 1, -1)
    assert chroma_table("bt709")(luma, torch.zeros(1, 2, 1, 257)).abs().max() * 224 < 0.1


@pytest.mark.parametrize("matrix", MATRICES)
def test_the_stored_table_is_what_the_solver_gives(matrix: Matrix) -> None:
    """The file beside the module holds what is computed today: whoever changes a formula has to write it anew."""
    with np.load(STORED) as file:
        off = np.abs(file[matrix] - ChromaTable.nodes(matrix))
    assert off.max() < 1e-4  # a fortieth of an 8-bit code: other processors round otherwise


def test_limit_keeps_hue_and_reaches_the_gamut() -> None:
    """Out-of-gamut chroma shrinks just as far as needed, along its own direction; the rest is untouched.

    OpenCV's own Y'CrCb (BT.601, full range) is the witness for what is in the gamut.
    """
    luma = RNG.random((50, 60)).astype(np.float32)
    cbcr = RNG.uniform(-0.5, 0.5, (2, 50, 60)).astype(np.float32)
    limited = limit_to_gamut(luma, cbcr, "bt601")

    def rgb(chroma: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = cv2.cvtColor(
            np.dstack([luma, chroma[1] + 0.5, chroma[0] + 0.5]), cv2.COLOR_YCrCb2RGB
        )
        return found

    inside = rgb(limited)
    assert inside.min() > -2e-3  # OpenCV rounds its coefficients to three decimals
    assert inside.max() < 1 + 2e-3
    before = rgb(cbcr)
    fits = ((before > 2e-3) & (before < 1 - 2e-3)).all(axis=2)
    assert fits.any()
    assert np.array_equal(limited[:, fits], cbcr[:, fits])
    distance = np.minimum(inside, 1 - inside).min(axis=2)
    outside = ((before < -2e-3) | (before > 1 + 2e-3)).any(axis=2)
    assert distance[outside].max() < 3e-3  # no more chroma given up than needed
    assert np.abs(limited[0] * cbcr[1] - limited[1] * cbcr[0]).max() < 1e-6
    assert (limited * cbcr >= 0).all()
