"""What a network is made of, as one frozen value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from vidcolor.errors import CheckpointError
from vidcolor.settings import NETWORK, Setting

Head = Literal["regression", "classification"]


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to rebuild a network and to feed it: stored in the checkpoint's metadata."""

    architecture: Literal["fusion", "koalarization"] = "fusion"
    """fusion is FusionNet; koalarization is the network of arXiv 1712.03400, whose encoder is its own."""

    encoder: Annotated[str, Setting("timm backbone of the encoder.", NETWORK, metavar="NAME")] = "mobilenetv2_100"
    """A timm backbone whose feature maps at several strides serve as encoder (fusion only)."""

    encoder_options: dict[str, Any] = field(default_factory=lambda: {"pad_type": "same"})
    """Further arguments of timm.create_model for the encoder."""

    extractor: Annotated[str, Setting("Frozen timm classifier, or none.", NETWORK, metavar="NAME")] = ""
    """A frozen timm classifier whose logits are repeated over the grid; empty for none (koalarization only)."""

    semantics: int = 0
    """Channels of the 1x1 convolution that the backbone's classifier reads, as timm's MobileNets have one (1280 in
    MobileNetV2); it widens the encoder's last map before the fusion. 0 does without (fusion only)."""

    embedding: int = 256
    """Channels of the global embedding that is repeated over the grid (fusion only)."""

    fusion: int = 256
    """Channels after the 1x1 convolution that fuses embedding and local features."""

    decoder: Annotated[tuple[int, ...], Setting("Channels of its steps.", NETWORK, low=1)] = (128, 96, 64)
    """Channels of the decoder's steps, each twice the size of the one before."""

    head: Head = "regression"
    """Regression gives ab itself; classification gives a distribution over the bins of the ab plane."""

    hints: int = 0
    """Channels of the attention that spreads known colors over the picture; 0: no network for hints (fusion only)."""

    palette: Annotated[
        int, Setting("Learned colors for each picture, beside the features; 0: none.", NETWORK, low=0, high=256)
    ] = 0
    """Colors that are learned for each picture from its global embedding: so many maps beside the features that the
    head reads; 0 does without (fusion only). The color queries of DDColor (Kang et al. 2023, arXiv 2212.11613) in
    small."""

    refine: Annotated[
        int,
        Setting("Residual blocks after the fusion and each step of the decoder but the last.", NETWORK, low=0, high=8),
    ] = 0
    """Residual blocks after the fusion and each step of the decoder but the last (fusion only)."""

    mean: float = 0.5
    std: float = 0.5
    """The encoder sees (L* / 100 - mean) / std."""

    size: int = 160
    """The short side that the network works at on films unless told otherwise, in pixels."""

    still_size: int = 0
    """The same on single pictures, which are not in a hurry; 0: as on films."""

    strength: int = 0
    """Hidden channels of the calibrated strength of colors, learned after all else; 0 shows them as predicted (fusion
    only)."""

    gain: float = 1.0
    """Calibrated factor on ab where there is no such strength, measured on validation photos after training."""

    temperature: float = 0.38
    """Of the annealed mean (classification only; Zhang et al. 2016, section 2.3)."""

    def short_side(self, still: bool) -> int:
        """Return the short side of the network's picture in pixels: on a single picture, or on a film."""
        return self.still_size if still and self.still_size else self.size

    def to_json(self) -> str:
        """Return the configuration as a JSON object."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> NetworkConfig:
        """Return the configuration that :meth:`to_json` wrote.

        Raises:
            CheckpointError: unknown or missing fields: the file is of another version.
        """
        try:
            values = json.loads(text)
            unknown = set(values) - {f.name for f in fields(cls)}
            if unknown:
                raise ValueError(f"unknown settings {sorted(unknown)}")
            return cls(**{**values, "decoder": tuple(values["decoder"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                "cannot read the network's settings", str(error), "Use a checkpoint of this version of vidcolor"
            ) from error

    def with_(self, **changes: Any) -> NetworkConfig:
        """Return the configuration with other values for some of its fields."""
        return replace(self, **changes)
