"""Hints: colors that are known in some places, from a person's points, a reference picture or the frame before.

Hints are ``(N, 3, H, W)`` beside L*: a and b in ab units, and a weight from 0 (nothing is known) to 1 (certain).

hints -> pyramid: mean ab, mean and largest weight in the cells of each level's size
      -> propagation at stride 8: the hint spreads as far as the thing reaches that it lies on
both, at each level, through two convolutions, are added to the features of the network

Nothing here has a bias: hints of weight zero add exact zeros, and the network answers as it does without any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.errors import CheckpointError
from vidcolor.network.heads import AB_TYPICAL

PYRAMID = 4  # channels: a, b, mean and largest weight
PROPAGATED = 3  # channels: a, b, certainty
HIDDEN = 32  # channels between the two convolutions of an injection

# What the learned numbers of the propagation begin with. A cell whose features are those of the hint, beside it,
# scores about 10, against 5 for no hint at all; across the whole picture, or 80 L* away, 4 less.
TEMPERATURE = 10.0
PER_SQUARED_DISTANCE = 4.0
PER_LIGHTNESS = 5.0
NOTHING = 5.0


def no_hints(network: str) -> CheckpointError:
    """Return the error of a network that was given hints and takes none."""
    return CheckpointError(
        f"cannot give hints to {network}",
        "it was trained without them",
        "Choose a model with hints, or do without; vidcolor train makes models that take them",
    )


def pyramid_level(hints: Tensor, stride: int) -> Tensor:
    """Return hints ``(N, 3, H, W)`` in cells of the given side in pixels, as ``(N, 4, H / stride, W / stride)``.

    Channels: the weighted mean of a and of b in units of typical colors, times the largest weight; the mean weight; the
    largest weight. A point of one pixel is lost in a mean, hence the largest.
    """
    ab, weight = hints[:, :2], hints[:, 2:]
    mean = F.avg_pool2d(weight, stride)
    largest = F.max_pool2d(weight, stride)
    color = F.avg_pool2d(ab * weight, stride) / mean.clamp(min=1e-6)
    return torch.cat([color / AB_TYPICAL * largest, mean, largest], dim=1)


class Propagation(nn.Module):
    """Attention from every cell of the picture to the cells with hints, and to one key that stands for no hint.

    A cell takes the color of those that look alike to the encoder, lie near and are as light. What resembles no hint
    matches the key of nothing, and gets nothing.

    Args:
        maps: Channels of the encoder's maps, the largest map first; cells are those of the first.
        channels: Of the projection that is compared.
    """

    def __init__(self, maps: Sequence[int], channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(sum(maps), channels, 1, bias=False)
        self.temperature = nn.Parameter(torch.tensor(_before_softplus(TEMPERATURE)))
        self.distance = nn.Parameter(torch.tensor(_before_softplus(PER_SQUARED_DISTANCE)))
        self.lightness = nn.Parameter(torch.tensor(_before_softplus(PER_LIGHTNESS)))
        self.nothing = nn.Parameter(torch.tensor(NOTHING))

    def forward(self, maps: Sequence[Tensor], lightness: Tensor, level: Tensor) -> Tensor:
        """Return a, b (in units of typical colors, times the certainty) and the certainty, ``(N, 3, h, w)``.

        Args:
            maps: Of the encoder, the first of size ``(h, w)``.
            lightness: Mean L* of the cells, ``(N, 1, h, w)``.
            level: The hints in these cells, from :func:`pyramid_level`.
        """
        h, w = level.shape[-2:]
        # Enlarged after the projection, which is the same and cheaper: both are linear.
        weights = torch.split(self.project.weight, [m.shape[1] for m in maps], dim=1)
        x = F.conv2d(maps[0], weights[0]).float()
        for map_, weight in zip(maps[1:], weights[1:], strict=True):
            x = x + F.interpolate(F.conv2d(map_, weight).float(), size=(h, w), mode="bilinear", align_corners=False)
        with _full_precision(x.device.type):  # half precision would round positions and scores
            return self._spread(x, lightness.float(), level)

    def _spread(self, x: Tensor, lightness: Tensor, level: Tensor) -> Tensor:
        """Return what attention brings from the cells with hints, for projected features ``(N, channels, h, w)``."""
        n, _, h, w = level.shape
        # Features of all cells share a large mean, which would make everything look alike.
        x = F.normalize((x - x.mean(dim=(2, 3), keepdim=True)).flatten(2), dim=1)
        rows, columns = (torch.arange(size, device=x.device) / min(h, w) for size in (h, w))
        down, across = (place[:, None].sub(place).square() for place in (rows, columns))
        squared = (down[:, None, :, None] + across[None, :, None, :]).reshape(h * w, h * w)
        light = lightness.flatten(2) / 100
        scores = (
            F.softplus(self.temperature.float()) * torch.matmul(x.transpose(1, 2), x)
            - F.softplus(self.distance.float()) * squared
            - F.softplus(self.lightness.float()) * (light.transpose(1, 2) - light).abs()
            + level[:, 3:].flatten(2).log()  # minus infinity shuts out the cells without a hint
        )
        nothing = self.nothing.float().expand(n, h * w, 1)
        attention = torch.cat([scores, nothing], dim=2).softmax(dim=2)[:, :, :-1]
        color = level[:, :2] / level[:, 3:].clamp(min=1e-6)  # the weight is in the scores already
        values = torch.cat([color, torch.ones_like(color[:, :1])], dim=1).flatten(2)
        return torch.matmul(values, attention.transpose(1, 2)).reshape(n, PROPAGATED, h, w)


class Injection(nn.Sequential):
    """What hints add to features: nothing before it is learned, and nothing where nothing is known."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(PYRAMID + PROPAGATED, HIDDEN, 3, padding=1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(HIDDEN, channels, 3, padding=1, bias=False),
        )
        assert isinstance(self[2], nn.Conv2d)
        nn.init.zeros_(self[2].weight)


