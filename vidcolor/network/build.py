"""The network that a configuration describes, built."""

from __future__ import annotations

from vidcolor.errors import CheckpointError
from vidcolor.network.config import NetworkConfig
from vidcolor.network.fusion import FusionNet
from vidcolor.network.koalarization import Koalarization

Network = FusionNet | Koalarization


def build_network(config: NetworkConfig) -> Network:
    """Return the network that a configuration describes, with fresh weights.

    Raises:
        CheckpointError: timm does not know its backbone, or the parts do not fit together.
    """
    if config.architecture == "koalarization":
        if config.hints or config.palette or config.refine:
            parts = {"hints": config.hints, "a palette": config.palette, "blocks that refine": config.refine}
            raise CheckpointError(
                f"cannot build Deep Koalarization with {next(part for part, number in parts.items() if number)}",
                "only FusionNet takes them",
                "Use --preset modern",
            )
        return Koalarization(config)
    if config.extractor:
        raise CheckpointError(
            f"cannot build FusionNet with the extractor {config.extractor}",
            "its encoder is pretrained itself",
            "Extractors go with --preset paper",
        )
    return FusionNet(config)
