"""Validation on held-out photos, beside the grey baseline and the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.color import lab_to_rgb, rgb_to_lab
from vidcolor.dataset import Photo, center_crop
from vidcolor.metrics import colorfulness, psnr
from vidcolor.network import Prediction

SIZE = 160  # pixels, the squares that validation looks at
BATCH = 20


@dataclass(frozen=True)
class Scores:
    """Means over the validation photos.

    Attributes:
        loss: The training loss on clean photos.
        psnr: dB, the predicted ab on the true L*.
        psnr_grey: dB, no color at all.
        colorfulness, colorfulness_truth: Hasler-Suesstrunk, signed opponent channels.
    """

    loss: float
    psnr: float
    psnr_grey: float
    colorfulness: float
    colorfulness_truth: float

    def __str__(self) -> str:
        return (
            f"validation loss {self.loss:.4f}, PSNR {self.psnr:.2f} dB ({self.psnr - self.psnr_grey:+.2f} over grey), "
            f"colorfulness {self.colorfulness:.1f} (truth {self.colorfulness_truth:.1f})"
        )


@torch.no_grad()
def validate(
    network: nn.Module, photos: Sequence[Photo], loss: Callable[[Prediction, Tensor], Tensor], device: torch.device
) -> Scores:
    """Score a network on the middle squares of photos, with their true L*."""
    network.eval()
    rows = []
    for start in range(0, len(photos), BATCH):
        images = np.stack([center_crop(p.load(), SIZE) for p in photos[start : start + BATCH]])
        rgb = torch.from_numpy(images).to(device).permute(0, 3, 1, 2) / 255
        lab = rgb_to_lab(rgb)
        lightness, truth = lab[:, :1], lab[:, 1:]
        prediction = network(lightness.contiguous(memory_format=torch.channels_last))
        ab = F.interpolate(prediction.ab, size=lab.shape[-2:], mode="bilinear", align_corners=False)
        colored = lab_to_rgb(torch.cat([lightness, ab], 1)).clamp(0, 1)
        grey = lab_to_rgb(F.pad(lightness, (0, 0, 0, 0, 0, 2))).clamp(0, 1)
        rows.append(
            torch.stack(
                [
                    loss(prediction, truth).expand(len(rgb)),
                    psnr(colored, rgb),
                    psnr(grey, rgb),
                    colorfulness(colored),
                    colorfulness(rgb),
                ]
            )
        )
    return Scores(*(round(v, 4) for v in torch.cat(rows, 1).mean(1).tolist()))
