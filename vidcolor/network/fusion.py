"""FusionNet: encoder with skip connections, a global embedding fused in, decoder to ab.

L* (N,1,H,W) -> encoder -> maps at strides 2, 4, ... 32
                   last map -> 1x1 convolution to what a classifier reads (if the configuration has semantics)
                            -> average over the picture -> embedding -> repeated over the grid
                concatenated, 1x1 convolution                           (the fusion)
                decoder: enlarge, concatenate the skip, two 3x3 convolutions; three times
                residual blocks after the fusion and each step but the last (if the configuration refines)
                palette: maps of colors that the embedding asks for (if the configuration has one)
                head: ab (N,2,H/4,W/4), times the calibrated strength of colors, if there is one
hints (N,3,H,W), if given -> :mod:`vidcolor.network.hints`, added after the fusion and in each step of the decoder
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.errors import CheckpointError
from vidcolor.network.config import NetworkConfig
from vidcolor.network.encoders import create_encoder
from vidcolor.network.heads import AB_TYPICAL, Prediction, build_head
from vidcolor.network.hints import HintPath, no_hints
from vidcolor.network.strength import Strength


def conv_block(channels_in: int, channels_out: int, kernel: int = 3) -> nn.Sequential:
    """Return a convolution, its batch norm and a ReLU."""
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
        """Return ``(N, out, H, W)`` for a map ``(N, local, H, W)`` and vectors ``(N, vector)``."""
        x = self.local(x)
        if self.vector is not None:
            x = x + self.vector(vector)[:, :, None, None]
        fused: Tensor = self.norm(x)
        return fused


class SemanticHead(nn.Sequential):
    """The last layers before the classifier in timm's EfficientNet family (MobileNets too).

    Its modules have timm's names, so that pretrained weights fit.

    Args:
        channels: Of the encoder's last map.
        out: Channels that the classifier reads.
        eps: Of the encoder's batch norms: weights that come from TensorFlow have their own.
    """

    def __init__(self, channels: int, out: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.add_module("conv_head", nn.Conv2d(channels, out, 1, bias=False))
        self.add_module("bn2", nn.BatchNorm2d(out, eps=eps))
        self.add_module("act2", nn.ReLU6(inplace=True))


class UpBlock(nn.Module):
    """Twice the size, joined with the encoder's map of that size."""

    def __init__(self, channels_in: int, skip: int, channels_out: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(conv_block(channels_in + skip, channels_out), conv_block(channels_out, channels_out))

    def forward(self, x: Tensor, skip: Tensor, hint: Tensor | None = None) -> Tensor:
        """Return ``(N, channels_out, h, w)``; ``hint`` of this shape is added between the two convolutions."""
        x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        join, smooth = self.mix
        x = join(torch.cat([x, skip], dim=1))
        out: Tensor = smooth(x if hint is None else x + hint)
        return out


class Residual(nn.Module):
    """Two 3x3 convolutions whose answer is added to the features, which are not below zero (He et al. 2016, figure 2).

    It begins as the identity, so that a trained network that is given more of them answers at first as it did.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            *conv_block(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        nn.init.zeros_(self.change[-1].weight)  # type: ignore[arg-type]  # a batch norm's, which is a tensor

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of the input, ``(N, channels, h, w)``."""
        return F.relu(x + self.change(x))


class Palette(nn.Module):
    """Colors that a picture is likely to hold, asked for by its embedding; how much of each is in every place.

    Args:
        embedding: Length of the global embedding.
        colors: How many.
        channels: Of the features that they are compared with.
    """

    def __init__(self, embedding: int, colors: int, channels: int) -> None:
        super().__init__()
        self.shape = (colors, channels)
        self.queries = nn.Linear(embedding, colors * channels)

    def forward(self, vector: Tensor, features: Tensor) -> Tensor:
        """Return the features and the maps of the colors, ``(N, channels + colors, h, w)``."""
        queries = self.queries(vector).reshape(-1, *self.shape) / math.sqrt(self.shape[1])
        maps = torch.matmul(queries, features.flatten(2))
        return torch.cat([features, maps.reshape(-1, self.shape[0], *features.shape[-2:])], dim=1)


class FusionNet(nn.Module):
    """Encoder, fusion, decoder, head. Build it with :func:`build_network`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = create_encoder(config.encoder, config.encoder_options)
        channels = self.encoder.feature_info.channels()
        steps = len(config.decoder)
        if len(channels) <= steps:
            raise CheckpointError(
                f"cannot build a decoder of {steps} steps on {config.encoder}",
                f"it has {len(channels)} feature maps",
                "Choose a backbone with more strides",
            )
        deepest = config.semantics or channels[-1]
        eps = next((m.eps for m in self.encoder.modules() if isinstance(m, nn.BatchNorm2d)), 1e-5)
        self.semantics = SemanticHead(channels[-1], deepest, eps) if config.semantics else nn.Identity()
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
        self.refine = nn.ModuleList(
            nn.Sequential(*(Residual(width) for _ in range(config.refine))) for width in widths[:-1]
        )
        self.palette = Palette(config.embedding, config.palette, widths[-1]) if config.palette else None
        features = widths[-1] + config.palette
        self.head = build_head(config, features)
        self.strength = Strength(features, config.strength) if config.strength else None
        self.hints: HintPath | None = None
        if config.hints:
            reductions = [int(stride) for stride in self.encoder.feature_info.reduction()]
            compared = range(max(0, len(channels) - 3), len(channels))  # strides 8, 16 and 32 in most backbones
            self.hints = HintPath(
                config.hints,
                [channels[i] for i in compared],
                reductions[compared[0]],
                widths,
                reductions[: -2 - steps : -1],
            )

    def pretrained_parts(self) -> list[nn.Module]:
        """Return the parts that start from a backbone's pretrained weights."""
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
        from timm.layers import DropPath  # slow to import, and of use in training only

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
        """Return the number of pixels of which height and width of the input must be multiples."""
        return int(self.encoder.feature_info.reduction()[-1])

    def features(self, lightness: Tensor) -> Tensor:
        """Return what the head reads, ``(N, channels, H/4, W/4)``, for L* ``(N, 1, H, W)`` in 0..100, without hints."""
        return self._decoded(lightness, None)[0]

    def cells(self, lightness: Tensor) -> Tensor:
        """Return what the encoder sees in each cell of 8 pixels, ``(N, channels, H/8, W/8)``, for L* ``(N, 1, H, W)``.

        It is made of the encoder's last three maps, at strides 8, 16 and 32, the smaller ones enlarged.
        """
        first, *others = self._maps(lightness)[-3:]
        size = first.shape[-2:]
        large = (F.interpolate(m.float(), size=size, mode="bilinear", align_corners=False) for m in others)
        return torch.cat([first.float(), *large], dim=1)

    def spread(self, lightness: Tensor, hints: Tensor) -> Tensor:
        """Return the hints that each cell of 8 pixels is taken for, ``(N, 3, H/8, W/8)``: ab and how surely, 0..1.

        Args:
            lightness: L* ``(N, 1, H, W)`` in 0..100.
            hints: ``(N, 3, H, W)``.

        Raises:
            CheckpointError: the network takes no hints.
        """
        if self.hints is None:
            raise no_hints("this model")
        found = self.hints.spread(hints.float(), lightness, self._maps(lightness)[-3:])
        return torch.cat([found[:, :2] * AB_TYPICAL, found[:, 2:]], dim=1)

    def _maps(self, lightness: Tensor) -> list[Tensor]:
        """Return the maps of the encoder, the largest first."""
        x = (lightness / 100 - self.config.mean) / self.config.std
        x = x.to(next(self.parameters()).dtype)  # scaled first: half precision has too few steps for 0..100
        maps: list[Tensor] = self.encoder(x.expand(-1, 3, -1, -1))
        return maps

    def _decoded(self, lightness: Tensor, hints: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what the head reads, and with hints how certain its colors are, ``(N, 1, H/4, W/4)``."""
        maps = self._maps(lightness)
        added: list[Tensor] | None = None
        certainty: Tensor | None = None
        if hints is not None:
            if self.hints is None:
                raise no_hints("this model")
            added, certainty = self.hints(hints, lightness, maps[-3:])
        x = self.dropout(self.semantics(maps[-1]))
        embedding = self.embed(x.mean(dim=(2, 3)))
        x = self.refine[0](self.fuse(x, embedding))
        if added:
            x = x + added[0]
        for number, (block, skip) in enumerate(zip(self.decoder, maps[-2::-1], strict=False), 1):
            x = block(x, skip, added[number] if added else None)
            if number < len(self.refine):
                x = self.refine[number](x)
        if self.palette is not None:
            x = self.palette(embedding, x)
        return x, certainty

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Prediction:
        """Return ab for L* ``(N, 1, H, W)`` in 0..100.

        Args:
            hints: Colors that are known, ``(N, 3, H, W)``: a and b in ab units, and a weight of 0 (nothing is known) to
                1 (certain). Without any the network answers as a network that knows no hints does, at the same cost.

        Raises:
            CheckpointError: hints were given to a network without them.
        """
        features, certainty = self._decoded(lightness, hints)
        prediction: Prediction = self.head(features)
        if self.strength is None:
            if certainty is None:
                return prediction
            # The gain that follows is for colors that are guessed: those that are known are as strong as they shall be.
            return Prediction(prediction.ab * (1 - (1 - 1 / self.config.gain) * certainty), prediction.logits)
        strengthened = self.strength(features.mean(dim=(2, 3)), prediction.ab)
        if certainty is not None:  # a color that is known is neither dull nor to be made stronger
            strengthened = prediction.ab + (strengthened - prediction.ab) * (1 - certainty)
        return Prediction(strengthened, prediction.logits)
