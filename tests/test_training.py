"""A run: exact resuming, early stop, overfitting, interruptions, and what it leaves in its folder."""

from __future__ import annotations

import json
import math
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from children import Child
from runs import CONFIG, NETWORK, PAPER, Folder, Killed, ctrl_c, kill, lines, run, stop_at, weights
from vidcolor.data.photos import center_crop, find_photos
from vidcolor.errors import CheckpointError, DataError, DeviceError, OutputError, VidcolorError
from vidcolor.network.backbone import create_backbone
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import load_model
from vidcolor.network.heads import Prediction
from vidcolor.training import calibration, objective
from vidcolor.training import run as training_loop
from vidcolor.training.loss import regression_loss
from vidcolor.training.validation import ValidationScores, validate


@pytest.mark.parametrize(
    "changes",
    [
        {"colorfulness": 0.75, "calibration": "learned", "dropout": 0.3, "drop_path": 0.3},
        {"loss": "classification", "ema": 0.0, "optimizer": "adam", "schedule": "constant"},
        {"gradient": 0.5, "steadiness": 0.1, "hints": 0.5},
    ],
    ids=["calibrated, with dropped parts", "classification, no average", "further terms"],
)
def test_resumed_run_is_the_uninterrupted_run(
    photo_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Killed in the middle of an epoch, interrupted in another, resumed: every weight and number bit for bit."""
    monkeypatch.setattr(calibration, "PRICES", 2)
    data = photo_folder(count=20)
    config = replace(CONFIG, save_minutes=0.0, **changes)
    network = NETWORK.with_(head="classification") if "loss" in changes else NETWORK
    network = network.with_(hints=4) if "hints" in changes else network
    whole = run(data, tmp_path / "whole", config=replace(config, save_minutes=60.0), network=network)
    with pytest.raises(Killed):
        run(data, tmp_path / "parts", config=config, network=network, progress=stop_at(2, kill))
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "parts", config=config, network=network, progress=stop_at(5, ctrl_c))
    parts = run(data, tmp_path / "parts", config=config, network=network)
    for name in ("state.safetensors", "best.safetensors", "last.safetensors", "model.safetensors"):
        one, other = weights(tmp_path / "whole", name), weights(tmp_path / "parts", name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name
    assert parts.scores == whole.scores
    for name, key in (("metrics.jsonl", "loss"), ("steps.jsonl", "loss")):
        numbers = [[line[key] for line in lines(tmp_path / part, name)] for part in ("whole", "parts")]
        assert numbers[0] == numbers[1]


def test_loss_falls_on_a_small_set(photo_folder: Folder, tmp_path: Path) -> None:
    """Eight photos are learned: the loss falls by a third and more, and color beats grey on them."""
    data = photo_folder(count=8)
    config = replace(CONFIG, epochs=20, film=0.0, borders=0.0, smallest_crop=1.0, mirror=False, lr=2e-2, ema=0.0)
    run(data, tmp_path / "run", config=config, val=[data])
    losses = [line["loss"] for line in lines(tmp_path / "run", "steps.jsonl")]
    assert len(losses) == 20 * 2
    assert np.mean(losses[-4:]) < 0.66 * np.mean(losses[:4])
    squares = [center_crop(photo.load(), 32) for photo in find_photos([data])]
    learned = load_model(tmp_path / "run" / "last.safetensors").network
    scores = validate(
        learned, torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2), regression_loss, torch.device("cpu")
    )
    assert scores.psnr > scores.psnr_grey + 1


def test_paper_network_trains_and_keeps_its_extractor(photo_folder: Folder, tmp_path: Path) -> None:
    """With weights from a file; resuming and coloring need that file no more."""
    torch.manual_seed(5)
    backbone = build_network(PAPER).get_submodule("extractor.backbone")
    save_file({k: v.contiguous() for k, v in backbone.state_dict().items()}, tmp_path / "backbone.safetensors")
    data = photo_folder(count=10)
    config = replace(CONFIG, loss="mse", optimizer="adam", ema=0.0)
    options: dict[str, Any] = {"config": config, "network": PAPER}
    options["extractor_weights"] = tmp_path / "backbone.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "run", progress=stop_at(0, ctrl_c), **options)
    (tmp_path / "backbone.safetensors").unlink()
    result = run(data, tmp_path / "run", **options)
    kept = load_model(result.checkpoint).network.get_submodule("extractor.backbone").state_dict()
    for key, value in backbone.state_dict().items():
        rounded = value.is_floating_point() and "running_" not in key
        torch.testing.assert_close(kept[key], value.half().to(value.dtype) if rounded else value)


def test_only_an_averaged_fusion_network_drops_parts(photo_folder: Folder, tmp_path: Path) -> None:
    """A setting that would do nothing, or harm, is refused."""
    data, config = photo_folder(count=20), replace(CONFIG, dropout=0.1)
    network = NETWORK.with_(architecture="koalarization", decoder=(8, 8, 8))
    with pytest.raises(CheckpointError, match="cannot drop parts of koalarization"):
        run(data, tmp_path / "run", config=config, network=network)
    with pytest.raises(CheckpointError, match="needs a moving average"):
        run(data, tmp_path / "run", config=replace(config, ema=0.0))


def test_terms_that_cannot_be_computed_are_refused(photo_folder: Folder, tmp_path: Path) -> None:
    """Features need pretrained weights, and these a use; two views of each photo need a batch of two parts."""
    data = photo_folder(count=10)
    with pytest.raises(CheckpointError, match="--feature-weights"):
        run(data, tmp_path / "run", config=replace(CONFIG, features=1.0))
    with pytest.raises(CheckpointError, match="--features"):
        run(data, tmp_path / "run", feature_weights=tmp_path / "weights.safetensors")
    with pytest.raises(DataError, match="each photo is shown twice"):
        run(data, tmp_path / "run", config=replace(CONFIG, batch_size=5, steadiness=1.0))


def test_features_are_part_of_what_is_minimized(photo_folder: Folder, tmp_path: Path) -> None:
    """A run with them ends with other weights than one without; the encoder that compares is in no checkpoint."""
    torch.manual_seed(0)
    backbone = create_backbone("mobilenetv2_100", pad_type="same")
    save_file({k: v.contiguous() for k, v in backbone.state_dict().items()}, tmp_path / "backbone.safetensors")
    data = photo_folder(count=10)
    config = replace(CONFIG, epochs=1, colorfulness=0.0)
    run(data, tmp_path / "without", config=config)
    config, file = replace(config, features=1e6), tmp_path / "backbone.safetensors"
    run(data, tmp_path / "with", config=config, feature_weights=file)
    one, other = (weights(tmp_path / name, "last.safetensors") for name in ("without", "with"))
    assert one.keys() == other.keys()
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_run_leaves_curves_samples_and_numbers(photo_folder: Folder, tmp_path: Path) -> None:
    """Curves and a sample sheet an epoch as pictures, a line a minibatch and an epoch, and TensorBoard's events."""
    pytest.importorskip("tensorboard")
    result = run(photo_folder(count=20), tmp_path / "run")
    assert cv2.imread(str(result.folder / "curves.png")).shape == (700, 1200, 3)
    sheets = sorted(p.name for p in (result.folder / "samples").iterdir())
    assert sheets == ["epoch-0001.png", "epoch-0002.png"]
    sheet = cv2.imread(str(result.folder / "samples" / sheets[0]))
    assert sheet.shape[0] == 4 * (NETWORK.size + 4) - 4  # four rows and gaps between
    first_row = sheet[: NETWORK.size, : NETWORK.size].astype(int)
    assert np.ptp(first_row, axis=2).max() <= 1  # begins with the grey picture
    epochs = lines(result.folder, "metrics.jsonl")
    assert [e["epoch"] for e in epochs] == [1, 2]
    assert {"loss", "train_loss", "psnr", "psnr_grey", "colorfulness", "colorfulness_truth"} <= set(epochs[0])
    assert [s["step"] for s in lines(result.folder, "steps.jsonl")] == list(range(8))
    assert list((result.folder / "tensorboard").glob("events*"))


def test_early_stop_keeps_the_best(photo_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs of patience end the run two epochs after the best, and repeating the command does not go on."""
    scripted = iter([3.0, 1.0, 2.0, 1.5])
    monkeypatch.setattr(training_loop, "validate", lambda *_: ValidationScores(next(scripted), 20.0, 19.0, 10.0, 30.0))
    said: list[str] = []
    config = replace(CONFIG, epochs=50, patience=2, ema=0.0)
    data = photo_folder(count=10)
    result = run(data, tmp_path / "run", config=config, report=said.append)
    assert (result.epochs, result.best_epoch) == (4, 1)
    assert result.scores is not None
    assert result.scores.loss == 1.0
    assert "stopped early: no better validation loss for 2 epochs" in said
    best, last = (weights(tmp_path / "run", f"{name}.safetensors") for name in ("best", "last"))
    assert any(not torch.equal(best[key], last[key]) for key in best)
    assert run(data, tmp_path / "run", config=config) == result


def test_forced_overfit_is_caught(tmp_path: Path) -> None:
    """Noise learned by heart cannot help on other noise: the run says so, and keeps an early epoch."""
    rng = np.random.default_rng(0)
    for kind, count in (("train", 8), ("val", 8)):
        (tmp_path / kind).mkdir()
        for i in range(count):
            coarse = rng.random((3, 3, 3)).astype(np.float32)
            picture = cv2.resize(coarse, (40, 40), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(tmp_path / kind / f"{i}.png"), (picture * 255).clip(0, 255).astype(np.uint8))
    said: list[str] = []
    config = replace(
        CONFIG, epochs=40, film=0.0, borders=0.0, smallest_crop=1.0, mirror=False, lr=2e-2, ema=0.0, loss="mse",
        schedule="constant", weight_decay=0.0, patience=6,
    )  # fmt: skip
    result = run(tmp_path / "train", tmp_path / "run", config=config, val=[tmp_path / "val"], report=said.append)
    assert any(line.startswith("overfitting: since epoch") for line in said)
    assert result.best_epoch < result.epochs - 1
    assert any(line["overfitting"] for line in lines(tmp_path / "run", "metrics.jsonl"))


def test_not_a_number_stops_with_the_last_state_kept(
    photo_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that is NaN in the second epoch: one clear error; the checkpoint of the first epoch still loads."""
    calls = {"count": 0}

    def breaks(prediction: Prediction, ab: torch.Tensor) -> torch.Tensor:
        calls["count"] += 1
        return regression_loss(prediction, ab) * (math.nan if calls["count"] > 7 else 1.0)

    monkeypatch.setattr(objective, "regression_loss", breaks)
    config = replace(CONFIG, save_minutes=0.0)
    with pytest.raises(VidcolorError, match=r"epoch 2, step 2: the loss is not a number\. Lower --lr"):
        run(photo_folder(count=20), tmp_path / "run", config=config)
    assert load_model(tmp_path / "run" / "best.safetensors").network(torch.zeros(1, 1, 32, 32)).ab.isfinite().all()
    kept = weights(tmp_path / "run")
    assert all(t.isfinite().all() for t in kept.values() if t.is_floating_point())


def test_broken_gradient_overwrites_nothing(
    photo_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gradient that is NaN while the loss is fine ruins the weights: they reach no file."""

    class Poison(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
            return gradients[0] * math.nan

    data = photo_folder(count=20)
    config = replace(CONFIG, save_minutes=0.0)
    with pytest.raises(Killed):
        run(data, tmp_path / "run", config=config, progress=stop_at(1, kill))
    before = (tmp_path / "run" / "state.safetensors").read_bytes()
    monkeypatch.setattr(objective, "regression_loss", lambda p, ab: Poison.apply(regression_loss(p, ab)))
    with pytest.raises(VidcolorError, match="the gradient is not a number"):
        run(data, tmp_path / "run", config=config)
    assert (tmp_path / "run" / "state.safetensors").read_bytes() == before


def test_full_disk_keeps_the_last_state(photo_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state that cannot be written is one clear error; the one before is whole, and the run goes on from it."""
    import resource

    data = photo_folder(count=20)
    config = replace(CONFIG, save_minutes=0.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_the_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # Python ignores SIGXFSZ: writing just fails

    try:
        with pytest.raises(OutputError, match=r"cannot write .*state\.safetensors.*[Ff]ile too large.*another folder"):
            run(data, tmp_path / "run", config=config, progress=stop_at(2, fill_the_disk))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "run").glob("*.part*"))
    said: list[str] = []
    run(data, tmp_path / "run", config=config, report=said.append)
    assert "at epoch 1, step 2" in said[0]


def test_other_settings_are_refused_by_name(photo_folder: Folder, tmp_path: Path) -> None:
    """A run's folder belongs to its settings: the error names what changed. What changes nothing may change."""
    data = photo_folder(count=10)
    run(data, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"lr: 0\.002 before, 0\.001 now"):
        run(data, tmp_path / "run", config=replace(CONFIG, lr=1e-3))
    with pytest.raises(CheckpointError, match="network fusion: 16 before, 8 now"):
        run(data, tmp_path / "run", network=NETWORK.with_(fusion=8))
    run(data, tmp_path / "run", config=replace(CONFIG, save_minutes=1.0, workers=1))


def test_finished_run_is_calibrated_anew(photo_folder: Folder, tmp_path: Path) -> None:
    """Another strength of colors needs no training: best.safetensors stays, model.safetensors follows."""
    data, out = photo_folder(), tmp_path / "run"
    config = replace(CONFIG, epochs=1, colorfulness=0.0)
    run(data, out, config=config)
    best, plain = (weights(out, name) for name in ("best.safetensors", "model.safetensors"))
    assert load_model(out / "model.safetensors").config.strength == 0
    assert run(data, out, config=replace(config, colorfulness=0.5, calibration="learned")).epochs == 1
    assert load_model(out / "model.safetensors").config.strength > 0
    assert run(data, out, config=replace(config, colorfulness=0.9)).epochs == 1
    gained = load_model(out / "model.safetensors").config
    assert gained.strength == 0
    assert gained.gain > 1
    run(data, out, config=config)
    for name, before in (("best.safetensors", best), ("model.safetensors", plain)):
        after = weights(out, name)
        assert after.keys() == before.keys()
        assert all(torch.equal(after[key], value) for key, value in before.items())


def test_a_network_that_does_not_fit_is_told_before_training(photo_folder: Folder, tmp_path: Path) -> None:
    """The classification loss wants its head, and a backbone of one size only cannot take crops of another."""
    with pytest.raises(CheckpointError, match="predicts ab, not a distribution"):
        run(photo_folder(), tmp_path / "run", config=replace(CONFIG, loss="classification"))
    network = NETWORK.with_(encoder="swin_tiny_patch4_window7_224")
    with pytest.raises(CheckpointError, match="cannot train with swin_tiny_patch4_window7_224 at 32 pixels"):
        run(photo_folder(), tmp_path / "run", network=network)


def test_signal_to_the_whole_group_saves(photo_folder: Folder, tmp_path: Path) -> None:
    """SIGTERM to the run and its readers, as schedulers send it: the step is finished and the state saved."""
    options = "--encoder test_resnet --decoder 16,8 --sizes 32 --batch-size 4 --epochs 1000 --workers 1"
    data, out = photo_folder(count=40), tmp_path / "run"
    child = Child("train", data, "-o", out, *options.split(), cwd=tmp_path, leads=True)
    deadline, steps = time.monotonic() + 120, out / "steps.jsonl"
    while not (steps.exists() and len(steps.read_text().splitlines()) > 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send(signal.SIGTERM, group=True)
    code, _, said = child.ended(60)
    assert code == 130, said
    assert (tmp_path / "run" / "state.safetensors").exists()


def test_settings_of_an_older_version_get_their_defaults(photo_folder: Folder, tmp_path: Path) -> None:
    """A state written before an option existed goes on, as long as the option has its default."""
    from safetensors import safe_open

    data = photo_folder(count=10)
    run(data, tmp_path / "run")
    path = tmp_path / "run" / "state.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    settings = json.loads(metadata["settings"])
    del settings["mirror"]
    network = json.loads(settings["network"])
    del network["extractor"]
    save_file(load_file(path), path, {**metadata, "settings": json.dumps({**settings, "network": json.dumps(network)})})
    run(data, tmp_path / "run")


def test_training_on_the_automatic_device_fails(photo_folder: Folder, tmp_path: Path) -> None:
    """The device may be any that the command line takes; here the photos are too few, which is told later."""
    for device in ("auto", "cpu", torch.device("cpu")):
        with pytest.raises(DataError, match="cannot train on"):
            run(photo_folder(count=2), tmp_path / "run", device=device)
    with pytest.raises(DeviceError, match="no such kind"):
        run(photo_folder(count=2), tmp_path / "run", device="abacus")
