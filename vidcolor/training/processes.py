"""Several processes that train one network: started by torchrun, each with its part of every batch.

Gradients are averaged by DistributedDataParallel. Batch norms see the statistics of the whole batch (torch's own
synchronized ones exist on GPUs only), so that N processes compute what one would.
"""

from __future__ import annotations

import os
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")

PATIENCE = timedelta(days=1)  # the others wait while the first takes frames from films, or validates


@dataclass(frozen=True)
class Processes:
    """This process's place among those of the run.

    Attributes:
        rank: Its number; number 0 writes files and talks.
        ranks: How many there are.
        device: Where it computes.
        neighbors: How many of them are on this machine, itself included.
    """

    rank: int
    ranks: int
    device: torch.device
    neighbors: int = 1

    @property
    def first(self) -> bool:
        """Return whether this process is the one that writes and reports."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return the network whose gradients are averaged over all processes; itself when there is one."""
        if self.ranks == 1:
            return network
        synchronize_norms(network)
        devices = [self.device] if self.device.type == "cuda" else None
        with warnings.catch_warnings():  # later torch has another name for it, which 2.9 does not know
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(network, device_ids=devices, broadcast_buffers=False)

    def sums(self, *values: float) -> list[float]:
        """Return each value summed over all processes."""
        if self.ranks == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return [float(v) for v in total.tolist()]

    def of_first(self, value: T) -> T:
        """Return the first process's value, in every process."""
        if self.ranks == 1:
            return value
        box: list[Any] = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        value = box[0]
        return value

    def union(self, names: set[str]) -> set[str]:
        """Return the names that any process has."""
        if self.ranks == 1:
            return names
        found: list[Any] = [None] * self.ranks
        dist.all_gather_object(found, names)
        return set().union(*found)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started, if it did; each takes the GPU of its own number."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if ranks == 1:
        yield Processes(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Processes(dist.get_rank(), ranks, device, int(os.environ.get("LOCAL_WORLD_SIZE", ranks)))
    finally:
        dist.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def synchronize_norms(network: nn.Module) -> None:
    """Let the batch norms that are trained see all processes' pictures; names and weights stay."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.weight.requires_grad:
            module.forward = types.MethodType(_whole_batch_norm, module)  # type: ignore[method-assign]  # names and weights stay


def _whole_batch_norm(module: nn.BatchNorm2d, x: Tensor) -> Tensor:
    if not module.training:
        return type(module).forward(module, x)
    values = x.float()
    count = values.new_tensor([x.numel() / x.shape[1]])
    dist.all_reduce(count)
    mean = _Sum.apply(values.sum(dim=(0, 2, 3))) / count
    centred = values - mean[:, None, None]
    variance = _Sum.apply(centred.square().sum(dim=(0, 2, 3))) / count
    with torch.no_grad():
        assert module.running_mean is not None
        assert module.running_var is not None
        assert module.num_batches_tracked is not None
        module.num_batches_tracked.add_(1)
        momentum = module.momentum if module.momentum is not None else 1 / float(module.num_batches_tracked)
        module.running_mean.lerp_(mean, momentum)
        module.running_var.lerp_(variance * (count / (count - 1)), momentum)
    scale = module.weight * torch.rsqrt(variance + module.eps)
    y: Tensor = (centred * scale[:, None, None] + module.bias[:, None, None]).to(x.dtype)
    for then in ("drop", "act"):  # timm's norms carry the activation that follows them
        y = getattr(module, then, nn.Identity())(y)
    return y
