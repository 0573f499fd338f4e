"""How strong predicted colors are shown: the calibration of a network that answers with the mean of what is likely.

A mean lies nearer to grey than each of the colors that it is of. One factor for all pictures would give the strength
back and oversaturate what was certain. This one follows from what the decoder saw: a picture that is well understood
keeps its colors, one that is guessed at is dull enough to bear more. Within a picture it is the same everywhere:
factors by place cost hardly less error, and burn spots into faces.

The picture's common tint is strengthened less than what parts a place's color from it: the likeliest tint of most
pictures is a pale brown, and twice as much of it makes them sepia, not colorful. How much less, and what becomes of
strong and of weak colors, is told by a :class:`Form`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vidcolor.errors import CheckpointError

WEAKEST, STRONGEST = 0.5, 4.0  # the factor's range: no color is put out, none grows without bound
NEUTRAL = 5.0  # ab units: what has less chroma is more grey than colored; it is hardly pushed away from the tint
MIDDLE = 15.0  # ab units: weaker colors are what contrast takes from, stronger ones what it adds to


@dataclass(frozen=True)
class Form:
    """What a factor does to the colors of a picture.

    Attributes:
        tint: Share of the common tint that is not strengthened.
        contrast: Chroma is raised to the power of 1 + contrast, and stays what it is at :data:`MIDDLE`. A place that is
            surely colored parts so from one that may be: sets of pictures come nearer to true ones (KID).
        knee: Chroma in ab units at which half of the strengthening is left.
    """

    tint: float
    contrast: float
    knee: float


# By their number in checkpoints. The first gives the least error at a given colorfulness, and pictures that are less
# like true ones as a set; docs/training.md has both.
FORMS = {
    1: Form(tint=1.0, contrast=0.0, knee=25.0),
    2: Form(tint=0.5, contrast=0.25, knee=math.inf),
}


class Strength(nn.Module):
    """Strengthens the ab of pictures.

    Args:
        channels: Of the decoder's last features.
        hidden: Channels between.
        form: One of :data:`FORMS`.
    """

    def __init__(self, channels: int, hidden: int, form: Form) -> None:
        super().__init__()
        self.form = form
        self.inner = nn.Linear(channels, hidden)
        self.outer = nn.Linear(hidden, 1)
        nn.init.zeros_(self.outer.weight)
        # A factor of 1 before anything is learned: WEAKEST ** (1 - s) * STRONGEST ** s is 1 at this s.
        share = math.log(1 / WEAKEST) / math.log(STRONGEST / WEAKEST)
        nn.init.constant_(self.outer.bias, math.log(share / (1 - share)))

    def forward(self, pooled: Tensor, ab: Tensor) -> Tensor:
        """Return strengthened ab ``(N, 2, h, w)`` for pictures' mean features ``(N, channels)`` and their ab."""
        form = self.form
        share = torch.sigmoid(self.outer(torch.relu(self.inner(pooled))).float())
        factor = (WEAKEST * (STRONGEST / WEAKEST) ** share)[:, :, None, None]
        squared = ab.square().sum(dim=1, keepdim=True)
        colored = squared / (squared + NEUTRAL**2)
        tint = (colored * ab).mean(dim=(2, 3), keepdim=True) / colored.mean(dim=(2, 3), keepdim=True).clamp(min=1e-6)
        grown = (factor - 1) / (1 + squared / form.knee**2)
        tiny = 1e-6  # the root of zero has no gradient
        parted = ab * ((squared + tiny) / MIDDLE**2) ** (form.contrast / 2)
        return parted + grown * (parted - form.tint * colored * tint)


def build_strength(channels: int, hidden: int, form: int) -> Strength:
    """Return an untrained strength of a form, by its number.

    Raises:
        CheckpointError: this version does not know the form.
    """
    if form not in FORMS:
        raise CheckpointError(
            f"cannot strengthen colors in form {form}", f"known are {sorted(FORMS)}", "Use a newer version of vidcolor"
        )
    return Strength(channels, hidden, FORMS[form])
