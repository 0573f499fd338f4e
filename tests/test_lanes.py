"""Work side by side: its results in order, and torch's threads shared while it lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from vidcolor.network.lanes import side_by_side


@pytest.fixture
def four_threads() -> Iterator[None]:
    """Torch has four threads, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("lanes", "count", "used", "each"), [(2, 6, 2, 2), (4, 3, 3, 1), (8, 6, 6, 1), (1, 3, 1, 4)])
def test_lanes_share_the_threads(lanes: int, count: int, used: int, each: int) -> None:
    """So many threads at once, each with its share; then all of torch's threads are back."""
    gate = threading.Barrier(used)

    def work(number: int) -> tuple[int, str, int]:
        if number < used:
            gate.wait(10)  # all of them are here at the same time, or this fails
        return number, threading.current_thread().name, torch.get_num_threads()

    found = side_by_side(work, range(count), lanes)
    assert [number for number, _, _ in found] == list(range(count))
    assert len({name for _, name, _ in found}) == used
    assert {threads for _, _, threads in found} == {each}
    assert torch.get_num_threads() == 4
    begun_later: list[int] = []
    late = threading.Thread(target=lambda: begun_later.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert begun_later == [4]


@pytest.mark.usefixtures("four_threads")
def test_an_error_comes_out() -> None:
    """And the threads are as before."""
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 // number, [1, 0, 2], 2)
    assert torch.get_num_threads() == 4


def test_nothing_to_do() -> None:
    """Gives nothing."""
    assert side_by_side(str, [], 4) == []
