"""Networks in half precision, all but what rounding would show."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vidcolor.network.depthwise import depthwise


class FullPrecision(nn.Module):
    """Runs a module in fp32 amid others of another number type."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.float()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.module(x.float())
        return out.to(x.dtype)


def lower_precision(network: nn.Module, precision: torch.dtype) -> nn.Module:
    """The network itself, converted; in bf16 its first depthwise convolution stays in fp32, in fp16 its batch norms.

    That one sees edges: the nine weights of a channel that answers to them sum to about zero, and rounded to eight bits
    they do not, so that the light of flat places leaks into all that follows. It is a small part of the network's
    time (benchmarks/speed.py). Batch norms that are not folded hold variances, which exceed what fp16 can hold.
    """
    if precision == torch.float16:
        network.to(precision)
        for norm in [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]:
            norm.float()
        return network
    name, first = next(depthwise(network), ("", None))
    if precision != torch.bfloat16 or first is None:
        return network.to(precision)
    kept = FullPrecision(copy.deepcopy(first))
    network.to(precision)
    network.set_submodule(name, kept)
    return network
