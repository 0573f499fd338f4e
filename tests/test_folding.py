"""Folded networks are the networks they were made from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vidcolor.network import NetworkConfig, build_network, fold_batch_norms


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet"])
def test_folding_keeps_the_function(backbone: str) -> None:
    """Whatever the backbone's modules are called, ab stays within rounding, with hardly a norm left."""
    torch.manual_seed(0)
    network = build_network(
        NetworkConfig(encoder=backbone, encoder_options={}, decoder=(16, 8), embedding=8, fusion=16)
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after training: nothing at its default
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.uniform_(-1, 1)
    nn.init.normal_(network.head.project.weight)
    network.eval()
    folded = fold_batch_norms(network, torch.zeros(1, 1, 64, 64))
    lightness = torch.rand(2, 1, 64, 96) * 100
    with torch.no_grad():
        expected, found = network(lightness).ab, folded(lightness).ab
    assert expected.std() > 1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3 * float(expected.std()))
    left = sum(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    before = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert left == 1 < before  # the fusion's norm follows a sum, not a convolution
