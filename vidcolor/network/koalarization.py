"""The network of Deep Koalarization (Baldassarre, Gonzalez-Morin, Rodes-Guirao, arXiv 1712.03400, section 3.2).

L* (N,1,H,W) -> encoder: eight 3x3 convolutions ------------------> (N,256,H/8,W/8)
             -> frozen classifier at 299x299 -> logits, repeated -> (N,1000,H/8,W/8)
                concatenated, 1x1 convolution to 256                (the fusion)
                decoder: 128, up, 64, 64, up, 32, ab, up            (N,2,H,W)

ReLU and batch norm follow every convolution, in this order, the last one too: there the batch norm's own scale
and shift let ab fall on both sides of zero. Enlarging repeats pixels. With the classification head, which the
paper leaves to future work, the last convolution gives plain logits.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.errors import CheckpointError
from vidcolor.network.config import NetworkConfig
from vidcolor.network.fusion import Fusion
from vidcolor.network.heads import AB_SCALE, Prediction, ab_bins, annealed_mean
from vidcolor.network.hints import no_hints

if TYPE_CHECKING:
    from vidcolor.network.backbone import Extractor

ENCODER = ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 1), (256, 1))  # channels, stride


def conv_relu_norm(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution, a ReLU and a batch norm, in the paper's order."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(channels_out),
    )


def _last(config: NetworkConfig, channels: int) -> nn.Module:
    """Return the convolution that gives ab, or logits."""
    if config.head == "classification":
        return nn.Conv2d(channels, len(ab_bins()), 3, padding=1)
    layers = conv_relu_norm(channels, 2)
    assert isinstance(layers[-1], nn.BatchNorm2d)
    nn.init.zeros_(layers[-1].weight)  # grey before any training, not noise at full strength
    return layers


class Koalarization(nn.Module):
    """Encoder, frozen extractor, fusion, decoder. Build it with :func:`vidcolor.network.build_network`."""

    stride = 8
    """Height and width of the input must be multiples of this."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        if len(config.decoder) != 3:
            raise CheckpointError(
                f"cannot build a decoder of {len(config.decoder)} steps",
                "the encoder halves the picture three times",
                "Give three widths, as in 128,64,32",
            )
        channels = [1, *(c for c, _ in ENCODER)]
        strides = [s for _, s in ENCODER]
        self.encoder = nn.Sequential(
            *(conv_relu_norm(a, b, s) for (a, b), s in zip(pairwise(channels), strides, strict=True))
        )
        self.extractor: Extractor | None = None
        if config.extractor:
            from vidcolor.network.backbone import Extractor  # timm is slow to import

            self.extractor = Extractor(config.extractor)
        classes = self.extractor.classes if self.extractor else 0
        self.fuse = Fusion(channels[-1], classes, config.fusion, nn.ReLU(), nn.BatchNorm2d(config.fusion), bias=True)
        first, second, third = config.decoder
        self.decoder = nn.ModuleList(
            [
                conv_relu_norm(config.fusion, first),
                nn.Sequential(conv_relu_norm(first, second), conv_relu_norm(second, second)),
                nn.Sequential(conv_relu_norm(second, third), _last(config, third)),
            ]
        )

    def pretrained_parts(self) -> list[nn.Module]:
        """Return the parts that start from weights which have learned much already."""
        return [self.encoder]

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Prediction:
        """Return ab for L* ``(N, 1, H, W)`` in 0..100.

        Raises:
            CheckpointError: hints were given; the paper's network takes none.
        """
        if hints is not None:
            raise no_hints("Deep Koalarization")
        x = (lightness / 100 - self.config.mean) / self.config.std
        x = self.encoder(x.to(next(self.parameters()).dtype))
        x = self.fuse(x, self.extractor(lightness) if self.extractor else None)
        *blocks, last = self.decoder
        for block in blocks:
            x = F.interpolate(block(x), scale_factor=2, mode="nearest")
        x = last(x).float()
        if self.config.head == "classification":  # logits at half the size: repeating them adds nothing but memory
            return Prediction(annealed_mean(x, self.config.temperature), x)
        return Prediction(F.interpolate(x, scale_factor=2, mode="nearest") * AB_SCALE)
