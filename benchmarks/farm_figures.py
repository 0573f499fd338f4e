"""What segments, plans and joins cost: the figures that farm.py draws from.

    python benchmarks/farm_figures.py FOOTAGE -o figures.json [--shots 60] [--height 1080] [--joined 10]

FOOTAGE is a folder of clips, from which a grey film of the shape of 4:3 is joined. It is planned, all its segments are
made, and they are joined, as on a farm. For joining, film and parts are repeated until they are --joined minutes long.
Times are seconds of one core: of the process, and not of the clock, so that other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import av
import page
import torch

from vidcolor.film.encoding.packets import PacketFile, joined, stored_header
from vidcolor.pipeline.distributed.joiner import Arrivals, join
from vidcolor.pipeline.distributed.parts import Parts
from vidcolor.pipeline.distributed.plan import Plan, source_identity
from vidcolor.pipeline.distributed.planner import make_plan
from vidcolor.pipeline.distributed.ranges import Range, read_range
from vidcolor.pipeline.distributed.worker import Worker
from vidcolor.settings import RunSettings

START = "import torch; from vidcolor.network.predictor import Predictor; from vidcolor.settings import RunSettings"


def start_of_a_worker() -> float:
    """Return the core seconds of a process that loads its network."""
    before = getrusage(RUSAGE_CHILDREN)
    load = f"{START}; torch.set_num_threads(1); Predictor.load(RunSettings(device='cpu', threads=1))"
    subprocess.run([sys.executable, "-c", load], check=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def joining(plan: Plan, parts: Parts, folder: Path, frames: int) -> tuple[float, float]:
    """Return the core seconds of joining a frame, and what of it comes after the film's last segment."""
    plan, parts = repeated(plan, parts, folder, max(1, frames // plan.frames))
    times: list[float] = []
    for _ in range(2):  # the first time, libraries are loaded too
        began = time.process_time()
        times.clear()

        def note(done: int, total: int) -> None:
            times.append(time.process_time())

        join(plan, parts.folder, folder / "joined.mp4", overwrite=True, progress=note, arrivals=Arrivals())
        ended = time.process_time()
    return (ended - began) / plan.frames, (ended - times[-1]) / plan.frames


def repeated(plan: Plan, parts: Parts, folder: Path, times: int) -> tuple[Plan, Parts]:
    """Return the plan and the parts of a film that is shown so many times."""
    film = folder / f"repeated{plan.film.suffix}"
    with av.open(str(plan.film)) as source, av.open(str(film), "w") as container:
        packets = [packet for packet in source.demux(video=0) if packet.size]
        stream = container.add_stream_from_template(source.streams.video[0])
        shown = sorted(packet.pts or 0 for packet in packets)
        length = shown[-1] - shown[0] + shown[1] - shown[0]
        container.start_encoding()
        tick = source.streams.video[0].time_base
        assert tick is not None
        data = [(bytes(p), p.pts or 0, p.dts or 0, p.is_keyframe) for p in packets]
        for turn in range(times):
            for content, pts, dts, is_keyframe in data:
                packet = av.Packet(content)
                packet.pts, packet.dts, packet.time_base = pts + turn * length, dts + turn * length, tick
                packet.is_keyframe, packet.stream = is_keyframe, stream
                container.mux(packet)
    count = len(plan.segments)
    segments = [
        replace(
            each, start=replace(each.start, number=n * count + each.number, frame=n * plan.frames + each.start.frame)
        )
        for n in range(times)
        for each in plan.segments
    ]
    identity = {**plan.identity, "input": source_identity(film)}
    whole = replace(plan, film=film, segments=tuple(segments), identity=identity, path=folder / "repeated.json")
    found = Parts(folder / "repeated", whole)
    found.claim()
    unit = Fraction(plan.identity["encoding"]["time_base"])
    for each in segments:
        turn, number = divmod(each.number, count)
        path = parts.packets(number)
        file = PacketFile(found.packets(each.number), stored_header(path))
        for packet in joined([path], unit):
            packet.pts = (packet.pts or 0) + round(turn * length * tick / unit)
            file.push([packet])
        file.close()
        receipt = parts.receipt(number)
        assert receipt is not None
        own = {"plan": whole.digest, "segment": each.number, "bytes": file.bytes, "sha256": file.digest.hexdigest()}
        found.record(replace(receipt, **own))
    return whole, found


def measured(film: Path, folder: Path, joined_frames: int) -> dict[str, Any]:
    """Return what each step of a film's way costs."""
    settings = RunSettings(device="cpu", threads=1)
    began = time.process_time()
    reading = read_range(film, settings, Range(None, None))
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
    joined, closed = joining(plan, parts, folder, joined_frames)
    return {
        "film": f"{page.WIDTH}x{page.HEIGHT}", "frames": plan.frames, "processor": plan.processor,
        "torch": torch.__version__,
        "segments": segments, "read": round(read, 6), "join": round(joined, 6), "close": round(closed, 7),
        "turn": round(turn, 3),
        "start": round(start_of_a_worker(), 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--shots", type=int, default=60, help="of the film")
    parser.add_argument("--height", type=int, default=page.HEIGHT, help="of its pictures")
    parser.add_argument("--joined", type=float, default=10, help="minutes of the film that is joined")
    options = parser.parse_args()
    page.WIDTH, page.HEIGHT = options.height * 4 // 3, options.height
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        film = Path(temporary) / "film.mp4"
        page.join(options.footage, film, options.shots)
        figures = measured(film, Path(temporary), round(60 * page.RATE * options.joined))
    options.output.write_text(json.dumps(figures) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
