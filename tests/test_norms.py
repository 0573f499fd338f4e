"""Batch norms measured anew, as the moving average of the weights needs it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from runs import CONFIG, Folder, run
from vidcolor.network.build import build_network
from vidcolor.network.config import NetworkConfig
from vidcolor.training.norms import measure_norms


def test_statistics_are_those_of_what_is_seen_with_nothing_dropped() -> None:
    """Mean and variance of all batches together, however wrong they were, and no channel silenced."""
    norm, second = nn.BatchNorm2d(3, momentum=0.3), nn.BatchNorm2d(3)
    network = nn.Sequential(nn.Dropout2d(0.9), norm, second)
    assert norm.running_mean is not None
    norm.running_mean.fill_(7)
    batches = list(torch.randn(6, 8, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 4 + 2)
    measure_norms(network, [(batch,) for batch in batches])
    torch.testing.assert_close(norm.running_mean, torch.stack([b.mean(dim=(0, 2, 3)) for b in batches]).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([b.var(dim=(0, 2, 3)) for b in batches]).mean(0))
    torch.testing.assert_close(second.running_var, torch.ones(3), atol=0.01, rtol=0)
    assert norm.momentum == 0.3
    assert not any(module.training for module in network.modules())


def test_frozen_norms_stay() -> None:
    """A frozen extractor keeps the statistics that it was trained with; everything else is measured."""
    config = NetworkConfig(architecture="koalarization", decoder=(8, 8, 8), fusion=8, extractor="test_resnet")
    network = build_network(config)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    measure_norms(network, [(100 * torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(1)),)])
    changed = {name for name, buffer in network.named_buffers() if not torch.equal(buffer, before[name])}
    assert changed
    assert not any(name.startswith("extractor") for name in changed)
    assert {name for name in before if name.endswith("running_var") and not name.startswith("extractor")} <= changed


def test_half_precision_is_the_networks_alone(photo_folder: Folder, tmp_path: Path) -> None:
    """A whole run in bf16 on old film, whose aging is made in full precision wherever pictures are drawn."""
    config = replace(CONFIG, epochs=1, precision="bf16", film=1.0)
    result = run(photo_folder(count=20), tmp_path / "run", config=config)
    assert result.scores
    assert math.isfinite(result.scores.loss)
