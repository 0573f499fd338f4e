"""The gain is found on photos whose answer is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from networks import let_color
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.data.photos import find_photos
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import load_model, save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.fusion import FusionNet
from vidcolor.network.heads import Prediction
from vidcolor.training import calibration
from vidcolor.training.calibration import HIGHEST, calibrate, learn_strength

STEPS = 24
TINY = NetworkConfig(encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), size=64)


class Dull(nn.Module):
    """Knows every photo by its lightness and answers with a share of its true ab."""

    def __init__(self, folder: Path, share: float) -> None:
        super().__init__()
        self.share = share
        self.known = []
        for path in sorted(folder.iterdir()):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
            self.known.append(rgb_to_lab(torch.from_numpy(image).permute(2, 0, 1)[None] / 255))

    def forward(self, lightness: Tensor) -> Prediction:
        rows = []
        for one in lightness:
            nearest = min(self.known, key=lambda lab: float((lab[:, :1] - one).abs().mean()))
            rows.append(nearest[:, 1:] * self.share)
        return Prediction(torch.cat(rows))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Soft colors, so that no gain below three leaves the gamut."""
    rng = np.random.default_rng(0)
    for number in range(4):
        picture = cv2.resize(
            rng.uniform(90, 160, (4, 4, 3)).astype(np.float32), (128, 128), interpolation=cv2.INTER_LINEAR
        )
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture.round().astype(np.uint8))
    return tmp_path


def test_a_dull_network_gets_its_colors_back(photos: Path) -> None:
    """Half of the true ab needs a gain of two, and that costs nothing."""
    found = calibrate(Dull(photos, 0.5), find_photos([photos]), 128, torch.device("cpu"), target=0.99)
    assert found.gain == pytest.approx(2, abs=0.05)
    assert found.psnr_lost < 0


def test_colors_that_are_strong_enough_stay(photos: Path) -> None:
    """No gain below one, nor above what is needed."""
    assert calibrate(Dull(photos, 0.9), find_photos([photos]), 128, torch.device("cpu"), target=0.7).gain == 1


def test_a_grey_network_gets_no_endless_gain(photos: Path) -> None:
    """Nothing multiplied stays nothing."""
    found = calibrate(Dull(photos, 0.0), find_photos([photos]), 128, torch.device("cpu"), target=0.7)
    assert found.gain == HIGHEST
    assert found.share == 0


def lab_of(photos: Path) -> Tensor:
    """True Lab of all photos, ``(N, 3, H, W)``."""
    images = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in sorted(photos.iterdir())]
    return rgb_to_lab(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255)


@pytest.fixture
def unsure(monkeypatch: pytest.MonkeyPatch) -> FusionNet:
    """Predicts weak colors of no meaning."""
    monkeypatch.setattr(calibration, "PRICES", 10)
    torch.manual_seed(0)
    network = build_network(TINY)
    assert isinstance(network, FusionNet)
    let_color(network, std=20)
    return network.eval()


def test_learned_strength_reaches_the_share(unsure: FusionNet, photos: Path) -> None:
    """The colorfulness that was asked for; the gain told is what the chroma of all places grows by."""
    lab = lab_of(photos)
    listed = find_photos([photos])
    before = unsure(lab[:, :1]).ab
    own = calibrate(unsure, listed, unsure.config.size, torch.device("cpu"), target=0.0).share
    network, found = learn_strength(unsure, [(lab[:, :1], lab)] * STEPS, listed, unsure.config.size, target=1.5 * own)
    assert found.share == pytest.approx(1.5 * own, rel=0.05)
    after = network(lab[:, :1]).ab
    assert found.gain == pytest.approx((after.norm(dim=1).mean() / before.norm(dim=1).mean()).item(), abs=0.02)


def test_learned_strength_costs_no_more_than_one_gain_for_all(unsure: FusionNet, photos: Path) -> None:
    """At the same colorfulness it loses less."""
    lab = lab_of(photos)
    listed = find_photos([photos])
    own = calibrate(unsure, listed, unsure.config.size, torch.device("cpu"), target=0.0).share
    _, found = learn_strength(unsure, [(lab[:, :1], lab)] * STEPS, listed, unsure.config.size, target=1.5 * own)
    plain = calibrate(unsure, listed, unsure.config.size, torch.device("cpu"), target=found.share)
    assert found.psnr_lost <= plain.psnr_lost


def test_an_uncalibrated_model_is_the_network_as_it_was(
    unsure: FusionNet, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the file and back: everything but the strength is untouched."""
    monkeypatch.setattr(calibration, "PRICES", 2)
    lab = lab_of(photos)
    listed, size = find_photos([photos]), unsure.config.size
    network, _ = learn_strength(unsure, [(lab[:, :1], lab)] * STEPS, listed, size, target=0.9)
    save_model(tmp_path / "model.safetensors", network, network.config)
    model = load_model(tmp_path / "model.safetensors")
    assert not torch.equal(model.network(lab[:, :1]).ab, unsure(lab[:, :1]).ab)
    again = model.uncalibrated()
    assert (again.config.strength, again.config) == (0, unsure.config)
    torch.testing.assert_close(again.network(lab[:, :1]).ab, unsure(lab[:, :1]).ab)
