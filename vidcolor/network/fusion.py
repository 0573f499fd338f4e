"""FusionNet: encoder with skip connections, a global embedding fused in, decoder to ab.

L* (N,1,H,W) -> encoder -> maps at strides 2, 4, ... 32
                   last map -> 1x1 convolution to what a classifier reads (if the configuration has semantics)
                            -> average over the picture -> embedding -> repeated over the grid
                concatenated, 1x1 convolution                           (the fusion)
                decoder: enlarge, concatenate the skip, two 3x3 convolutions; three times
                head: ab (N,2,H/4,W/4), times the calibrated strength of colors, if there is one
"""

from __future__ import annotations

import torch
from timm.layers import DropPath
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.errors import CheckpointError
from vidcolor.network.backbone import create_backbone
from vidcolor.network.config import NetworkConfig
from vidcolor.network.heads import Prediction, build_head
from vidcolor.network.strength import Strength


def conv_block(channels_in: int, channels_out: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class Fusion(nn.Module):
    """Repeats a vector over the grid of a feature map, concatenates, and mixes with a 1x1 convolution.

    Args:
        local: Channels of the map.
        vector: Length of the vector; 0 does without one.
        out: Channels of the result.
        after: What follows the convolution.
        bias: Of the convolution; a batch norm that follows at once makes it useless.
    """

    def __init__(self, local: int, vector: int, out: int, *after: nn.Module, bias: bool = False) -> None:
        super().__init__()
        # A 1x1 convolution of [local, repeated] equals a convolution of local plus a linear map of the
        # vector, added everywhere: the same weights without the repeated copy.
        self.local = nn.Conv2d(local, out, 1, bias=bias)
        self.vector = nn.Linear(vector, out, bias=False) if vector else None
        self.norm = nn.Sequential(*after)

    def forward(self, x: Tensor, vector: Tensor | None) -> Tensor:
        x = self.local(x)
        if self.vector is not None:
            x = x + self.vector(vector)[:, :, None, None]
        return self.norm(x)


class SemanticHead(nn.Sequential):
    """What classifiers of timm's EfficientNet family (MobileNets too) read: its names are theirs, so that their
    pretrained weights fit."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.add_module("conv_head", nn.Conv2d(channels, out, 1, bias=False))
        self.add_module("bn2", nn.BatchNorm2d(out))
        self.add_module("act2", nn.ReLU6(inplace=True))


class UpBlock(nn.Module):
    """Twice the size, joined with the encoder's map of that size."""

    def __init__(self, channels_in: int, skip: int, channels_out: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(conv_block(channels_in + skip, channels_out), conv_block(channels_out, channels_out))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        return self.mix(torch.cat([x, skip], dim=1))


class FusionNet(nn.Module):
    """Encoder, fusion, decoder, head. Build it with :func:`build_network`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = create_backbone(config.encoder, features_only=True, **config.encoder_options)
        channels = self.encoder.feature_info.channels()
        steps = len(config.decoder)
        if len(channels) <= steps:
            raise CheckpointError(
                f"cannot build a decoder of {steps} steps on {config.encoder}",
                f"it has {len(channels)} feature maps",
                "Choose a backbone with more strides",
            )
        deepest = config.semantics or channels[-1]
        self.semantics = SemanticHead(channels[-1], deepest) if config.semantics else nn.Identity()
        self.dropout = nn.Dropout2d(0)
        self.embed = nn.Sequential(nn.Linear(deepest, config.embedding), nn.ReLU(inplace=True))
        self.fuse = Fusion(
            deepest, config.embedding, config.fusion, nn.BatchNorm2d(config.fusion), nn.ReLU(inplace=True)
        )
        skips = channels[-2 : -2 - steps : -1]
        widths = (config.fusion, *config.decoder)
        self.decoder = nn.ModuleList(
            UpBlock(before, skip, after) for before, skip, after in zip(widths, skips, widths[1:], strict=False)
        )
        self.head = build_head(config, widths[-1])
        self.strength = Strength(widths[-1], config.strength) if config.strength else None

    def pretrained_parts(self) -> list[nn.Module]:
        """What starts from a backbone's pretrained weights."""
        return [self.encoder, *([self.semantics] if self.config.semantics else [])]

    def regularize(self, dropout: float, drop_path: float) -> None:
        """Make training forgetful: it learns less of the photos by heart. Evaluation is not touched.

        Args:
            dropout: Share of the channels before the fusion that are silenced in each picture (whole channels, as in
                Tompson et al. 2015, "Efficient object localization using convolutional networks").
            drop_path: Share of the pictures that skip the encoder's last residual block, falling evenly to none towards
                its first (Huang et al. 2016, "Deep networks with stochastic depth").

        Raises:
            CheckpointError: the encoder has no blocks that timm lets pictures skip.
        """
        self.dropout.p = dropout
        blocks = [m for m in self.encoder.modules() if hasattr(m, "drop_path") and getattr(m, "has_skip", True)]
        if drop_path and not blocks:
            raise CheckpointError(
                f"cannot drop paths of {self.config.encoder}", "it has no residual blocks", "Leave --drop-path at 0"
            )
        for number, block in enumerate(blocks, 1):
            block.drop_path = DropPath(drop_path * number / len(blocks)).train(block.training)

    @property
    def stride(self) -> int:
        """Height and width of the input must be multiples of this."""
        return int(self.encoder.feature_info.reduction()[-1])

    def features(self, lightness: Tensor) -> Tensor:
        """What the head reads, ``(N, channels, H/4, W/4)``, for L* ``(N, 1, H, W)`` in 0..100."""
        x = (lightness / 100 - self.config.mean) / self.config.std
        x = x.to(next(self.parameters()).dtype)  # scaled first: half precision has too few steps for 0..100
        maps = self.encoder(x.expand(-1, 3, -1, -1))
        x = self.dropout(self.semantics(maps[-1]))
        x = self.fuse(x, self.embed(x.mean(dim=(2, 3))))
        for block, skip in zip(self.decoder, maps[-2::-1], strict=False):
            x = block(x, skip)
        return x

    def forward(self, lightness: Tensor) -> Prediction:
        """ab for L* ``(N, 1, H, W)`` in 0..100."""
        features = self.features(lightness)
        prediction = self.head(features)
        if self.strength is None:
            return prediction
        return prediction._replace(ab=self.strength(features.mean(dim=(2, 3)), prediction.ab))
