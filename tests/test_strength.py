"""What strengthening does to colors, at a factor of two."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from vidcolor.network.strength import KNEE, NEUTRAL, STRONGEST, WEAKEST, Strength

POOLED = torch.zeros(1, 4)


@pytest.fixture
def doubled() -> Strength:
    """Every factor is two, whatever the features."""
    strength = Strength(channels=4, hidden=4)
    share = math.log(2 / WEAKEST) / math.log(STRONGEST / WEAKEST)
    nn.init.constant_(strength.outer.bias, math.log(share / (1 - share)))
    return strength.requires_grad_(False)


def picture(*colors: tuple[float, float]) -> Tensor:
    """ab ``(1, 2, 1, w)``."""
    return torch.tensor(colors).T[None, :, None]


def test_nothing_is_learned_nothing_changes() -> None:
    """A fresh strength leaves colors as they are."""
    ab = torch.randn(3, 2, 4, 4) * 20
    torch.testing.assert_close(Strength(4, 4)(torch.randn(3, 4), ab), ab, rtol=1e-4, atol=1e-4)


def test_opposite_colors_grow_by_the_factor_less_what_the_knee_spares(doubled: Strength) -> None:
    """Two colors that cancel out have no tint: each grows along its own direction."""
    ab = picture((12.0, 5.0), (-12.0, -5.0))
    torch.testing.assert_close(doubled(POOLED, ab), ab * (1 + 1 / (1 + 13**2 / KNEE**2)))


def test_a_common_tint_stays_as_it_is(doubled: Strength) -> None:
    """A sepia picture becomes hardly browner, where a factor of two alone would make it vivid."""
    ab = picture(*[(9.0, 12.0)] * 5)
    grown = (doubled(POOLED, ab) - ab).norm(dim=1) / ab.norm(dim=1)
    assert grown.max() < NEUTRAL**2 / (15**2 + NEUTRAL**2) < 0.25


def test_two_colors_part_from_each_other(doubled: Strength) -> None:
    """Of two warm colors, the redder becomes redder and the yellower yellower."""
    redder, yellower = doubled(POOLED, picture((14.0, 6.0), (6.0, 14.0)))[0, :, 0].T
    assert redder[0] > 14
    assert redder[1] < 6
    torch.testing.assert_close(redder.flip(0), yellower)


def test_grey_places_stay_grey_beside_any_tint(doubled: Strength) -> None:
    """Walls, snow and borders are not pushed to the tint's opposite."""
    grey = doubled(POOLED, picture((20.0, 20.0), (20.0, 20.0), (0.0, 0.0), (0.4, -0.3)))[0, :, 0, 2:]
    torch.testing.assert_close(grey[:, 0], torch.zeros(2))
    assert grey[:, 1].norm() < 1


def test_neutral_borders_change_nothing_inside(doubled: Strength) -> None:
    """A letterboxed film has the colors of the same film without its bars."""
    inside = torch.randn(1, 2, 4, 6) * 15 + 5
    framed = torch.zeros(1, 2, 8, 6)
    framed[:, :, 2:6] = inside
    torch.testing.assert_close(doubled(POOLED, framed)[:, :, 2:6], doubled(POOLED, inside))


def test_a_picture_without_any_color_stays_so(doubled: Strength) -> None:
    """No division by nothing."""
    assert not doubled(POOLED, torch.zeros(1, 2, 3, 3)).any()
