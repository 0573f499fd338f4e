"""Networks prepared for use: folded they are the same, and half precision does no harm."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from networks import let_color
from vidcolor.network.build import build_network
from vidcolor.network.config import NetworkConfig
from vidcolor.network.inference import FullPrecision, fold_batch_norms, lower_precision


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet"])
def test_folding_keeps_the_function(backbone: str) -> None:
    """Whatever the backbone's modules are called, ab stays within rounding, with hardly a norm left."""
    torch.manual_seed(0)
    network = build_network(
        NetworkConfig(encoder=backbone, encoder_options={}, decoder=(16, 8), embedding=8, fusion=16)
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after training: nothing at its default
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.uniform_(-1, 1)
    let_color(network)
    network.eval()
    folded = fold_batch_norms(copy.deepcopy(network), torch.zeros(1, 1, 64, 64))
    lightness = torch.rand(2, 1, 64, 96) * 100
    with torch.no_grad():
        expected, found = network(lightness).ab, folded(lightness).ab
    assert expected.std() > 1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3 * float(expected.std()))
    left = sum(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    before = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert left == 1 < before  # the fusion's norm follows a sum, not a convolution


def edges() -> nn.Sequential:
    """Two depthwise convolutions whose kernels sum to zero, and a dense one."""
    torch.manual_seed(0)
    filters = [nn.Conv2d(8, 8, 3, groups=8, bias=False) for _ in range(2)]
    network = nn.Sequential(*filters, nn.Conv2d(8, 2, 1))
    with torch.no_grad():
        for layer in filters:
            layer.weight -= layer.weight.mean(dim=(2, 3), keepdim=True)
    return network


def test_flat_places_stay_flat_in_bf16() -> None:
    """No light leaks through an edge filter, as it does when its weights are rounded."""
    flat = torch.full((1, 8, 16, 16), 100.0)
    lowered = lower_precision(edges(), torch.bfloat16)
    leaked = edges().to(torch.bfloat16)[0](flat.bfloat16()).abs().max()
    assert leaked > 0.05
    assert lowered[0](flat.bfloat16()).abs().max() < 0.01 * leaked


def test_only_the_first_depthwise_convolution_is_kept() -> None:
    """The rest has the type that was asked for, and so has what comes out."""
    network = lower_precision(edges(), torch.bfloat16)
    assert isinstance(network[0], FullPrecision)
    assert {p.dtype for p in network[0].parameters()} == {torch.float32}
    assert {p.dtype for layer in network[1:] for p in layer.parameters()} == {torch.bfloat16}
    assert network(torch.zeros(1, 8, 8, 8, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize("precision", [torch.float32, torch.float16])
def test_other_types_are_taken_whole(precision: torch.dtype) -> None:
    """fp16 has eight times finer steps."""
    network = lower_precision(edges(), precision)
    assert {p.dtype for p in network.parameters()} == {precision}
    assert not any(isinstance(m, FullPrecision) for m in network.modules())


def test_dense_networks_are_converted() -> None:
    """Without any depthwise convolution there is nothing to keep."""
    network = lower_precision(nn.Sequential(nn.Conv2d(1, 2, 3)), torch.bfloat16)
    assert {p.dtype for p in network.parameters()} == {torch.bfloat16}
