"""The last step of every network: features to ab.

Regression predicts a and b. Classification predicts, as Zhang, Isola and Efros do (ECCV 2016,
arXiv 1603.08511, section 2), a distribution over square bins of the ab plane; the annealed mean turns
it into one color.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.color.spaces import rgb_to_lab
from vidcolor.network.config import NetworkConfig

AB_SCALE = 110.0  # the sRGB gamut lies within +-110 on both axes: ab / 110 is in -1..1
AB_TYPICAL = 20.0  # ab units: outputs of order one mean ordinary colors, so one learning rate suits all layers
BIN_SIZE = 10.0  # ab units; Zhang et al. 2016, section 2.1


class Prediction(NamedTuple):
    """What a network predicts for a batch.

    Attributes:
        ab: ``(N, 2, h, w)`` in ab units, at the network's own output size.
        logits: ``(N, bins, h, w)``, or None for a regression head.
    """

    ab: Tensor
    logits: Tensor | None = None


@lru_cache(maxsize=1)
def ab_bins() -> Tensor:
    """Return the centers ``(bins, 2)`` of the bins that hold at least one color of 8-bit sRGB.

    So every color has a bin within half a bin's width. (The 313 bins of Zhang et al. come from a wider gamut;
    these 261 are sRGB's. None is touched, nor missed, by less than 0.05 ab units: rounding decides nothing.)
    """
    axis = torch.linspace(0, 1, 256)
    u, v = (grid.flatten() for grid in torch.meshgrid(axis, axis, indexing="ij"))
    # The faces of the color cube cover what the whole cube covers, seen along L*.
    faces = [(u, v, torch.full_like(u, end)) for end in (0.0, 1.0)]
    colors = torch.cat([torch.stack([f[i], f[i - 1], f[i - 2]]) for f in faces for i in range(3)], dim=1)
    ab = rgb_to_lab(colors[:, None])[1:, 0]
    bins: Tensor = torch.unique((ab.T / BIN_SIZE).round() + 0.0, dim=0)
    return bins * BIN_SIZE


def annealed_mean(logits: Tensor, temperature: float) -> Tensor:
    """Return the mean of the bins under softmax(logits / T), ``(N, 2, h, w)`` (Zhang et al. 2016, equation 5)."""
    weights = F.softmax(logits.float() / temperature, dim=1)
    return torch.einsum("nqhw,qc->nchw", weights, ab_bins().to(weights))


class RegressionHead(nn.Module):
    """A 1x1 convolution to ab, grey before any training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, 2, 1)
        for parameter in self.project.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Prediction:
        """Return ab ``(N, 2, h, w)`` for features ``(N, channels, h, w)``."""
        return Prediction(self.project(x).float() * AB_TYPICAL)


class ClassificationHead(nn.Module):
    """A 1x1 convolution to one logit a bin, and the annealed mean."""

    def __init__(self, channels: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.project = nn.Conv2d(channels, len(ab_bins()), 1)

    def forward(self, x: Tensor) -> Prediction:
        """Return ab ``(N, 2, h, w)`` and the logits ``(N, bins, h, w)`` for features ``(N, channels, h, w)``."""
        logits = self.project(x).float()
        return Prediction(annealed_mean(logits, self.temperature), logits)


def build_head(config: NetworkConfig, channels: int) -> nn.Module:
    """Return the head that the configuration names, for features of the given number of channels."""
    if config.head == "classification":
        return ClassificationHead(channels, config.temperature)
    return RegressionHead(channels)
