"""How fast photographs are colored, beside another checkout of vidcolor, and how much memory a large one takes.

    python benchmarks/photos.py --baseline ../vidcolor-before
    python benchmarks/photos.py --megapixels 60 --suffixes .tif .png .jp2

With --baseline: a folder of photographs of 160 to 640 pixels is colored in one call of the command by this checkout and
by the other, in turns, so that other work on the machine weighs on both. Both use the weights of the other: newer ones
may be a larger network. Variances of its batch norms that overflowed to infinity are finite for both, and as large as
a float32 can be: the channels stay as dead as they are. With --megapixels: one photograph of that size, 16 bits a
channel, in each format, and the peak of memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent.parent
SIDES = (160, 640)  # pixels, shortest and longest


def scene(rng: np.random.Generator, width: int, height: int, deep: bool) -> NDArray[np.generic]:
    """A grey picture with shapes, shades and grain."""
    coarse = cv2.resize(rng.random((7, 9)), (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(coarse + rng.normal(0, 0.02, (height, width)), 0, 1)
    return np.rint(picture * 65535).astype(np.uint16) if deep else np.rint(picture * 255).astype(np.uint8)


def write_photographs(folder: Path, count: int) -> None:
    """JPEG and PNG in turns, of all shapes."""
    rng = np.random.default_rng(0)
    for number in range(count):
        width, height = (int(side) for side in rng.integers(*SIDES, 2, endpoint=True))
        name = folder / f"{number:04}{'.jpg' if number % 2 else '.png'}"
        cv2.imwrite(str(name), scene(rng, width, height, deep=False))


def command(checkout: Path, source: Path, output: Path, weights: Path) -> float:
    """Seconds that the command of a checkout takes for all that is in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "vidcolor", "colorize", str(source), "-o", str(output), "-y", "-m", str(weights)],
        cwd=checkout, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{checkout}: {done.stderr}")
    return time.perf_counter() - began


def finite(weights: Path, copy: Path) -> Path:
    """A copy of weights whose infinite values are the largest finite ones."""
    with safe_open(weights, "np") as file:
        metadata, names = file.metadata(), list(file.keys())
        values = {name: file.get_tensor(name) for name in names}
    for name, value in values.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            values[name] = np.nan_to_num(value.astype(np.float32))
    save_file(values, copy, metadata)
    return copy


def compare(baseline: Path, count: int, repeats: int) -> None:
    """Print photographs a second of both checkouts, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        weights = finite(baseline / "weights" / "fast.safetensors", folder / "baseline.safetensors")
        write_photographs(folder / "in", count)
        pairs = []
        for turn in range(repeats):
            before = command(baseline, folder / "in", folder / f"before-{turn}", weights)
            after = command(HERE, folder / "in", folder / f"after-{turn}", weights)
            pairs.append((before, after))
            print(f"{count / before:.2f} and {count / after:.2f} photographs a second", flush=True)
        ratio = statistics.median(before / after for before, after in pairs)
        print(f"{ratio:.1f} times as many photographs a second")


def write_large(path: Path, megapixels: float) -> None:
    """One grey photograph of 16 bits a channel."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    grey = scene(np.random.default_rng(0), round(1.5 * height), height, deep=True)
    if path.suffix == ".jp2":
        path.write_bytes(imagecodecs.jpeg2k_encode(grey, level=0, reversible=True))
    else:
        cv2.imwrite(str(path), grey)


def measure(megapixels: float, suffix: str) -> None:
    """Print seconds and peak memory of one large photograph, grey in and color out."""
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name) / f"large{suffix}", Path(name) / f"large.color{suffix}"
        # In a process of its own: a child is charged with the memory that its parent once had.
        subprocess.run([sys.executable, __file__, "--make", str(source), "--megapixels", str(megapixels)], check=True)
        words = [sys.executable, "-m", "vidcolor", "colorize", str(source), "-o", str(output), "--quiet"]
        began = time.perf_counter()
        child = subprocess.Popen(words, cwd=HERE, env={**os.environ, "PYTHONPATH": str(HERE)})
        _, status, usage = os.wait4(child.pid, 0)  # of this child alone
        seconds = time.perf_counter() - began
    if status:
        sys.exit(f"{' '.join(words)} failed")
    peak = usage.ru_maxrss * 1024 / 1e9
    print(f"{megapixels:g} megapixels of 16 bits, {suffix}: {seconds:.1f} s, at most {peak:.2f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path, help="another checkout of vidcolor")
    parser.add_argument("--count", type=int, default=100, help="photographs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--megapixels", type=float, help="of one large photograph")
    parser.add_argument("--suffixes", nargs="+", default=[".tif"], choices=[".tif", ".png", ".jp2"])
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.baseline:
        compare(options.baseline.resolve(), options.count, options.repeats)
    if options.make:
        write_large(options.make, options.megapixels)
    elif options.megapixels:
        for suffix in options.suffixes:
            measure(options.megapixels, suffix)


if __name__ == "__main__":
    main()
