"""Pictures as a pretrained classifier sees them: pooled features, and how far two sets of them lie apart."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from vidcolor.errors import CheckpointError
from vidcolor.network.backbone import create_backbone
from vidcolor.network.checkpoint import load_backbone

BLOCK = 2048  # features that are compared with all others at a time: sets of any length take little memory


class PictureFeatures(nn.Module):
    """A pretrained classifier without its last layer, which never changes.

    Args:
        backbone: A timm model that takes pictures in -1..1 and gives pooled features.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.requires_grad_(False)
        self.train(False)

    @classmethod
    def of_mobilenet(cls, weights: Path) -> PictureFeatures:
        """Return MobileNetV2 with the weights of a timm state dict (safetensors).

        Raises:
            CheckpointError: the file is absent, or of another network.
        """
        backbone = create_backbone("mobilenetv2_100", pad_type="same", num_classes=0)
        load_backbone(backbone, weights)
        return cls(backbone)

    @classmethod
    def of_package(cls, encoder: str, package: str, remedy: str) -> PictureFeatures:
        """Return a timm model with the weights that lie as models/*.pth in an installed Python package.

        Args:
            encoder: timm's name of it. The package lists the same layers in the same order, under other names.
            remedy: What helps when the package is absent.

        Raises:
            CheckpointError: the package is not installed, or its weights are of another network.
        """
        what = f"cannot load the weights of {encoder}"
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise CheckpointError(what, f"the Python package {package} is not installed", remedy)
        files = sorted(Path(spec.origin).parent.glob("models/*.pth"))
        backbone = create_backbone(encoder)
        names = list(backbone.state_dict())
        try:
            stored = list(torch.load(files[0], map_location="cpu", weights_only=True).values())
            backbone.load_state_dict(dict(zip(names, stored, strict=True)))
        except (IndexError, OSError, RuntimeError, ValueError, AttributeError, pickle.UnpicklingError) as error:
            why = f"the package {package} is damaged or of another version"
            raise CheckpointError(what, why, remedy) from error
        backbone.reset_classifier(0)
        return cls(backbone)

    def train(self, mode: bool = True) -> PictureFeatures:
        """Stay in evaluation mode: the statistics are those of the photos that it was trained on."""
        return super().train(False)

    def forward(self, rgb: Tensor) -> Tensor:
        """Return pooled features ``(N, channels)`` of sRGB ``(N, 3, H, W)`` in 0..1."""
        features: Tensor = self.backbone((rgb * 2 - 1).contiguous(memory_format=torch.channels_last))
        return features.float()


def distribution_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared maximum mean discrepancy of features ``(M, d)`` and ``(N, d)``, estimated without bias.

    The kernel is (x.y / d + 1)^3, that of the kernel inception distance (Binkowski et al. 2018, "Demystifying MMD
    GANs", arXiv 1801.01401, section 4). Without bias: of sets of one distribution the mean is 0, so half are below.
    """

    def kernel_sum(a: Tensor, b: Tensor) -> Tensor:
        return torch.stack([((part @ b.T / b.shape[1] + 1) ** 3).sum() for part in torch.split(a, BLOCK)]).sum()

    def among(a: Tensor) -> Tensor:
        itself = ((a.square().sum(dim=1) / a.shape[1] + 1) ** 3).sum()
        return (kernel_sum(a, a) - itself) / (len(a) * (len(a) - 1))

    return among(x) + among(y) - 2 * kernel_sum(x, y) / (len(x) * len(y))
