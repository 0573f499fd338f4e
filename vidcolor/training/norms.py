"""Batch norms measured anew for a network whose weights are a moving average."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vidcolor.training.precision import autocast


@torch.no_grad()
def measure_norms(
    network: nn.Module, batches: Iterable[tuple[Tensor, ...]], precision: torch.dtype = torch.float32
) -> None:
    """Give the batch norms the means and variances of what they see in some batches, in evaluation.

    Those that they gathered in training belong to the weights of then, not to their moving average, and to features of
    which parts were dropped: these vary more (Li et al. 2018, "Understanding the disharmony between dropout and batch
    normalization by variance shift", arXiv 1801.05134). Norms that never learn, as those of a frozen extractor,
    stay as they are. The network is left in evaluation.

    Args:
        batches: What the network is given in training, L* ``(N, 1, H, W)`` and hints if it takes any; at least one.
        precision: Of the network's convolutions.
    """
    network.train()
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.training]
    network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches, not a moving one
        norm.train()
    for inputs in batches:
        with autocast(inputs[0].device, precision):
            network(*inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
