"""Images per second of training in two processes beside one, on the same cores of this machine.

    python benchmarks/training_processes.py PHOTOS... [--rounds 3] [--steps 12] [--processes 2] [--device cpu]

Both run the same steps of the same network with the same batches; all cores are shared out among the processes. Runs of
one and of several follow each other, so that what else the machine does hits both alike. Told is the median over the
steps of all rounds, but for the first step of each. On a machine with a GPU each process takes one of its own
(--device cuda).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from unittest import mock

import vidcolor
from vidcolor.data.photos import Batch, PhotoReader
from vidcolor.film.cores import usable_cores
from vidcolor.network.device import choose_device

FIGURES = "VIDCOLOR_BENCHMARK_FIGURES"  # the file that a process of the run writes its figures to


def train(options: argparse.Namespace, figures: Path) -> None:
    """Train for some steps, as one process of those that were started; the first writes images per second."""
    read = PhotoReader.epoch

    def few(reader: PhotoReader, number: int, first_step: int = 0) -> Iterator[Batch]:
        return islice(read(reader, number, first_step), options.steps)

    speeds: list[float] = []
    config = vidcolor.TrainSettings(epochs=1, batch_size=options.batch_size, workers=0, val_limit=4)
    with mock.patch.object(PhotoReader, "epoch", few):
        vidcolor.train(
            options.photos, figures.parent / "run", settings=config, network=vidcolor.NetworkConfig(),
            device=choose_device(options.device), progress=lambda values: speeds.append(values["images_per_second"]),
        )  # fmt: skip
    if os.environ.get("RANK", "0") == "0":
        figures.write_text(json.dumps(speeds[1:]), encoding="utf-8")


def speeds_of(processes: int, folder: Path) -> list[float]:
    """Return images per second, step by step, of so many processes that are started for this."""
    cores = usable_cores()
    environment = {
        **os.environ, "OMP_NUM_THREADS": str(max(1, cores // processes)), "OMP_WAIT_POLICY": "passive",
        FIGURES: str(folder / "figures.json"),
    }  # fmt: skip
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), *sys.argv]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    found: list[float] = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if figures := os.environ.get(FIGURES):
        train(options, Path(figures))
        return
    speeds: dict[int, list[float]] = {1: [], options.processes: []}
    for number in range(options.rounds):
        for processes, found in speeds.items():
            with tempfile.TemporaryDirectory() as folder:
                found += speeds_of(processes, Path(folder))
            print(f"round {number + 1}: {processes} done", file=sys.stderr, flush=True)
    one, several = (statistics.median(found) for found in speeds.values())
    print(f"| cores | 1 process, images/s | {options.processes} processes, images/s | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    print(f"| {usable_cores()} | {one:.1f} | {several:.1f} | {several / one:.2f} |")


if __name__ == "__main__":
    main()
