"""The gain is found on photos whose answer is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vidcolor.color import rgb_to_lab
from vidcolor.dataset import find_photos
from vidcolor.network import Prediction
from vidcolor.training.calibration import HIGHEST, calibrate


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
    found = calibrate(Dull(photos, 0.5), find_photos([photos]), torch.device("cpu"), target=0.99)
    assert found.gain == pytest.approx(2, abs=0.05)
    assert found.psnr_lost < 0


def test_colors_that_are_strong_enough_stay(photos: Path) -> None:
    """No gain below one, nor above what is needed."""
    assert calibrate(Dull(photos, 0.9), find_photos([photos]), torch.device("cpu"), target=0.7).gain == 1


def test_a_grey_network_gets_no_endless_gain(photos: Path) -> None:
    """Nothing multiplied stays nothing."""
    found = calibrate(Dull(photos, 0.0), find_photos([photos]), torch.device("cpu"), target=0.7)
    assert found.gain == HIGHEST
    assert found.share == 0
