"""The number type that a network computes in."""

from __future__ import annotations

import torch


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Convolutions in bf16 if that is the precision, else everything as it is.

    bf16 keeps fp32's exponents: gradients need no scaling, unlike fp16's.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision != torch.float32)
