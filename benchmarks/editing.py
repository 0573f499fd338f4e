"""How long it takes to list the shots of a film, to color it by the list, and once more after a row was edited.

    python benchmarks/editing.py
    python benchmarks/editing.py --shots 20 --height 240

A film of moving scenes with grain and sound is made, in shots of two to four seconds. Then the commands of a restorer
run on it, one after the other: shots, colorize, an edit of a row in the middle of the list, colorize once more. What
the second run has made is compared with the first, packet by packet.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from clips import GRAIN, RATE, WIDTHS, texture
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent.parent
LENGTHS = (48, 96)  # frames of a shot, shortest and longest


def pan(rng: np.random.Generator, width: int, height: int, frames: int) -> Iterator[NDArray[np.uint8]]:
    """Luma of a camera that moves over a ground of its own, with grain."""
    ground = texture(width + 2 * frames, height, rng)
    grain = rng.standard_normal((16, height, width), dtype=np.float32) * GRAIN / 2
    for number in range(frames):
        picture = ground[:, 2 * number : 2 * number + width] + grain[number % 16]
        yield np.clip(picture, 16, 235).astype(np.uint8)


def make_film(path: Path, shots: int, height: int) -> int:
    """A grey film of scenes; returns how many frames it has."""
    rng, count, width = np.random.default_rng(0), 0, WIDTHS[height]
    neutral = np.full((height // 2, width), 128, np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=48000, layout="mono")
        for _ in range(shots):
            for luma in pan(rng, width, height, int(rng.integers(*LENGTHS, endpoint=True))):
                frame = av.VideoFrame.from_ndarray(np.concatenate([luma, neutral]), format="yuv420p")
                frame.pts, frame.time_base = count, Fraction(1, RATE)
                container.mux(stream.encode(frame))
                tone = np.sin(np.arange(2000) / 20, dtype=np.float32)[None] * np.float32(0.1)
                block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = 48000, 2000 * count, Fraction(1, 48000)
                container.mux(sound.encode(block))
                count += 1
        container.mux(stream.encode(None))
        container.mux(sound.encode(None))
    return count


def command(*words: str | Path) -> float:
    """Seconds that a command of vidcolor takes, from its start to its end."""
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "vidcolor", *map(str, words)], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - began


def edit(shots: Path) -> int:
    """Give the shot in the middle of a list more color; returns its number."""
    with open(shots, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    middle = rows[len(rows) // 2]
    middle["saturation"] = "1.5"
    with open(shots, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    return int(middle["shot"])


def packets(path: Path) -> list[bytes]:
    """The packets of a film's picture."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def main() -> None:
    """Make the film, run the commands, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shots", type=int, default=60)
    parser.add_argument("--height", type=int, default=480, choices=WIDTHS)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        film, shots, output = (Path(name) / file for file in ("film.mp4", "film.shots.csv", "film.color.mp4"))
        frames = make_film(film, options.shots, options.height)
        listing = command("shots", film)
        first = command("colorize", film, "--shots", shots)
        before = packets(output)
        number = edit(shots)
        second = command("colorize", film, "--shots", shots)
        after = packets(output)
    changed = [place for place, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    print(f"{options.shots} shots, {frames} frames of {WIDTHS[options.height]}x{options.height}")
    print(f"shots               {listing:7.1f} s   {first / listing:.1f} times as fast as colorize")
    print(f"colorize            {first:7.1f} s   {frames / first:.1f} fps")
    print(f"shot {number} edited: again {second:6.1f} s   {second / first:.3f} of the first run")
    print(f"packets that differ {len(changed):7}     from {min(changed)} to {max(changed)} of {len(after)}")


if __name__ == "__main__":
    main()
