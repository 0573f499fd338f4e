"""How strong a predicted color is shown: the calibration of a network that answers with the mean of what is likely.

A mean lies nearer to grey than each of the colors that it is of. One factor for all would give the strength back and
oversaturate what was certain. This one is a smooth function of what the decoder saw at a place, of the color that it
predicts there and of the whole picture; it never turns a hue.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.network.heads import AB_TYPICAL

WEAKEST, STRONGEST = 0.5, 4.0  # the factor's range: no color is put out, none grows without bound


class Strength(nn.Module):
    """A factor on ab for each place.

    Args:
        channels: Of the decoder's last features.
        hidden: Channels between.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.place = nn.Conv2d(channels + 2, hidden, 1)
        self.picture = nn.Linear(channels, hidden, bias=False)
        self.out = nn.Conv2d(hidden, 1, 1)
        nn.init.zeros_(self.out.weight)
        # Colors as they are, before anything is learned: WEAKEST ** (1 - s) * STRONGEST ** s is 1 at this s.
        share = math.log(1 / WEAKEST) / math.log(STRONGEST / WEAKEST)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, math.log(share / (1 - share)))

    def forward(self, features: Tensor, ab: Tensor) -> Tensor:
        """``(N, 1, h, w)`` for features ``(N, channels, h, w)`` and predicted ab ``(N, 2, h, w)``."""
        place = self.place(torch.cat([features, (ab / AB_TYPICAL).to(features.dtype)], dim=1))
        x = F.relu(place + self.picture(features.mean(dim=(2, 3)))[:, :, None, None])
        share = torch.sigmoid(self.out(x).float())
        return WEAKEST * (STRONGEST / WEAKEST) ** share
