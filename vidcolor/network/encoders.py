"""Encoders: MobileNetV2 and EfficientNet-Lite are built here, every other backbone by timm.

Both families are rows of inverted residuals (Sandler et al. 2018, arXiv 1801.04381, section 3; Tan and Le 2019, arXiv
1905.11946, table 1; Lite leaves out squeeze-and-excitation and takes ReLU6). The weights' names are timm's, so that its
pretrained weights fit. Built here they colorize without an import of timm and torchvision, which costs more time than
all else that stands before the first frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

STEM = 32  # channels of the first convolution in the networks of full width
DIVISOR = 8  # channels are multiples of it
LEAST_KEPT = 0.9  # rounding channels takes no more than a tenth of them

# Kernel, stride, expansion, channels, blocks.
Stage = tuple[int, int, int, int, int]
MOBILENET_V2: tuple[Stage, ...] = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (3, 2, 6, 32, 3),
    (3, 2, 6, 64, 4),
    (3, 1, 6, 96, 3),
    (3, 2, 6, 160, 3),
    (3, 1, 6, 320, 1),
)
EFFICIENTNET_LITE: tuple[Stage, ...] = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


@dataclass(frozen=True)
class Family:
    """How the networks of one name are made.

    Attributes:
        width: Factor on the channels; depth: on the blocks of all stages but the first and the last.
        eps: Of the batch norms.
        stem: Channels of the first convolution.
        same: Whether convolutions pad as TensorFlow does: an even picture more at its end than at its beginning.
    """

    stages: tuple[Stage, ...]
    width: float = 1.0
    depth: float = 1.0
    stem: int = STEM
    eps: float = 1e-5
    same: bool = False


def _lite(width: float, depth: float) -> Family:
    return Family(EFFICIENTNET_LITE, width, depth, eps=1e-3, same=True)  # as TensorFlow has them


FAMILIES = {
    "mobilenetv2_050": Family(MOBILENET_V2, width=0.5, stem=16),
    "mobilenetv2_100": Family(MOBILENET_V2),
    "mobilenetv2_140": Family(MOBILENET_V2, width=1.4, stem=48),
    "tf_efficientnet_lite0": _lite(1.0, 1.0),
    "tf_efficientnet_lite1": _lite(1.0, 1.1),
    "tf_efficientnet_lite2": _lite(1.1, 1.2),
    "tf_efficientnet_lite3": _lite(1.2, 1.4),
    "tf_efficientnet_lite4": _lite(1.4, 1.8),
}


def create_encoder(name: str, options: dict[str, Any]) -> Any:
    """Return an untrained encoder whose ``forward`` gives feature maps ``(N, C, h, w)`` at strides 2, 4, 8, 16, 32.

    Args:
        name: A timm name.
        options: Further arguments of timm.create_model.

    Raises:
        CheckpointError: timm does not know the name, or refuses the options.
    """
    family = FAMILIES.get(name)
    padding = options.get("pad_type", "")
    if family and set(options) <= {"pad_type"} and padding in ("", "same"):
        return InvertedResiduals(family, same=family.same or padding == "same")
    from vidcolor.network.backbone import create_backbone  # timm is slow to import

    return create_backbone(name, features_only=True, **options)


class SameConv2d(nn.Conv2d):
    """A convolution of odd size that pads as TensorFlow's "same" does: an even picture by one more at its end."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, out, ceil(H / stride), ceil(W / stride))``."""
        down, across = (
            max((-(-size // step) - 1) * step + kernel - size, 0)
            for size, step, kernel in zip(x.shape[-2:], self.stride, self.kernel_size, strict=True)
        )
        x = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _convolution(before: int, after: int, kernel: int, stride: int, groups: int, same: bool) -> nn.Conv2d:
    strided = same and stride > 1  # at stride 1 both ways of padding are one
    kind, padding = (SameConv2d, 0) if strided else (nn.Conv2d, kernel // 2)
    convolution = kind(before, after, kernel, stride, padding, groups=groups, bias=False)
    spread = math.sqrt(2 / (kernel * kernel * after // groups))  # He et al. 2015, by what a convolution gives
    nn.init.normal_(convolution.weight, 0, spread)
    return convolution


class DepthwiseSeparable(nn.Module):
    """A depthwise convolution and a linear 1x1 convolution."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, family: Family, same: bool) -> None:
        super().__init__()
        self.has_skip = before == after and stride == 1
        self.conv_dw = _convolution(before, before, kernel, stride, before, same)
        self.bn1 = nn.BatchNorm2d(before, family.eps)
        self.act1 = nn.ReLU6(inplace=True)
        self.conv_pw = _convolution(before, after, 1, 1, 1, same)
        self.bn2 = nn.BatchNorm2d(after, family.eps)
        self.drop_path: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, after, h, w)``."""
        out: Tensor = self.bn2(self.conv_pw(self.act1(self.bn1(self.conv_dw(x)))))
        return self.drop_path(out) + x if self.has_skip else out


class InvertedResidual(nn.Module):
    """A 1x1 convolution to more channels, a depthwise one, a linear 1x1 convolution back to few."""

    def __init__(
        self, before: int, after: int, kernel: int, stride: int, expansion: int, family: Family, same: bool
    ) -> None:
        super().__init__()
        wide = before * expansion
        self.has_skip = before == after and stride == 1
        self.conv_pw = _convolution(before, wide, 1, 1, 1, same)
        self.bn1 = nn.BatchNorm2d(wide, family.eps)
        self.act1 = nn.ReLU6(inplace=True)
        self.conv_dw = _convolution(wide, wide, kernel, stride, wide, same)
        self.bn2 = nn.BatchNorm2d(wide, family.eps)
        self.act2 = nn.ReLU6(inplace=True)
        self.conv_pwl = _convolution(wide, after, 1, 1, 1, same)
        self.bn3 = nn.BatchNorm2d(after, family.eps)
        self.drop_path: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, after, h, w)``."""
        out = self.act2(self.bn2(self.conv_dw(self.act1(self.bn1(self.conv_pw(x))))))
        narrow: Tensor = self.bn3(self.conv_pwl(out))
        return self.drop_path(narrow) + x if self.has_skip else narrow


@dataclass(frozen=True)
class FeatureInfo:
    """Tells of an encoder's maps what timm's does."""

    _channels: Sequence[int]
    _reduction: Sequence[int]

    def channels(self) -> list[int]:
        """Return the channels of each map."""
        return list(self._channels)

    def reduction(self) -> list[int]:
        """Return the stride of each map in pixels."""
        return list(self._reduction)


class InvertedResiduals(nn.Module):
    """The encoder of a family: the last map of each stride."""

    def __init__(self, family: Family, same: bool) -> None:
        super().__init__()
        self.conv_stem = _convolution(3, family.stem, 3, 2, 1, same)
        self.bn1 = nn.BatchNorm2d(family.stem, family.eps)
        self.act1 = nn.ReLU6(inplace=True)
        stages: list[nn.Module] = []
        channels, reduction, self._ends = [], [], []
        before, reached, last = family.stem, 2, len(family.stages) - 1
        for number, (kernel, stride, expansion, width, repeats) in enumerate(family.stages):
            count = repeats if number in (0, last) else math.ceil(repeats * family.depth)
            after, reached = _rounded(width * family.width), reached * stride
            blocks: list[nn.Module] = []
            for block in range(count):
                step = 1 if block else stride
                if expansion == 1:
                    blocks.append(DepthwiseSeparable(before, after, kernel, step, family, same))
                else:
                    blocks.append(InvertedResidual(before, after, kernel, step, expansion, family, same))
                before = after
            stages.append(nn.Sequential(*blocks))
            if number == last or family.stages[number + 1][1] > 1:
                self._ends.append(number)
                channels.append(after)
                reduction.append(reached)
        self.blocks = nn.Sequential(*stages)
        self.feature_info = FeatureInfo(channels, reduction)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the maps for pictures ``(N, 3, H, W)``, the largest first."""
        x = self.act1(self.bn1(self.conv_stem(x)))
        maps = []
        for number, stage in enumerate(self.blocks):
            x = stage(x)
            if number in self._ends:
                maps.append(x)
        return maps


def _rounded(channels: float) -> int:
    """Return the nearest multiple of eight that keeps at least nine tenths of the channels."""
    nearest = max(DIVISOR, int(channels + DIVISOR / 2) // DIVISOR * DIVISOR)
    return nearest if nearest >= LEAST_KEPT * channels else nearest + DIVISOR
