"""What a cluster costs where it cannot help: one worker on this machine beside a plain run of the same film.

    python benchmarks/one_worker.py [--minutes 5] [--pairs 3]

The film is made here, of small pictures (160x120) with a cut every 150 frames. A cluster of one worker is started
first, with as many cores as this process may use; its start does not count, the start of the worker and its network
does. Plain runs and runs on the cluster follow each other; told are the median of the ratios of their times, and
whether the films are the same to the byte.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ray
from memory import RATE, write_film

from vidcolor.film.cores import usable_cores


def seconds_of(film: Path, output: Path, *more: str) -> float:
    """Colorize a film by the command line; return the seconds that this takes."""
    began = time.monotonic()
    command = [sys.executable, "-m", "vidcolor", "colorize", str(film), "-o", str(output), "--overwrite", *more]
    subprocess.run([*command, "--progress", "off", "--device", "cpu"], check=True, capture_output=True)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    cores = str(usable_cores())
    cluster = ray.init("local", num_cpus=int(cores), include_dashboard=False, log_to_driver=False)
    address = cluster.address_info["address"]
    with tempfile.TemporaryDirectory() as temporary:
        film, plain, far = (Path(temporary) / name for name in ("film.mp4", "plain.mp4", "far.mp4"))
        frames = round(60 * options.minutes * RATE)
        write_film(film, frames)
        pairs = []
        for _ in range(options.pairs):
            alone = seconds_of(film, plain, "--threads", cores)
            pairs.append((alone, seconds_of(film, far, "--threads", cores, "--ray", address)))
            print(f"plain {pairs[-1][0]:.1f} s, cluster {pairs[-1][1]:.1f} s", file=sys.stderr, flush=True)
        same = len({hashlib.sha256(path.read_bytes()).digest() for path in (plain, far)}) == 1
    plain_fps, far_fps = (frames / statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(far / alone for alone, far in pairs)
    print("| frames | plain, fps | one worker, fps | time ratio | same bytes |\n| ---: | ---: | ---: | ---: | --- |")
    print(f"| {frames} | {plain_fps:.1f} | {far_fps:.1f} | {ratio:.2f} | {'yes' if same else 'no'} |")


if __name__ == "__main__":
    main()
