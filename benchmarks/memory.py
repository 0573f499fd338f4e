"""Does memory grow with a film's length? Peak resident memory of a long run's halves; they may differ by 5 %.

python benchmarks/memory.py --minutes 30
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings

RATE = 25
SHOT = 150  # frames
MOST = 1.05  # second half's peak over the first's


def write_film(path: Path, frames: int, width: int = 160, height: int = 120) -> None:
    """Textures that pan, another in every shot."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            if number % SHOT == 0:
                texture = cv2.GaussianBlur(rng.normal(size=(height, width + SHOT)), (0, 0), 4)
                texture = np.clip(128 + 70 * texture / texture.std(), 16, 235).astype(np.uint8)
            view = texture[:, number % SHOT :][:, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def resident() -> int:
    """Resident memory of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    raise OSError("needs /proc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--no-resume", action="store_true")
    options = parser.parse_args()
    count = round(options.minutes * 60 * RATE)
    peaks = [0, 0]

    def progress(done: int, total: int) -> None:
        if done % RATE == 0 and done > count // 20:  # the first frames fill queues and caches
            half = min(1, 2 * done // count)
            peaks[half] = max(peaks[half], resident())

    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mkv"
        write_film(film, count)
        how = RunSettings(size=32, preset="ultrafast", resume=not options.no_resume)
        result = colorize_film(film, Path(folder) / "out.mkv", settings=how, progress=progress)
        peaks[1] = max(peaks[1], resident())
    growth = peaks[1] / peaks[0]
    print(f"{result.frames} frames, {result.fps} fps: peak {peaks[0]} MiB in the first half, {peaks[1]} in the second,")
    print(f"{growth:.3f} times as much")
    raise SystemExit(growth > MOST)


if __name__ == "__main__":
    main()
