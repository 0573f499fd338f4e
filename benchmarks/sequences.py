"""An image sequence beside the same frames as one film: how fast both are colored, and whether memory stays flat.

    python benchmarks/sequences.py                  # 2K, 10 bit: DPX in and out, FFV1 in and out, in turns
    python benchmarks/sequences.py --memory 2000    # small frames: resident memory of a long run's halves

Every measurement is a process of its own. The two runs of a pair follow each other, so that other work on the machine
weighs on both; the median of their ratios is reported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

RATE = 24
SIZE = (2048, 1556)  # a full aperture of 35 mm film, scanned at 2K
SMALL = (256, 192)
LEAST = 0.8  # speed of the sequence over that of the film
MOST = 1.05  # second half's peak of memory over the first's


def scene(number: int, width: int, height: int) -> NDArray[np.uint16]:
    """A grey frame of 10 bit: a texture that pans, another one every 48 frames, with grain."""
    rng = np.random.default_rng(number // 48)
    coarse = rng.normal(size=(height // 16, width // 16 + 8)).astype(np.float32)
    coarse = cv2.GaussianBlur(coarse, (0, 0), 3)
    wide = cv2.resize(coarse / coarse.std(), (width + 128, height), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(number).normal(0, 6, (height, width)).astype(np.float32)
    shift = 2 * (number % 48)
    return np.clip(512 + 180 * wide[:, shift : shift + width] + grain, 64, 940).astype(np.uint16)


def write_sequence(folder: Path, count: int, width: int, height: int) -> None:
    """DPX frames of R'G'B', 10 bit, filled by method A: what scanning houses deliver."""
    from vidcolor.film.images.dpx import new_header
    from vidcolor.film.images.image import Image
    from vidcolor.film.images.metadata import Metadata
    from vidcolor.film.images.writing import write_image
    from vidcolor.film.transfer import VIDEO

    folder.mkdir(parents=True)
    header = new_header(width, height, 10, VIDEO, 3).with_rate(Fraction(RATE))
    for number in range(count):
        grey = scene(number, width, height)
        image = Image(np.repeat(grey[..., None], 3, axis=2), 10, metadata=Metadata(header=header.data))
        write_image(folder / f"f_{number:06}.dpx", image)


def write_film(path: Path, count: int, width: int, height: int) -> None:
    """The same frames as FFV1, in the planes that R'G'B' has there."""
    with av.open(str(path), "w") as container:
        options = {"level": "3", "slicecrc": "1", "slices": "4"}
        stream = container.add_stream("ffv1", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "gbrp10le"
        for number in range(count):
            grey = scene(number, width, height)
            frame = av.VideoFrame(width, height, "gbrp10le")
            for plane in frame.planes:
                rows = np.frombuffer(plane, np.uint16).reshape(height, -1)
                rows[:, :width] = grey
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def resident() -> float:
    """Resident memory of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise OSError("needs /proc")


def work(source: str, target: str, count: int) -> dict[str, float]:
    """Colorize in this process; return seconds, without imports, and the peaks of memory of both halves, in MiB."""
    from vidcolor.pipeline.film import colorize_film
    from vidcolor.settings import RunSettings

    peaks = [0.0, 0.0]

    def progress(done: int, total: int) -> None:
        if done % RATE == 0 and done > count // 20:  # the first frames fill queues and caches
            half = min(1, 2 * done // count)
            peaks[half] = max(peaks[half], resident())

    codec = "ffv1" if target.endswith(".mkv") else ""
    began = time.perf_counter()
    result = colorize_film(source, target, settings=RunSettings(codec=codec), progress=progress)
    seconds = time.perf_counter() - began
    if result.frames != count:
        raise ValueError(f"{result.frames} frames of {count}")
    return {"seconds": seconds, "first": peaks[0], "second": max(peaks[1], resident())}


def measure(source: Path | str, target: Path | str, count: int) -> dict[str, float]:
    """Colorize in a process of its own."""
    command = [sys.executable, __file__, "--work", str(source), str(target), "--frames", str(count)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(count: int, repeats: int) -> bool:
    """Print the speeds of pairs of runs; return whether the sequence is fast enough."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sequence(folder / "scan", count, *SIZE)
        write_film(folder / "film.mkv", count, *SIZE)
        ratios = []
        print("| DPX, frames a second | FFV1 | ratio |\n| ---: | ---: | ---: |")
        for turn in range(repeats):
            film = measure(folder / "film.mkv", folder / f"{turn}.mkv", count)["seconds"]
            files = measure(folder / "scan", folder / f"out{turn}" / "f_%06d.dpx", count)["seconds"]
            ratios.append(film / files)
            print(f"| {count / files:.2f} | {count / film:.2f} | {ratios[-1]:.2f} |", flush=True)
    middle = statistics.median(ratios)
    print(f"\n{count} frames of {SIZE[0]}x{SIZE[1]}, 10 bit: the sequence runs at {middle:.2f} times the film's speed")
    return middle >= LEAST


def remember(count: int) -> bool:
    """Print the peaks of memory of the halves of a long run; return whether it stays flat."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sequence(folder / "scan", count, *SMALL)
        found = measure(folder / "scan", folder / "out" / "f_%06d.dpx", count)
    growth = found["second"] / found["first"]
    print(f"{count} frames: peak {found['first']:.0f} MiB in the first half, {found['second']:.0f} in the second,")
    print(f"{growth:.3f} times as much")
    return growth <= MOST


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=48, help="of each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, metavar="FRAMES", help="measure memory over so many frames instead")
    parser.add_argument("--work", nargs=2, metavar=("SOURCE", "TARGET"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(*options.work, options.frames)))
    elif not (remember(options.memory) if options.memory else compare(options.frames, options.repeats)):
        sys.exit(1)


if __name__ == "__main__":
    main()
