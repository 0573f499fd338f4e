"""What strengthening does to colors, at a factor of two, in both forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from vidcolor.errors import CheckpointError
from vidcolor.network.build import build_network
from vidcolor.network.config import NetworkConfig
from vidcolor.network.strength import FORMS, MIDDLE, NEUTRAL, STRONGEST, WEAKEST, Form, Strength

POOLED = torch.zeros(1, 4)


@pytest.fixture(params=sorted(FORMS))
def doubled(request: pytest.FixtureRequest) -> Strength:
    """Every factor is two, whatever the features."""
    return doubling(FORMS[request.param])


def doubling(form: Form) -> Strength:
    strength = Strength(4, 4, form)
    share = math.log(2 / WEAKEST) / math.log(STRONGEST / WEAKEST)
    nn.init.constant_(strength.outer.bias, math.log(share / (1 - share)))
    return strength.requires_grad_(False)


def picture(*colors: tuple[float, float]) -> Tensor:
    """ab ``(1, 2, 1, w)``."""
    return torch.tensor(colors).T[None, :, None]


@pytest.mark.parametrize("form", FORMS.values())
def test_nothing_is_learned_only_contrast_changes(form: Form) -> None:
    """A fresh strength leaves colors as they are, but for what the form does to every picture."""
    ab = torch.randn(3, 2, 4, 4) * 20
    chroma = ab.norm(dim=1, keepdim=True)
    changed = Strength(4, 4, form)(torch.randn(3, 4), ab)
    torch.testing.assert_close(changed, ab * (chroma / MIDDLE) ** form.contrast, rtol=1e-4, atol=1e-4)


def test_opposite_colors_grow_by_the_factor_less_what_the_knee_spares() -> None:
    """Two colors that cancel out have no tint: each grows along its own direction."""
    ab = picture((12.0, 5.0), (-12.0, -5.0))
    torch.testing.assert_close(doubling(FORMS[1])(POOLED, ab), ab * (1 + 1 / (1 + 13**2 / FORMS[1].knee ** 2)))


def test_contrast_parts_strong_colors_from_weak_ones() -> None:
    """Twice as strong, and then the middle stays where it is while what is weaker lags behind."""
    form = FORMS[2]
    assert form.contrast
    for chroma in (6.0, MIDDLE, 40.0):
        ab = picture((chroma, 0.0), (-chroma, 0.0))
        torch.testing.assert_close(doubling(form)(POOLED, ab), 2 * ab * (chroma / MIDDLE) ** form.contrast)


@pytest.mark.parametrize("form", FORMS.values())
def test_a_common_tint_grows_by_its_share(form: Form) -> None:
    """A sepia picture becomes less brown than a factor of two alone would make it: hardly browner in the first form."""
    ab = picture(*[(9.0, 12.0)] * 5)  # as strong as the middle: contrast changes nothing
    grown = (doubling(form)(POOLED, ab) - ab).norm(dim=1) / ab.norm(dim=1)
    colored = 15**2 / (15**2 + NEUTRAL**2)
    torch.testing.assert_close(grown.max(), torch.tensor((1 - form.tint * colored) / (1 + 15**2 / form.knee**2)))
    assert grown.max() < 0.6


def test_two_colors_part_from_each_other(doubled: Strength) -> None:
    """Of two warm colors, the redder becomes redder and the yellower yellower."""
    redder, yellower = doubled(POOLED, picture((14.0, 6.0), (6.0, 14.0)))[0, :, 0].T
    assert redder[0] > 14
    assert redder[1] / redder[0] < 6 / 14
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


def test_a_form_of_another_version_is_refused() -> None:
    """A checkpoint of a newer version is not shown in a form that it was not learned for."""
    with pytest.raises(CheckpointError, match="form 3"):
        build_network(NetworkConfig(encoder="test_efficientnet", encoder_options={}, strength=4, strength_form=3))


def test_checkpoints_without_a_form_have_the_first() -> None:
    """What was calibrated before there were two looks as it did."""
    written = NetworkConfig(strength=4).to_json().replace('"strength_form": 1, ', "")
    assert "strength_form" not in written
    assert NetworkConfig.from_json(written).strength_form == 1
