"""How alike colorized and true pictures are to a classifier, as sets: a distance of distributions of features.

A loss by pictures answers with the mean of what is likely, which no true picture looks like. This one asks only that
colorized pictures, all together, cannot be told from true ones.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.spaces import lab_to_rgb
from vidcolor.network.features import PictureFeatures, distribution_distance
from vidcolor.network.heads import Prediction


def colorized(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return sRGB ``(N, 3, H, W)`` in 0..1 of predicted ab on the true L*, for the true Lab ``(N, 3, H, W)``."""
    ab = F.interpolate(prediction.ab, size=truth.shape[-2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(torch.cat([truth[:, :1], ab], dim=1)).clamp(0, 1)


def feature_distance(encoder: PictureFeatures, prediction: Prediction, truth: Tensor) -> Tensor:
    """Return :func:`distribution_distance` between the colorized and the true pictures of a batch."""
    with torch.no_grad():
        wanted = encoder(lab_to_rgb(truth).clamp(0, 1))
    return distribution_distance(encoder(colorized(prediction, truth)), wanted)
