"""What is left of the speed beside other work: a film and a folder of photographs, alone and with all cores taken.

    python benchmarks/neighbors.py [--repeats 2]

The neighbors are processes that do nothing but count, one for each core. With and without them follow each other, so
that other work on the machine weighs on both; the medians of the ratios are reported. Half is what a fair share of the
cores would leave.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clips import GRAIN, make_clip
from photos import HERE, command, write_photographs
from speed import measure

from vidcolor.film.cores import usable_cores

COUNTING = "while True: pass"
SECONDS, HEIGHT = 10.0, 480  # of the film
PHOTOGRAPHS = 60


@contextmanager
def neighbors(count: int) -> Iterator[None]:
    """Keep so many cores busy."""
    counting = [subprocess.Popen([sys.executable, "-c", COUNTING]) for _ in range(count)]
    try:
        yield
    finally:
        for process in counting:
            process.kill()
            process.wait()


def compare(name: str, seconds: Callable[[], float], cores: int, repeats: int) -> str:
    """Return a row: the seconds alone and beside neighbors, and the share of the speed that is left."""
    alone, beside = [], []
    for _ in range(repeats):
        alone.append(seconds())
        with neighbors(cores):
            beside.append(seconds())
    left = statistics.median(a / b for a, b in zip(alone, beside, strict=True))
    return f"| {name} | {statistics.median(alone):.1f} | {statistics.median(beside):.1f} | {left:.2f} |"


def main() -> None:
    """Print a row for a film, and one for photographs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    cores = usable_cores()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "in").mkdir()
        write_photographs(folder / "in", PHOTOGRAPHS)
        clip = folder / "film.mp4"
        make_clip(clip, HEIGHT, GRAIN, SECONDS)
        film = f"a film of {HEIGHT} lines, {SECONDS:g} s, veryfast"
        tasks: dict[str, Callable[[], float]] = {
            film: lambda: measure("colorize", clip, {"preset": "veryfast"})["seconds"],
            f"{PHOTOGRAPHS} photographs": lambda: command(
                HERE, folder / "in", folder / "out", HERE / "weights" / "fast.safetensors"
            ),
        }
        print(f"| {cores} cores | alone, s | beside {cores} busy processes, s | speed left |")
        print("| --- | ---: | ---: | ---: |")
        for name, seconds in tasks.items():
            print(compare(name, seconds, cores, options.repeats), flush=True)


if __name__ == "__main__":
    main()
