"""Does reading photos hold training up? Images per second with photos from the disk and with tensors in memory.

    python benchmarks/training.py PHOTOS... [--rounds 3] [--steps 12] [--device cpu] [--workers -1] [--encoder NAME]
    python benchmarks/training.py --preset modern --batch-size 256 --sizes 160    # on photos that are made here

Both run the same steps of the same network. In memory means the very batches that were read, kept as tensors, so that
decoding, cropping and moving between processes are left out. Rounds alternate, and the medians over all steps but the
first of each round are compared. On a busy machine the wall clock says little: where one process reads and trains
(--workers 0, the default without a GPU), images per second of its own processor time say the same.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from unittest import mock

import torch
from clips import make_photos

import vidcolor
from vidcolor.data.photos import Batch, PhotoReader, find_photos
from vidcolor.network.device import choose_device
from vidcolor.training.presets import PRESETS

HELD_OUT = 4  # photos for validation, which is not measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", help="none: small photos are made, as many as it takes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=-1)
    parser.add_argument("--sizes", type=int, nargs="+", help="in pixels, of the squares; default: the usual ones")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--encoder", default="mobilenetv2_100")
    kind.add_argument("--preset", choices=list(PRESETS), help="as for vidcolor train")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not options.photos:
            share = PRESETS["modern"].training.val_share
            make_photos(Path(folder), round(options.batch_size * options.steps / (1 - share)) + 2 * HELD_OUT)
            options.photos = [folder]
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Train in turns from the disk and from memory, and print both speeds."""
    kept: list[Batch] = []

    read = PhotoReader.epoch

    def from_disk(reader: PhotoReader, number: int, first_step: int = 0) -> Iterator[Batch]:
        return islice(read(reader, number, first_step), options.steps)

    def from_memory(reader: PhotoReader, number: int, first_step: int = 0) -> Iterator[Batch]:
        return iter(kept)

    config = replace(
        PRESETS[options.preset or "modern"].training,
        epochs=1, batch_size=options.batch_size, workers=options.workers, val_limit=HELD_OUT,
    )  # fmt: skip
    if options.sizes:
        config = replace(config, sizes=tuple(options.sizes))
    network = vidcolor.NetworkConfig(
        encoder=options.encoder,
        encoder_options={"pad_type": "same"} if options.encoder.startswith("mobilenetv2") else {},
    )
    if options.preset:
        network = PRESETS[options.preset].network
    photos = find_photos(options.photos)
    kept += from_disk(PhotoReader(photos, batch_size=options.batch_size, sizes=config.sizes, seed=0), 0)
    wall: dict[str, list[float]] = {"disk": [], "memory": []}
    processor: dict[str, list[float]] = {"disk": [], "memory": []}
    for _ in range(options.rounds):
        for name, batches in (("disk", from_disk), ("memory", from_memory)):
            times: list[tuple[float, float]] = []

            def note(values: dict[str, float], times: list[tuple[float, float]] = times) -> None:
                times.append((time.perf_counter(), time.process_time()))

            with tempfile.TemporaryDirectory() as folder, mock.patch.object(PhotoReader, "epoch", batches):
                vidcolor.train(
                    options.photos, folder, settings=config, network=network, device=choose_device(options.device),
                    progress=note,
                )  # fmt: skip
            for (wall_before, own_before), (wall_after, own_after) in pairwise(times):
                wall[name].append(options.batch_size / (wall_after - wall_before))
                processor[name].append(options.batch_size / (own_after - own_before))
    print("| images a second, by | photos from the disk | batches from memory | share |")
    print("| --- | ---: | ---: | ---: |")
    for what, speeds in (("wall clock", wall), ("processor time", processor)):
        disk, memory = (statistics.median(speeds[name]) for name in ("disk", "memory"))
        print(f"| {what} | {disk:.1f} | {memory:.1f} | {disk / memory:.1%} |")
    how = f"{options.preset or options.encoder}, batches of {options.batch_size}, squares of {config.sizes} pixels"
    print(f"\n{how}, on {choose_device(options.device)}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
