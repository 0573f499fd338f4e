"""Work that torch does side by side on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute in so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item], lanes: int) -> list[Result]:
    """Return the results of some work on each item, done in threads that share the cores that torch may use.

    A layer of a small network is done in little more time than it takes to wake a second core for it: of two cores
    that share each layer a third of the time is lost, and hardly any where each core has pictures of its own
    (benchmarks/lanes.py).

    Args:
        lanes: Threads at most.
    """
    lanes = min(lanes, len(items))
    if lanes < 2:
        return [work(item) for item in items]
    threads = torch.get_num_threads()

    def begin() -> None:
        torch.set_num_threads(max(1, threads // lanes))  # of this thread, and of those that torch meets later

    with torch_threads(threads), ThreadPoolExecutor(lanes, "lane", begin) as pool:
        return list(pool.map(work, items))
