"""The networks: L* in, ab out.

A network is built from a frozen :class:`NetworkConfig`, which travels inside the checkpoint.
"""

from __future__ import annotations

from vidcolor.network.config import NetworkConfig
from vidcolor.network.fusion import FusionNet, build_network
from vidcolor.network.heads import Prediction, ab_bins

__all__ = ["FusionNet", "NetworkConfig", "Prediction", "ab_bins", "build_network"]
