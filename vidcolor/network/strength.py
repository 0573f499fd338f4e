"""How strong predicted colors are shown: the calibration of a network that answers with the mean of what is likely.

A mean lies nearer to grey than each of the colors that it is of. One factor for all pictures would give the strength
back and oversaturate what was certain. This one follows from what the decoder saw: a picture that is well understood
keeps its colors, one that is guessed at is dull enough to bear more. Within a picture it is the same everywhere
(factors by place cost hardly less error, and burn spots into faces), but for colors that are strong already: skin and
sky are not guessed at, and look painted when they are made stronger still.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

WEAKEST, STRONGEST = 0.5, 4.0  # the factor's range: no color is put out, none grows without bound
KNEE = 25.0  # ab units, about the chroma of skin: there half of the strengthening is left


class Strength(nn.Module):
    """A factor on the ab of each picture.

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
        """``(N, 1, h, w)``, for the mean features ``(N, channels)`` of pictures and their ab ``(N, 2, h, w)``."""
        share = torch.sigmoid(self.outer(torch.relu(self.inner(pooled))).float())
        factor = (WEAKEST * (STRONGEST / WEAKEST) ** share)[:, :, None, None]
        return 1 + (factor - 1) / (1 + ab.square().sum(dim=1, keepdim=True) / KNEE**2)
