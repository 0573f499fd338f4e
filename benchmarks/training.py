"""Does reading photos hold training up? Images per second with photos from the disk and with tensors in memory.

    python benchmarks/training.py PHOTOS... [--rounds 3] [--steps 12] [--device cpu] [--workers -1] [--encoder NAME]

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
from itertools import islice, pairwise
from unittest import mock

import vidcolor
from vidcolor.data.photos import Batch, PhotoReader, find_photos
from vidcolor.network.device import choose_device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=-1)
    parser.add_argument("--encoder", default="mobilenetv2_100")
    options = parser.parse_args()
    kept: list[Batch] = []

    read = PhotoReader.epoch

    def from_disk(reader: PhotoReader, number: int, first_step: int = 0) -> Iterator[Batch]:
        return islice(read(reader, number, first_step), options.steps)

    def from_memory(reader: PhotoReader, number: int, first_step: int = 0) -> Iterator[Batch]:
        return iter(kept)

    config = vidcolor.TrainSettings(epochs=1, batch_size=options.batch_size, workers=options.workers, val_limit=4)
    network = vidcolor.NetworkConfig(
        encoder=options.encoder,
        encoder_options={"pad_type": "same"} if options.encoder.startswith("mobilenetv2") else {},
    )
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
    for what, speeds in (("wall clock", wall), ("processor time", processor)):
        disk, memory = (statistics.median(speeds[name]) for name in ("disk", "memory"))
        print(f"{what}: from disk {disk:.1f} images/s, from memory {memory:.1f} images/s: {disk / memory:.1%}")


if __name__ == "__main__":
    main()
