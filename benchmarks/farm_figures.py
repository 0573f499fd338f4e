"""What segments, plans and joins cost: the figures that farm.py draws from.

    python benchmarks/farm_figures.py FOOTAGE -o figures.json [--shots 60] [--height 1080]

FOOTAGE is a folder of clips, from which a grey film of the shape of 4:3 is joined. It is planned, all its segments are
made, and they are joined, as on a farm. Times are seconds of one core: of the process, and not of the clock, so that
other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import page
import torch

from vidcolor.film.encoding.encode import choose_encoding
from vidcolor.film.reader import open_film
from vidcolor.film.writer import FilmWriter
from vidcolor.pipeline.distributed.joiner import join
from vidcolor.pipeline.distributed.parts import Parts
from vidcolor.pipeline.distributed.planner import make_plan
from vidcolor.pipeline.distributed.ranges import Range, read_range
from vidcolor.pipeline.distributed.worker import Worker
from vidcolor.pipeline.work import encode_settings
from vidcolor.settings import RunSettings

START = "import torch; from vidcolor.network.predictor import Predictor; from vidcolor.settings import RunSettings"


def start_of_a_worker() -> float:
    """Return the core seconds of a process that loads its network."""
    before = getrusage(RUSAGE_CHILDREN)
    load = f"{START}; torch.set_num_threads(1); Predictor.load(RunSettings(device='cpu', threads=1))"
    subprocess.run([sys.executable, "-c", load], check=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(film: Path, folder: Path) -> dict[str, Any]:
    """Return what each step of a film's way costs."""
    settings = RunSettings(device="cpu", threads=1)
    began = time.process_time()
    reading = read_range(film, settings, Range(None, None, None))
    read = (time.process_time() - began) / reading.count
    plan = make_plan(film, settings=settings)
    parts = Parts(folder / "parts", plan)
    parts.claim()
    first = Worker(plan)
    began = time.process_time()
    worker = Worker(plan, first.predictor)
    turn = time.process_time() - began
    segments = []
    for segment in plan.segments:
        began = time.process_time()
        receipt = worker.make(segment, parts)
        segments.append((receipt.frames, round(time.process_time() - began, 3), receipt.bytes))
        print(f"segment {segment.number}: {receipt.frames} frames, {segments[-1][1]} s", file=sys.stderr, flush=True)
    for _ in range(2):  # the first time, libraries are loaded too
        began = time.process_time()
        with open_film(film, settings) as video:
            encoding = choose_encoding(folder / "joined.mp4", video.info, plan.bits, encode_settings(plan.run))
            FilmWriter(folder / "joined.mp4", video.info, encoding).rehearse()
        opened = time.process_time() - began
        began = time.process_time()
        join(replace(plan, path=parts.folder / "plan.json"), parts.folder, folder / "joined.mp4", overwrite=True)
        joined = (time.process_time() - began - opened) / plan.frames
    return {
        "film": f"{page.WIDTH}x{page.HEIGHT}", "frames": plan.frames, "processor": plan.processor,
        "torch": torch.__version__,
        "segments": segments, "read": round(read, 6), "join": round(joined, 6), "turn": round(turn, 3),
        "start": round(start_of_a_worker(), 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--shots", type=int, default=60, help="of the film")
    parser.add_argument("--height", type=int, default=page.HEIGHT, help="of its pictures")
    options = parser.parse_args()
    page.WIDTH, page.HEIGHT = options.height * 4 // 3, options.height
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        film = Path(temporary) / "film.mp4"
        page.join(options.footage, film, options.shots)
        figures = measured(film, Path(temporary))
    options.output.write_text(json.dumps(figures) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
