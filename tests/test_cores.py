"""How many cores count: those of the affinity, and the quotas of control groups as the kernel's documents show them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vidcolor.film.cores import usable_cores


@pytest.fixture(autouse=True)
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend to have 64 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)


def lay(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_no_group_and_no_limit(tmp_path: Path) -> None:
    """All cores, when nothing can be read and when the limit is max."""
    assert usable_cores(tmp_path) == 64
    lay(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"})
    assert usable_cores(tmp_path) == 64


@pytest.mark.parametrize(("limit", "cores"), [("200000 100000", 2), ("250000 100000", 3), ("5000 100000", 1)])
def test_a_container_sees_its_own_group_at_the_root(tmp_path: Path, limit: str, cores: int) -> None:
    """Version 2, whether or not the group's path is visible; a part of a core counts as one."""
    lay(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": limit})
    assert usable_cores(tmp_path) == cores
    lay(tmp_path, {"proc/self/cgroup": "0::/system.slice/docker-1.scope\n"})
    assert usable_cores(tmp_path) == cores


def test_the_narrowest_of_the_groups_above_counts(tmp_path: Path) -> None:
    """A service of eight cores in a slice of four."""
    lay(
        tmp_path,
        {
            "proc/self/cgroup": "0::/jobs/one\n",
            "sys/fs/cgroup/jobs/cpu.max": "400000 100000",
            "sys/fs/cgroup/jobs/one/cpu.max": "800000 100000",
        },
    )
    assert usable_cores(tmp_path) == 4


def test_version_one(tmp_path: Path) -> None:
    """The older files; -1 is no limit."""
    lay(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/1\n3:memory:/docker/1\n",
            "sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert usable_cores(tmp_path) == 3


def test_affinity_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two cores that taskset leaves of 64."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert usable_cores(tmp_path) == 2
