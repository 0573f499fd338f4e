"""What a network is shown in training: each photograph once, or twice as two frames of one reel."""

from __future__ import annotations

from dataclasses import replace

import torch

from vidcolor.data.degrade import PartGenerator
from vidcolor.settings import TrainSettings
from vidcolor.training.examples import shown_once, shown_twice

AGED = TrainSettings(film=1.0, hints=0.5, borders=0.0, blanks=0.0)


def photos(count: int = 6, size: int = 64) -> torch.Tensor:
    """Smooth colored pictures in uint8."""
    small = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    large = torch.nn.functional.interpolate(small, size=(size, size), mode="bilinear")
    return (255 * large).to(torch.uint8)


def test_two_views_are_frames_of_one_reel() -> None:
    """Emulsion, tone and sharpness are shared, grain and flicker are not: views differ less than two agings do."""
    rgb = photos()
    first, second = shown_twice(rgb, AGED, PartGenerator.of(0, 1, 5), hints=False).lightness.chunk(2)
    others = shown_once(rgb, AGED, PartGenerator.of(0, 1, 6), hints=False).lightness
    large = [torch.nn.functional.avg_pool2d(x, 16) for x in (first, second, others)]  # no grain, and hardly a move
    within, between = ((large[0] - x).abs().mean() for x in large[1:])
    assert 0 < within < between / 2


def test_clean_views_differ_by_their_move_alone() -> None:
    """What no reel has aged looks the same in both views, but for the pixels by which the second is moved."""
    clean = replace(AGED, film=0.0, enlarged=0.0)
    twice = shown_twice(photos(), clean, PartGenerator.of(0, 1, 5), hints=False)
    assert twice.moves is not None
    first, second = twice.lightness.chunk(2)
    for one, other, (down, across) in zip(first, second, twice.moves.long().tolist(), strict=True):
        back = torch.roll(other, (-down, -across), dims=(1, 2))
        torch.testing.assert_close(back[:, 8:-8, 8:-8], one[:, 8:-8, 8:-8])


def test_hints_are_in_both_views_or_in_none() -> None:
    """Each view has its own where a picture has any."""
    twice = shown_twice(photos(20), AGED, PartGenerator.of(0, 1, 5), hints=True)
    assert twice.hints is not None
    first, second = (view[:, 2].amax(dim=(1, 2)) > 0 for view in twice.hints.chunk(2))
    assert torch.equal(first, second)
    assert torch.equal(twice.unhinted(), ~first)
    assert 0 < int(first.sum()) < len(first)
