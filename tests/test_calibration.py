"""The gain is found on photos whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

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
from vidcolor.training.calibration import HIGHEST, Calibration, calibrate, learn_strength

STEPS = 6
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


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Soft colors, so that no gain below three leaves the gamut."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(4):
        coarse = rng.uniform(90, 160, (4, 4, 3)).astype(np.float32)
        picture = cv2.resize(coarse, (TINY.size, TINY.size), interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(folder / f"{number}.png"), picture.round().astype(np.uint8))
    return folder


def test_a_dull_network_gets_its_colors_back(photos: Path) -> None:
    """Half of the true ab needs a gain of two, and that costs nothing."""
    found = calibrate(Dull(photos, 0.5), find_photos([photos]), TINY.size, torch.device("cpu"), target=0.99)
    assert found.gain == pytest.approx(2, abs=0.05)
    assert found.psnr_lost < 0


def test_colors_that_are_strong_enough_stay(photos: Path) -> None:
    """No gain below one, nor above what is needed."""
    assert calibrate(Dull(photos, 0.9), find_photos([photos]), TINY.size, torch.device("cpu"), target=0.7).gain == 1


def test_a_grey_network_gets_no_endless_gain(photos: Path) -> None:
    """Nothing multiplied stays nothing."""
    found = calibrate(Dull(photos, 0.0), find_photos([photos]), TINY.size, torch.device("cpu"), target=0.7)
    assert found.gain == HIGHEST
    assert found.share == 0


def lab_of(photos: Path) -> Tensor:
    """True Lab of all photos, ``(N, 3, H, W)``."""
    images = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in sorted(photos.iterdir())]
    return rgb_to_lab(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255)


class Learned(NamedTuple):
    """A network, the same with the strength it learned, what is told of it, and the share of colorfulness asked for."""

    before: FusionNet
    after: FusionNet
    found: Calibration
    wanted: float


@pytest.fixture(scope="module")
def learned(photos: Path) -> Learned:
    """What was learned by a network that predicts weak colors of no meaning."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "LEARNING_RATE", 1e-2)  # in few steps
        torch.manual_seed(0)
        network = build_network(TINY)
        assert isinstance(network, FusionNet)
        let_color(network, std=20)
        lab, listed = lab_of(photos), find_photos([photos])
        own = calibrate(network.eval(), listed, TINY.size, torch.device("cpu"), target=0.0).share
        examples = [(lab[:, :1], lab)] * STEPS
        return Learned(network, *learn_strength(network, examples, listed, TINY.size, 1.5 * own), 1.5 * own)


def test_learned_strength_reaches_the_share(learned: Learned, photos: Path) -> None:
    """The colorfulness that was asked for; the gain told is what the chroma of all places grows by."""
    lightness = lab_of(photos)[:, :1]
    assert learned.found.share == pytest.approx(learned.wanted, rel=0.05)
    before, after = (network(lightness).ab.norm(dim=1).mean() for network in (learned.before, learned.after))
    assert learned.found.gain == pytest.approx((after / before).item(), abs=0.02)


def test_learned_strength_costs_no_more_than_one_gain_for_all(learned: Learned, photos: Path) -> None:
    """At the same colorfulness it loses less."""
    share = learned.found.share
    plain = calibrate(learned.before, find_photos([photos]), TINY.size, torch.device("cpu"), target=share)
    assert learned.found.psnr_lost <= plain.psnr_lost


def test_an_uncalibrated_model_is_the_network_as_it_was(learned: Learned, photos: Path, tmp_path: Path) -> None:
    """Through the file and back: everything but the strength is untouched."""
    lightness = lab_of(photos)[:, :1]
    save_model(tmp_path / "model.safetensors", learned.after, learned.after.config)
    model = load_model(tmp_path / "model.safetensors")
    assert not torch.equal(model.network(lightness).ab, learned.before(lightness).ab)
    again = model.uncalibrated()
    assert (again.config.strength, again.config) == (0, TINY)
    torch.testing.assert_close(again.network(lightness).ab, learned.before(lightness).ab)
