"""Measures of color. Pictures are sRGB tensors ``(N, 3, H, W)`` in 0..1; results are ``(N,)``."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(picture: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, over all channels of each picture. Infinite when they are equal."""
    return -10 * torch.log10(((picture - truth) ** 2).mean(dim=(1, 2, 3)))


def colorfulness(rgb: Tensor, *, absolute: bool = False) -> Tensor:
    """Hasler and Suesstrunk 2003, "Measuring colorfulness in natural images", equation 3, on 0..255.

    Args:
        absolute: Take |rg| and |yb| first, as many colorization papers do; it gives other numbers.
    """
    r, g, b = (rgb * 255).unbind(1)
    rg, yb = r - g, (r + g) / 2 - b
    if absolute:
        rg, yb = rg.abs(), yb.abs()
    opponent = torch.stack([rg, yb], dim=1).flatten(2)
    deviation = opponent.std(dim=2, correction=0).square().sum(dim=1).sqrt()
    mean = opponent.mean(dim=2).square().sum(dim=1).sqrt()
    return deviation + 0.3 * mean
