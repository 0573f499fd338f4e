"""The number type that a network is trained in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Compute convolutions in bf16 if that is the precision, else everything as it is.

    bf16 keeps fp32's exponents: gradients need no scaling, unlike fp16's.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision != torch.float32)


@contextmanager
def fast_convolutions(device: torch.device) -> Iterator[None]:
    """Let a GPU choose the fastest convolutions and round the factors of fp32 products to TF32, while this lasts.

    Elsewhere it changes nothing; the settings are the whole process's, which may have other work after the training.
    """
    if device.type != "cuda":
        yield
        return
    matmul = torch.backends.cuda.matmul  # convolutions round so by torch's own default
    before = matmul.fp32_precision
    matmul.fp32_precision = "tf32"
    try:
        yield
    finally:
        matmul.fp32_precision = before
