"""Hints drawn for training: they are where and as sure as they say, and networks learn to use them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from runs import CONFIG, NETWORK, Folder, run, weights
from vidcolor.data.degrade import PartGenerator
from vidcolor.network.checkpoint import load_model
from vidcolor.training import hints as kinds
from vidcolor.training.hints import draw_hints, moved

HINTED = NETWORK.with_(hints=4)


def truth(n: int = 64, size: int = 96) -> Tensor:
    """Random Lab of sixteen large things."""
    small = torch.rand(n, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    lab = torch.nn.functional.interpolate(small, size=(size, size), mode="nearest")
    return lab * torch.tensor([100.0, 120.0, 120.0])[:, None, None] - torch.tensor([0.0, 60.0, 60.0])[:, None, None]


def draw(lab: Tensor, share: float = 1.0, seed: int = 0) -> Tensor:
    return draw_hints(lab, share, PartGenerator.of(0, 1, seed))


def test_share_of_pictures_with_hints() -> None:
    """Of 256 pictures about the share that is asked for; none at 0; a color only where there is a weight."""
    lab = truth(256, 32)
    shown = (draw(lab, 0.65)[:, 2].amax(dim=(1, 2)) > 0).float().mean().item()
    assert 0.55 < shown < 0.7  # strokes of a mixture may be missing
    assert draw(lab, 0.0).count_nonzero() == 0
    hints = draw(lab)
    assert hints.isfinite().all()
    assert 0 <= hints[:, 2].min() <= hints[:, 2].max() <= 1
    assert (hints[:, :2].abs().sum(dim=1) * (hints[:, 2] == 0)).max() == 0


def test_a_weight_is_the_probability_of_being_right() -> None:
    """Soft hints: those of weight w are near the truth in about w of all places; a wrong one may be near by chance."""
    lab = truth()
    hints = torch.cat([draw(lab, seed=seed) for seed in range(4)])
    far = (hints[:, :2] - lab[:, 1:].repeat(4, 1, 1, 1)).norm(dim=1)
    for low, high in ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9)):
        chosen = (hints[:, 2] > low) & (hints[:, 2] < high)
        right = (far[chosen] < 8).float().mean().item()
        assert low - 0.1 < right < high + 0.15, (low, right)
    assert (far[hints[:, 2] == 1] < 8).float().mean() > 0.75  # all but edges, where regions lie beside their place


@pytest.mark.parametrize("kind", ["_points", "_strokes", "_regions"])
def test_kinds_cover_what_they_say(kind: str) -> None:
    """A few hundredths by points and strokes, between a tenth and nine tenths by regions."""
    lab = truth()
    covered = (getattr(kinds, kind)(lab[:, 1:], PartGenerator.of(0, 1, 1))[:, 2] > 0).float().mean(dim=(1, 2))
    low, high = (0.3, 0.7) if kind == "_regions" else (0.002, 0.1)
    assert low < covered.mean() < high
    assert covered.max() < (0.99 if kind == "_regions" else 0.7)
    assert covered.min() > 0


def test_parts_of_a_batch_get_the_hints_of_the_whole() -> None:
    """However many processes share a batch."""
    lab = truth(6)
    whole = draw(lab, 0.65)
    for rank in (0, 1):
        assert torch.equal(draw_hints(lab[rank::2], 0.65, PartGenerator.of(rank, 2, 0)), whole[rank::2])


def test_pictures_are_moved_by_whole_pixels() -> None:
    """Down and right for positive numbers, with the edge repeated, or around, as numpy's roll has it."""
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    by = torch.tensor([[1, -2]])
    assert torch.equal(moved(x, by, around=True), x.roll((1, -2), dims=(2, 3)))
    expected = torch.tensor([[2.0, 3, 3, 3], [2, 3, 3, 3], [6, 7, 7, 7]])
    assert torch.equal(moved(x, by)[0, 0], expected)


def test_networks_learn_to_believe_hints(photo_folder: Folder, tmp_path: Path) -> None:
    """After some steps true points bring the colors nearer to the truth than none."""
    data = photo_folder(count=24)
    config = replace(CONFIG, epochs=6, film=0.0, lr=2e-2, ema=0.0, hints=1.0, colorfulness=0.0)
    result = run(data, tmp_path / "run", config=config, network=HINTED)
    network = load_model(result.checkpoint).network
    lab = truth(32, 64)
    hints = torch.cat([lab[:, 1:], torch.ones(32, 1, 64, 64)], dim=1)
    with torch.no_grad():
        without, shown = (network(lab[:, :1], *h).ab for h in ((), (hints,)))
    target = torch.nn.functional.interpolate(lab[:, 1:], size=without.shape[2:], mode="area")
    assert (shown - target).abs().mean() < 0.95 * (without - target).abs().mean()


def test_hints_change_nothing_for_networks_without(photo_folder: Folder, tmp_path: Path) -> None:
    """The share of hints has no effect on a network that takes none: the same weights."""
    data = photo_folder(count=10)
    run(data, tmp_path / "some", config=replace(CONFIG, hints=0.9))
    run(data, tmp_path / "none", config=replace(CONFIG, hints=0.0))
    some, none = (weights(tmp_path / name, "last.safetensors") for name in ("some", "none"))
    assert all(torch.equal(some[key], none[key]) for key in some)
