"""How strong predicted colors are shown: the calibration of a network that answers with the mean of what is likely.

A mean lies nearer to grey than each of the colors that it is of. One factor for all pictures would give the strength
back and oversaturate what was certain. This one follows from what the decoder saw: a picture that is well understood
keeps its colors, one that is guessed at is dull enough to bear more. Within a picture it is the same everywhere
(factors by place cost hardly less error, and burn spots into faces), but for colors that are strong already: skin and
sky are not guessed at, and look painted when they are made stronger still.

What is strengthened is what parts a place's color from the picture's common tint, not the tint: the likeliest tint of
most pictures is a pale brown, and twice as much of it makes them sepia, not colorful.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

WEAKEST, STRONGEST = 0.5, 4.0  # the factor's range: no color is put out, none grows without bound
KNEE = 25.0  # ab units, about the chroma of skin: there half of the strengthening is left
NEUTRAL = 5.0  # ab units: what has less chroma is more grey than colored; it is hardly pushed away from the tint


class Strength(nn.Module):
    """Strengthens the ab of pictures.

    Args:
        channels: Of the decoder's last features.
        hidden: Channels between.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(channels, hidden)
        self.outer = nn.Linear(hidden, 1)
        nn.init.zeros_(self.outer.weight)
        # Colors as they are, before anything is learned: WEAKEST ** (1 - s) * STRONGEST ** s is 1 at this s.
        share = math.log(1 / WEAKEST) / math.log(STRONGEST / WEAKEST)
        nn.init.constant_(self.outer.bias, math.log(share / (1 - share)))

    def forward(self, pooled: Tensor, ab: Tensor) -> Tensor:
        """Return strengthened ab ``(N, 2, h, w)`` for pictures' mean features ``(N, channels)`` and their ab."""
        share = torch.sigmoid(self.outer(torch.relu(self.inner(pooled))).float())
        factor = (WEAKEST * (STRONGEST / WEAKEST) ** share)[:, :, None, None]
        squared = ab.square().sum(dim=1, keepdim=True)
        colored = squared / (squared + NEUTRAL**2)
        tint = (colored * ab).mean(dim=(2, 3), keepdim=True) / colored.mean(dim=(2, 3), keepdim=True).clamp(min=1e-6)
        return ab + (factor - 1) / (1 + squared / KNEE**2) * (ab - colored * tint)