class HintPath(nn.Module):
    """All that hints go through before they meet the features of FusionNet.

    Args:
        channels: Of the attention.
        maps: Channels of the encoder's maps that it compares, the largest first; the first lies at ``strides[0]``.
        stride: Of the first of these maps.
        widths: Channels of the features at each level that hints are added to.
        strides: Of these levels; the last is the network's output.
    """

    def __init__(
        self, channels: int, maps: Sequence[int], stride: int, widths: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__()
        self.stride, self.strides = stride, tuple(strides)
        self.propagation = Propagation(maps, channels)
        self.injections = nn.ModuleList(Injection(width) for width in widths)

    def forward(self, hints: Tensor, lightness: Tensor, maps: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Return what is added to the features of each level, and how certain colors are at the output.

        Args:
            hints: ``(N, 3, H, W)``.
            lightness: L* ``(N, 1, H, W)`` in 0..100.
            maps: Of the encoder, those that the attention compares.

        Returns:
            ``(N, width, h, w)`` a level, and ``(N, 1, h, w)`` in 0..1 at the size of the last.
        """
        hints = hints.float()
        spread = self.spread(hints, lightness, maps)
        added: list[Tensor] = []
        certainty = spread[:, 2:]
        for stride, injection in zip(self.strides, self.injections, strict=True):
            level = pyramid_level(hints, stride)
            near = F.interpolate(spread, size=level.shape[-2:], mode="bilinear", align_corners=False)
            added.append(injection(torch.cat([level, near], dim=1).to(maps[0].dtype)))
            certainty = torch.maximum(level[:, 3:], near[:, 2:]).clamp(0, 1)
        return added, certainty

    def spread(self, hints: Tensor, lightness: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Return what :class:`Propagation` does, ``(N, 3, h, w)`` at its stride, for what :meth:`forward` takes."""
        cells = F.avg_pool2d(lightness, self.stride)
        found: Tensor = self.propagation(maps, cells, pyramid_level(hints, self.stride))
        return found


def _full_precision(device_type: str) -> AbstractContextManager[None]:
    """Return a context without autocast; one that does nothing where there is none, as in exports."""
    return torch.autocast(device_type, enabled=False) if torch.is_autocast_enabled(device_type) else nullcontext()


def _before_softplus(value: float) -> float:
    """Return the number whose softplus, ln(1 + e^x), is the given one: learned factors stay positive."""
    return math.log(math.expm1(value))
