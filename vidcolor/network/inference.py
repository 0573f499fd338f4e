"""A network as it is used: batch norms folded into convolutions, and half precision where it does not show."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from vidcolor.network.depthwise import depthwise

AnyModule = TypeVar("AnyModule", bound=nn.Module)


@torch.no_grad()
def fold_batch_norms(network: AnyModule, example: Tensor) -> AnyModule:
    """Let the convolutions of a network carry the batch norms that follow them, for inference only; return it.

    Which norm follows which convolution is seen by running ``example`` through: a norm whose input is a
    convolution's very output. That finds them in any backbone, whatever its modules are called.
    """
    network.eval()
    outputs: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # holds the tensors, so that no address is used twice
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def after_convolution(module: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        outputs[id(output)] = (module, output)

    def before_norm(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        if id(inputs[0]) in outputs:
            pairs.append((outputs[id(inputs[0])][0], module))

    hooks = [m.register_forward_hook(after_convolution) for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks += [m.register_forward_pre_hook(before_norm) for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    network(example)
    for hook in hooks:
        hook.remove()

    names = {module: name for name, module in network.named_modules()}
    for convolution, norm in pairs:
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None
        assert variance is not None
        convolution.weight, bias = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, mean, variance, norm.eps, norm.weight, norm.bias
        )
        convolution.register_parameter("bias", bias)
        # timm's norms carry the activation that follows them.
        network.set_submodule(names[norm], getattr(norm, "act", nn.Identity()))
    return network


class FullPrecision(nn.Module):
    """Runs a module in fp32 amid others of another number type."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.float()

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output in the number type of its input."""
        out: Tensor = self.module(x.float())
        return out.to(x.dtype)


def lower_precision(network: AnyModule, precision: torch.dtype) -> AnyModule:
    """Convert a network to a number type, but for the parts whose rounding would show; return it.

    In fp16 the batch norms stay in fp32; in bf16 the first depthwise convolution does. That one sees edges: the nine
    weights of a channel that answers to them sum to about zero, and rounded to eight bits they do not, so that the
    light of flat places leaks into all that follows. It is a small part of the network's time (benchmarks/speed.py).
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
