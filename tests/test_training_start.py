"""Training that begins with models that are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from runs import CONFIG, NETWORK, PAPER, Folder, run
from vidcolor.errors import CheckpointError
from vidcolor.network.checkpoint import load_model
from vidcolor.training.start import load_mean


def test_run_goes_on_from_a_model(photo_folder: Folder, tmp_path: Path) -> None:
    """--start takes configuration and weights of a checkpoint: with a learning rate of zero they come out again."""
    data = photo_folder(count=10)
    first = run(data, tmp_path / "first", config=replace(CONFIG, epochs=1))
    again = run(
        data, tmp_path / "again", config=replace(CONFIG, lr=0.0, epochs=1), start=first.checkpoint, network=PAPER
    )
    before, after = load_model(first.checkpoint).uncalibrated(), load_model(tmp_path / "again" / "best.safetensors")
    assert after.config == before.config
    assert again.best_epoch == 0
    for (name, one), other in zip(before.network.named_parameters(), after.network.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_run_goes_on_from_the_mean_of_models(photo_folder: Folder, tmp_path: Path) -> None:
    """--start given twice: with a learning rate of zero the means of the weights come out."""
    data = photo_folder(count=10)
    starts = [run(data, tmp_path / str(s), config=replace(CONFIG, epochs=1, seed=s)).checkpoint for s in (3, 4)]
    run(data, tmp_path / "mean", config=replace(CONFIG, lr=0.0, epochs=1), start=starts)
    one, other, mean = (
        dict(load_model(path).uncalibrated().network.named_parameters())
        for path in (*starts, tmp_path / "mean" / "best.safetensors")
    )
    for name, value in mean.items():
        torch.testing.assert_close(value, (one[name] + other[name]) / 2, msg=name)
    assert any(not torch.equal(one[name], other[name]) for name in mean)


def test_run_that_adds_blocks_goes_on_from_a_model(photo_folder: Folder, tmp_path: Path) -> None:
    """--refine beside --start adds blocks that change nothing at first; the mean with the model without keeps them."""
    data = photo_folder(count=10)
    first = run(data, tmp_path / "first", config=replace(CONFIG, epochs=1)).checkpoint
    added = NETWORK.with_(refine=1)
    run(data, tmp_path / "more", config=replace(CONFIG, lr=0.0, epochs=1), start=first, network=added)
    plain, more = load_model(first).uncalibrated(), load_model(tmp_path / "more" / "best.safetensors")
    assert (plain.config.refine, more.config.refine) == (0, 1)
    weights = dict(more.network.named_parameters())
    for name, one in plain.network.named_parameters():
        assert torch.equal(one, weights[name]), name
    for models in ([first, tmp_path / "more" / "best.safetensors"], [tmp_path / "more" / "best.safetensors", first]):
        mean = load_mean(models)
        assert mean.config.refine == 1
        assert all(torch.equal(v, weights[k]) for k, v in mean.network.named_parameters() if k.startswith("refine."))
    again = run(data, tmp_path / "again", config=replace(CONFIG, lr=0.0, epochs=1), start=models[0])
    assert load_model(again.checkpoint).config.refine == 1


def test_run_that_adds_a_palette_goes_on_from_a_model(photo_folder: Folder, tmp_path: Path) -> None:
    """--palette beside --start changes nothing at first, and is learned; a palette that is there keeps its size."""
    data = photo_folder(count=10)
    once = replace(CONFIG, epochs=1)
    first = run(data, tmp_path / "first", config=once).checkpoint
    kept = run(data, tmp_path / "kept", config=replace(once, lr=0.0), start=first, network=NETWORK.with_(palette=3))
    learned = run(data, tmp_path / "learned", config=once, start=first, network=NETWORK.with_(palette=3))
    lightness = 100 * torch.rand(1, 1, 64, 64)
    plain, same, other = (
        load_model(path).uncalibrated().network.eval()(lightness).ab
        for path in (first, kept.folder / "last.safetensors", learned.folder / "last.safetensors")
    )
    torch.testing.assert_close(same, plain, atol=1.0, rtol=0)  # batch norms are measured anew
    head = load_model(learned.folder / "last.safetensors").network.state_dict()["head.project.weight"]
    assert head[:, -3:].abs().max() > 0
    assert (other - plain).abs().max() > (same - plain).abs().max()
    for palette in (2, 4):
        with pytest.raises(CheckpointError, match=f"with {palette} colors of a palette: it has 3"):
            run(data, tmp_path / "no", config=once, start=learned.checkpoint, network=NETWORK.with_(palette=palette))


def test_blocks_are_not_taken_away(photo_folder: Folder, tmp_path: Path) -> None:
    """--refine with fewer than the model has, or beside another architecture, is told before any photo is read."""
    data, once = photo_folder(count=10), replace(CONFIG, epochs=1)
    two = run(data, tmp_path / "two", config=once, network=NETWORK.with_(refine=2)).checkpoint
    paper = run(data, tmp_path / "paper", config=once, network=PAPER.with_(extractor="")).checkpoint
    for start, reason in ((two, "with 1 residual blocks: it has 2"), (paper, "only FusionNet takes them")):
        with pytest.raises(CheckpointError, match=reason):
            run(tmp_path / "absent", tmp_path / "run", start=start, network=NETWORK.with_(refine=1))


def test_single_pictures_have_a_size_of_their_own(photo_folder: Folder, tmp_path: Path) -> None:
    """It is stored in the checkpoint, and what the samples show; the mean with a network without one is taken."""
    data = photo_folder(count=10)
    first = run(data, tmp_path / "first", config=replace(CONFIG, epochs=1)).checkpoint
    run(data, tmp_path / "larger", config=replace(CONFIG, epochs=1), start=first, still_size=96)
    larger = load_model(tmp_path / "larger" / "model.safetensors")
    assert (larger.config.short_side(still=True), larger.config.short_side(still=False)) == (96, NETWORK.size)
    assert (
        cv2.imread(str(tmp_path / "larger" / "samples" / "epoch-0001.png")).shape[0] == 4 * 96 + 3 * 4
    )  # rows and the gaps between them
    mean = load_mean([tmp_path / "larger" / "model.safetensors", first])
    assert mean.config.still_size == 96


def test_no_mean_of_different_networks(photo_folder: Folder, tmp_path: Path) -> None:
    """Told before any photo is read."""
    first = run(photo_folder(count=10), tmp_path / "first").checkpoint
    with pytest.raises(CheckpointError, match="their networks differ"):
        run(tmp_path / "absent", tmp_path / "run", start=[first, "fast"])
