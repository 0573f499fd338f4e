"""The networks: L* in, ab out.

A network is built from a frozen :class:`NetworkConfig`, which travels inside the checkpoint.
"""

from __future__ import annotations

from vidcolor.errors import CheckpointError
from vidcolor.network.backbone import Extractor, hub_weights
from vidcolor.network.config import NetworkConfig
from vidcolor.network.folding import fold_batch_norms
from vidcolor.network.fusion import FusionNet
from vidcolor.network.heads import Prediction, ab_bins
from vidcolor.network.koalarization import Koalarization

Network = FusionNet | Koalarization

__all__ = [
    "Extractor",
    "FusionNet",
    "Koalarization",
    "Network",
    "NetworkConfig",
    "Prediction",
    "ab_bins",
    "build_network",
    "fold_batch_norms",
    "hub_weights",
]


def build_network(config: NetworkConfig) -> Network:
    """The network that a configuration describes, with fresh weights.

    Raises:
        CheckpointError: timm does not know its backbone, or the parts do not fit together.
    """
    if config.architecture == "koalarization":
        if config.hints or config.palette:
            raise CheckpointError(
                f"cannot build Deep Koalarization with {'hints' if config.hints else 'a palette'}",
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
