"""Grades do what a colorist expects: warmer and cooler, towards magenta and green, stronger and weaker."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import lab2xyz
from torch import Tensor

from vidcolor.color.grade import D65_KELVIN, Grade, apply_grade, daylight_xy, incoming_share, white_factors

GRADES = st.builds(
    Grade,
    saturation=st.floats(0, 5),
    temperature=st.floats(-100, 100),
    tint=st.floats(-100, 100),
    strength=st.floats(0, 1),
)


def lab(seed: int = 0, side: int = 20) -> tuple[Tensor, Tensor]:
    """L* ``(1, side, side)`` and ab ``(2, side, side)`` of random colors."""
    values = torch.rand((3, side, side), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values[:1] * 100, (values[1:] - 0.5) * 80


def grey(lightness: float) -> tuple[Tensor, Tensor]:
    return torch.full((1, 1, 1), lightness, dtype=torch.float64), torch.zeros(2, 1, 1, dtype=torch.float64)


def on_white(**settings: float) -> tuple[float, float]:
    """The a* and b* that a grade gives to white."""
    a, b = apply_grade(*grey(100), Grade(**settings)).flatten().tolist()
    return a, b


def test_the_neutral_grade_changes_nothing() -> None:
    """It is what a shot has that nobody has touched."""
    lightness, ab = lab()
    assert torch.equal(apply_grade(lightness, ab, Grade()), ab)


def test_saturation_is_a_factor() -> None:
    """Twice of it is twice the distance from grey."""
    lightness, ab = lab()
    assert torch.allclose(apply_grade(lightness, ab, Grade(saturation=2)), 2 * ab)


@given(GRADES)
def test_without_strength_everything_is_grey(grade: Grade) -> None:
    """Whatever else is asked for, the tint of white too."""
    lightness, ab = lab(side=3)
    bare = Grade(grade.saturation, grade.temperature, grade.tint, strength=0)
    assert not apply_grade(lightness, ab, bare).any()
    full = Grade(grade.saturation, grade.temperature, grade.tint)
    assert torch.allclose(apply_grade(lightness, ab, grade), apply_grade(lightness, ab, full) * grade.strength)


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    [(5003, 0.3457, 0.3586), (5503, 0.3324, 0.3474), (6504, 0.3127, 0.3291), (7504, 0.2990, 0.3149)],
    ids=["D50", "D55", "D65", "D75"],
)
def test_daylights_are_those_of_the_cie(kelvin: float, x: float, y: float) -> None:
    """CIE 15:2004, table 11.1."""
    assert daylight_xy(kelvin) == pytest.approx((x, y), abs=2e-4)


def test_white_becomes_the_white_of_d50() -> None:
    """46 mired warmer than D65 is D50, whose XYZ is 0.9642, 1, 0.8251 (ICC.1:2022, 7.2.16)."""
    kx, kz = white_factors(1e6 / 5003 - 1e6 / D65_KELVIN, 0)
    assert kx == pytest.approx(0.9642 / 0.95047, abs=2e-3)
    assert kz == pytest.approx(0.8251 / 1.08883, abs=2e-3)


def test_colors_move_with_the_white() -> None:
    """skimage sees X and Z multiplied, and Y where it was, at every lightness."""
    lightness, ab = lab()
    lightness = 30 + 0.7 * lightness  # so that Z is above 0
    kx, kz = white_factors(40, -30)
    found = apply_grade(lightness, ab, Grade(temperature=40, tint=-30))
    before, after = (lab2xyz(torch.cat([lightness, x]).permute(1, 2, 0).numpy()) for x in (ab, found))
    assert np.allclose(after, before * [kx, 1, kz], atol=2e-3)


def test_warm_is_yellow_and_cool_is_blue() -> None:
    """More of it is more of it."""
    shades = [on_white(temperature=t)[1] for t in (-100, -50, -20, 0, 20, 50, 100)]
    assert shades == sorted(shades)
    assert shades[0] < -20
    assert shades[3] == pytest.approx(0, abs=1e-9)
    assert shades[-1] > 20


def test_tint_goes_from_green_to_magenta() -> None:
    """Across the line of daylights: hardly warmer or cooler, in ab of white."""
    shades = [on_white(tint=t) for t in (-100, -50, -20, 0, 20, 50, 100)]
    assert [a for a, _ in shades] == sorted(a for a, _ in shades)
    assert shades[0][0] < -20
    assert shades[-1][0] > 20
    assert all(abs(b) < abs(a) for a, b in shades if a)


def test_black_stays_black_and_white_changes_most() -> None:
    """A colored lamp gives nothing to what throws no light back."""
    steps = [apply_grade(*grey(light), Grade(temperature=50)).norm() for light in (0, 5, 20, 50, 80, 100)]
    assert steps[0] < 1e-6
    assert steps == sorted(steps)


@pytest.mark.parametrize("length", [1, 2, 5, 12, 25])
def test_a_dissolve_is_eased_frame_by_frame(length: int) -> None:
    """Nothing before it, all after it, even steps between; at the boundary the new shot makes at least half."""
    start = 100
    shares = [incoming_share(frame, start, length) for frame in range(start - length, start + length + 1)]
    shown = [share for share in shares if 0 < share < 1]
    assert len(shown) == length
    assert np.allclose(np.diff([0, *shown, 1]), 1 / (length + 1))
    assert incoming_share(start - 1, start, length) < 0.5 <= incoming_share(start, start, length)


def test_a_cut_is_not_eased() -> None:
    """The frame before it is the old shot's, the frame after it the new one's."""
    assert [incoming_share(frame, 7, 0) for frame in (6, 7)] == [0, 1]


@given(GRADES, GRADES)
def test_grades_mix_from_one_to_the_other(first: Grade, second: Grade) -> None:
    """The ends are the two grades, to rounding; the middle is their mean."""
    assert first.mixed(second, 0) == first
    end, middle = first.mixed(second, 1), first.mixed(second, 0.5)
    for name in ("saturation", "temperature", "tint", "strength"):
        assert getattr(end, name) == pytest.approx(getattr(second, name), abs=1e-9)
        mean = (getattr(first, name) + getattr(second, name)) / 2
        assert getattr(middle, name) == pytest.approx(mean, abs=1e-9)
