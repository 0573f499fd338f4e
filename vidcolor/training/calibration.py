"""The gain on ab that makes a network's colors as strong as the truth's, at the least loss.

A network that minimizes its mean error says less than it believes: where two colors are likely it answers
between them. A gain on ab gives the strength back; it costs PSNR, since what was wrong is now more so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.color import lab_to_rgb, rgb_to_lab
from vidcolor.dataset import Photo, center_crop
from vidcolor.metrics import colorfulness, psnr

SIZE = 128  # pixels, the squares that are compared
BATCH = 32
HIGHEST = 3.0
STEP = 0.05  # finer steps change less than one photo more or less would


@dataclass(frozen=True)
class Calibration:
    """A gain, and what it does on the photos it was found on.

    Attributes:
        gain: Factor on ab.
        share: Mean colorfulness with it, as a share of the truth's.
        psnr_lost: dB against no gain at all; negative when the gain helps.
    """

    gain: float
    share: float
    psnr_lost: float


@torch.no_grad()
def calibrate(network: nn.Module, photos: Sequence[Photo], device: torch.device, target: float) -> Calibration:
    """Find the smallest gain whose colorfulness reaches a share of the truth's.

    Args:
        network: Predicts ab from L*, without any gain.
        photos: Photos that it was not trained on.
        target: Share of the truth's colorfulness, in 0..1.

    Returns:
        The gain, between 1 and :data:`HIGHEST`: where even that does not reach the target, the highest.
    """
    network.eval()
    seen = [_predict(network, photos[i : i + BATCH], device) for i in range(0, len(photos), BATCH)]
    truth = torch.cat([colorfulness(rgb) for rgb, _, _ in seen]).mean().item()

    def look(gain: float) -> tuple[float, float]:
        rows = []
        for rgb, lightness, ab in seen:
            colored = lab_to_rgb(torch.cat([lightness, ab * gain], dim=1)).clamp(0, 1)
            rows.append(torch.stack([colorfulness(colored), psnr(colored, rgb)]))
        color, quality = torch.cat(rows, dim=1).mean(dim=1).tolist()
        return color / truth, quality

    share, unchanged = look(1.0)
    gain, quality = 1.0, unchanged
    while share < target and gain < HIGHEST:
        gain = round(gain + STEP, 2)
        share, quality = look(gain)
    return Calibration(gain, round(share, 4), round(unchanged - quality, 4))


def _predict(network: nn.Module, photos: Sequence[Photo], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """sRGB, L* and predicted ab of the photos' middle squares."""
    images = np.stack([center_crop(p.load(), SIZE) for p in photos])
    rgb = torch.from_numpy(images).to(device).permute(0, 3, 1, 2) / 255
    lightness = rgb_to_lab(rgb)[:, :1]
    prediction = network(lightness.contiguous(memory_format=torch.channels_last))
    return rgb, lightness, F.interpolate(prediction.ab, size=rgb.shape[-2:], mode="bilinear", align_corners=False)
