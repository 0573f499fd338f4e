"""Faster gradients are the same gradients."""

from __future__ import annotations

import copy

import pytest
import torch

from networks import let_color
from vidcolor.network.build import build_network
from vidcolor.network.config import NetworkConfig
from vidcolor.network.depthwise import speed_up_strided_depthwise


@pytest.mark.parametrize("options", [{}, {"pad_type": "same"}])
def test_dense_depthwise_is_the_same_function(options: dict[str, str]) -> None:
    """Output and gradients of every parameter agree, with symmetric and with TensorFlow's padding."""
    torch.manual_seed(0)
    network = build_network(NetworkConfig(encoder="mobilenetv2_050", encoder_options=options, decoder=(16, 8))).double()
    let_color(network)
    faster = copy.deepcopy(network)
    speed_up_strided_depthwise(faster)
    patched = [m for m in faster.modules() if "forward" in vars(m)]
    assert len(patched) == 4  # MobileNetV2 halves its maps five times, once in its first, dense convolution
    lightness = torch.rand(2, 1, 64, 96).double() * 100
    for each in (network, faster):
        each(lightness).ab.square().mean().backward()
    odd = torch.rand(1, 1, 57, 75).double() * 100  # left to the convolutions themselves
    torch.testing.assert_close(faster.encoder(odd.expand(-1, 3, -1, -1)), network.encoder(odd.expand(-1, 3, -1, -1)))
    for (name, mine), theirs in zip(network.named_parameters(), faster.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, msg=name)
