"""How alike colorized and true pictures are to a classifier, as sets: a distance of distributions of features.

A loss by pictures answers with the mean of what is likely, which no true picture looks like. This one asks only that
colorized pictures, all together, cannot be told from true ones.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.color.spaces import lab_to_rgb
from vidcolor.network.backbone import create_backbone
from vidcolor.network.checkpoint import load_backbone
from vidcolor.network.heads import Prediction

ENCODER = "mobilenetv2_100"  # timm's


class PictureFeatures(nn.Module):
    """A pretrained classifier without its last layer, which never changes.

    Args:
        weights: A timm state dict of :data:`ENCODER` (safetensors).

    Raises:
        CheckpointError: the file is absent, or of another network.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.backbone = create_backbone(ENCODER, pad_type="same", num_classes=0)
        load_backbone(self.backbone, weights)
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> PictureFeatures:
        """Stay in evaluation mode: the statistics are those of the photos that it was trained on."""
        return super().train(False)

    def forward(self, rgb: Tensor) -> Tensor:
        """Return pooled features ``(N, 1280)`` of sRGB ``(N, 3, H, W)`` in 0..1."""
        features: Tensor = self.backbone((rgb * 2 - 1).contiguous(memory_format=torch.channels_last))
        return features.float()


def colorized(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return sRGB ``(N, 3, H, W)`` in 0..1 of predicted ab on the true L*, for the true Lab ``(N, 3, H, W)``."""
    ab = F.interpolate(prediction.ab, size=truth.shape[-2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(torch.cat([truth[:, :1], ab], dim=1)).clamp(0, 1)


def distribution_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared maximum mean discrepancy of features ``(M, d)`` and ``(N, d)``, estimated without bias.

    The kernel is (x.y / d + 1)^3, that of the kernel inception distance (Binkowski et al. 2018, "Demystifying MMD
    GANs", arXiv 1801.01401, section 4). Without bias: of sets of one distribution the mean is 0, so half are below.
    """

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def among(a: Tensor) -> Tensor:
        values = kernel(a, a)
        return (values.sum() - values.diagonal().sum()) / (len(a) * (len(a) - 1))

    return among(x) + among(y) - 2 * kernel(x, y).mean()


def feature_distance(encoder: PictureFeatures, prediction: Prediction, truth: Tensor) -> Tensor:
    """Return :func:`distribution_distance` between the colorized and the true pictures of a batch."""
    with torch.no_grad():
        wanted = encoder(lab_to_rgb(truth).clamp(0, 1))
    return distribution_distance(encoder(colorized(prediction, truth)), wanted)
