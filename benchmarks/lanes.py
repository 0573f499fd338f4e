"""What planes cost on a CPU: one by one with all cores in each layer, and side by side with one core each.

python benchmarks/lanes.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from vidcolor.cli.process import prepare
from vidcolor.film.cores import usable_cores
from vidcolor.report.tables import Table

SIZE = 192, 256
PLANES = 16
ROUNDS = 9


def main() -> None:
    from vidcolor.network.predictor import Predictor
    from vidcolor.settings import RunSettings

    cores = usable_cores()
    predictor = Predictor.load(RunSettings(device="cpu"))
    planes = list(np.random.default_rng(0).random((PLANES, *SIZE), np.float32))

    def one_by_one() -> None:
        for plane in planes:
            predictor.predict([plane])

    ways: dict[str, tuple[int, Callable[[], None]]] = {
        "one by one, one core": (1, one_by_one),
        f"one by one, {cores} cores in each layer": (cores, one_by_one),
        f"side by side, {cores} cores": (cores, lambda: list(predictor.predict(planes, batch=1))),
        f"side by side in batches, {cores} cores": (cores, lambda: list(predictor.predict(planes))),
    }
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for turn in range(ROUNDS + 1):  # in turns, so that other work on the machine weighs on all; the first compiles
        for way, (threads, run) in ways.items():
            torch.set_num_threads(threads)
            clock, core = time.perf_counter(), time.process_time()
            run()
            if turn:
                spent[way].append((time.perf_counter() - clock, time.process_time() - core))
    rows = [
        [way, *(f"{statistics.median(each[place] for each in found) / PLANES * 1000:.1f}" for place in (0, 1))]
        for way, found in spent.items()
    ]
    print(Table(["planes of 192x256", "ms a plane", "core ms a plane"], rows).markdown())
    number = str(predictor.precision).removeprefix("torch.")
    print(f"\ncapability: {torch.backends.cpu.get_cpu_capability()}, {number}, torch {torch.__version__}")


if __name__ == "__main__":
    prepare()
    main()
