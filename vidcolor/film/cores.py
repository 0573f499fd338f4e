"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may keep busy: of the machine, by its affinity and by its control group.

    A container with two of a machine's 64 cores still sees all of them; its share is a quota of the Linux kernel's
    control groups (cpu.max in version 2, cpu.cfs_quota_us in version 1), its own or that of a group above it.

    Args:
        root: Folder in which proc and sys lie.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def budget(asked: int) -> int:
    """Return how many cores a run counts on.

    Args:
        asked: So many; 0: all usable ones, or what OMP_NUM_THREADS leaves of them.
    """
    import torch  # not on top: it takes a second, and reading a film needs none of it

    return asked or min(usable_cores(), torch.get_num_threads())


def _quotas(root: Path) -> Iterator[float]:
    """Yield how many cores' time each group allows that this process belongs to."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0":
            mounted = root / "sys/fs/cgroup"
        elif "cpu" in controllers.split(","):
            mounted = root / "sys/fs/cgroup/cpu"
        else:
            continue
        # Inside a container the group's own path may not be mounted: then what is mounted is the group itself.
        group = mounted / path.lstrip("/")
        for folder in (group, *group.parents):
            yield from _quota(folder)
            if folder == mounted:
                break


def _quota(folder: Path) -> Iterator[float]:
    quota, _, period = _text(folder / "cpu.max").partition(" ")
    if not quota:
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
    try:
        if int(quota) > 0 and int(period) > 0:
            yield int(quota) / int(period)
    except ValueError:
        return  # "max", or nothing to be read: no limit


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
