"""What a run makes of numbers: learning rates, scores of held-out photos, overfitting told by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from runs import CONFIG
from vidcolor.color.metrics import PSNR_LIMIT
from vidcolor.network.heads import Prediction
from vidcolor.training.schedule import learning_rate
from vidcolor.training.validation import overfitting, validate


def test_overfitting_is_called_by_its_name() -> None:
    """Training better and validation worse for two epochs; neither alone is overfitting, nor is one epoch."""
    parted: dict[str, Any] = {"epoch": 9, "best_epoch": 6, "loss": 1.2, "best_loss": 1.0}
    parted |= {"train_loss": 0.5, "train_loss_then": 1.0}
    words = overfitting(**parted)
    assert words.startswith("overfitting: since epoch 7 the training loss fell by 50.0%")
    assert "validation loss rose by 20.0%" in words
    for harmless in ({"best_epoch": 8}, {"loss": 1.001}, {"train_loss": 1.0}):
        assert overfitting(**{**parted, **harmless}) == ""


def test_learning_rates() -> None:
    """Linear warm-up to one, a half cosine to zero; or flat."""
    config = replace(CONFIG, warmup_steps=10)
    rates = [learning_rate(step, 110, config) for step in range(111)]
    assert rates[:10] == [(i + 1) / 10 for i in range(10)]
    assert rates[10] == 1
    assert rates[60] == pytest.approx(0.5)
    assert rates[110] == pytest.approx(0)
    assert learning_rate(100, 110, replace(config, schedule="constant")) == 1


def test_validation_scores_a_network_that_knows() -> None:
    """Saying nothing scores what grey scores; knowing the truth loses nothing and has the truth's colorfulness."""
    squares = torch.randint(60, 200, (3, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    class Grey(torch.nn.Module):
        def forward(self, lightness: torch.Tensor) -> Prediction:
            return Prediction(torch.zeros(len(lightness), 2, 10, 10))

    scores = validate(Grey(), squares, lambda p, lab: lab[:, 1:].abs().mean(), torch.device("cpu"))
    assert scores.psnr == scores.psnr_grey
    assert scores.colorfulness == pytest.approx(0, abs=0.1)
    from vidcolor.color.spaces import rgb_to_lab

    class Truth(torch.nn.Module):
        def forward(self, lightness: torch.Tensor) -> Prediction:
            return Prediction(rgb_to_lab(squares / 255)[:, 1:])

    scores = validate(Truth(), squares, lambda p, lab: (p.ab - lab[:, 1:]).abs().mean(), torch.device("cpu"))
    assert scores.loss == pytest.approx(0, abs=1e-6)
    assert scores.psnr == pytest.approx(PSNR_LIMIT, abs=1e-3)
    assert scores.colorfulness == pytest.approx(scores.colorfulness_truth, abs=0.01)
