"""Pictures of known color: what grey and colorized copies of them are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vidcolor.color.metrics import PSNR_LIMIT, psnr
from vidcolor.color.spaces import lab_to_rgb, rgb_to_lab


@dataclass(frozen=True)
class Truth:
    """Pictures of known color, held in both spaces so that neither is computed twice.

    Attributes:
        rgb: sRGB ``(N, 3, H, W)`` in 0..1.
        lab: Their Lab ``(N, 3, H, W)``.
    """

    rgb: Tensor
    lab: Tensor

    @classmethod
    def of(cls, rgb: Tensor) -> Truth:
        """Return the truth of sRGB pictures."""
        return cls(rgb, rgb_to_lab(rgb))

    @property
    def lightness(self) -> Tensor:
        """Return L* ``(N, 1, H, W)``."""
        return self.lab[:, :1]

    def with_ab(self, ab: Tensor) -> Tensor:
        """Return the pictures that ab ``(N, 2, H, W)`` makes of the true L*, sRGB."""
        return lab_to_rgb(torch.cat([self.lightness, ab], dim=1)).clamp(0, 1)

    def grey(self) -> Tensor:
        """Return the pictures without their color, sRGB."""
        return self.with_ab(torch.zeros_like(self.lab[:, 1:]))

    def psnr(self, rgb: Tensor) -> Tensor:
        """Return the PSNR ``(N,)`` in dB, at most PSNR_LIMIT, of pictures that claim to be these."""
        return psnr(rgb, self.rgb).clamp(max=PSNR_LIMIT)
