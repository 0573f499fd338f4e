"""How much a film's color costs: vidcolor beside a plain transcode of the same clip with the same settings.

    python benchmarks/speed.py                       # everything, about ten minutes on two cores
    python benchmarks/speed.py --heights 480 --presets veryfast --repeats 1
    python benchmarks/speed.py --parts runs --codec h264_nvenc --presets p4 --device cuda --hwaccel cuda

Every measurement is a process of its own. A run of vidcolor and a plain transcode (PyAV decodes, the same
encoder with the same options and threads encodes, nothing between them; a device that decodes does so for both)
follow each other immediately and are divided, so that other work on the machine weighs on both; the medians of
these ratios are reported. The clips are made here, into a folder that is kept (--clips).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from clips import GRAIN, RATE, WIDTHS, make_clip, repeat_clip
from numpy.typing import NDArray

from vidcolor.film.frame import Frame
from vidcolor.settings import DEFAULT_MODEL, RunSettings, ShotSettings

PARTS = ("runs", "verbs", "stages", "network", "start")
# Of the clips, by height: films last minutes, so a clip is as long as patience allows. Beginning and ending a run takes
# about a second (the model, its first batch, smoothing's look-ahead, the last frames), whatever its length.
SECONDS = {480: 20.0, 1080: 6.0, 2160: 2.0, 4320: 1.0}


def transcode(source: Path, target: Path, how: RunSettings) -> None:
    """The ruler: decode and encode, nothing else."""
    from vidcolor.film.containers.container import open_container
    from vidcolor.film.encoding.encode import choose_encoding
    from vidcolor.film.reader import probe
    from vidcolor.pipeline.work import encode_settings

    encoding = choose_encoding(target, probe(source), 8, encode_settings(how))
    with open_container(source, how.hwaccel) as film, av.open(str(target), "w") as container:
        film.streams.video[0].thread_type = "AUTO"
        stream = container.add_stream(encoding.codec, rate=encoding.rate)
        encoding.configure(stream.codec_context)
        for frame in film.decode(video=0):
            frame.pict_type = av.video.frame.PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def colorize(source: Path, target: Path, how: RunSettings) -> None:
    from vidcolor.pipeline import film as pipeline

    pipeline.colorize_film(source, target, overwrite=True, settings=how)


def colorize_unsmoothed(source: Path, target: Path, how: RunSettings) -> None:
    from vidcolor.pipeline import film as pipeline

    pipeline.colorize_film(source, target, overwrite=True, settings=how, shot=ShotSettings(smooth=0.0))


def shots(source: Path, target: Path, how: RunSettings) -> None:
    from vidcolor.pipeline.shotlist.survey import survey

    survey(source)


def extract(source: Path, target: Path, how: RunSettings) -> None:
    import vidcolor

    vidcolor.extract([source], target.with_suffix(""))


KINDS = {f.__name__: f for f in (transcode, colorize, colorize_unsmoothed, shots, extract)}


def work(kind: str, source: Path, how: RunSettings) -> dict[str, float]:
    """One measurement, in this process: seconds without imports, and the peak of its memory."""
    import vidcolor.pipeline.film  # noqa: F401  (imports are the start-up time, measured apart)

    run = KINDS[kind]
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        began = time.perf_counter()
        run(source, Path(folder) / f"out{source.suffix}", how)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mib": peak}


def measure(kind: str, source: Path, how: dict[str, str]) -> dict[str, float]:
    """One measurement, in a process of its own."""
    command = [sys.executable, __file__, "--work", kind, str(source), json.dumps(how)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def stages(source: Path, frames: int) -> dict[str, float]:
    """Milliseconds a frame of each stage by itself, one after the other."""
    import torch

    from vidcolor.evaluation.filters import Place, Smoothed
    from vidcolor.film.reader import frames as decoded
    from vidcolor.film.reader import open_video
    from vidcolor.network.predictor import Predictor
    from vidcolor.pipeline.chroma import chroma_planes
    from vidcolor.pipeline.view import View

    times: dict[str, float] = {}

    def timed(name: str, items: list[Any], step: Callable[[Any], Any]) -> list[Any]:
        began = time.perf_counter()
        results = [step(item) for item in items]
        times[name] = (time.perf_counter() - began) / frames * 1000
        return results

    predictor = Predictor.load(RunSettings())
    with open_video(source) as video:
        view = View(video.info, predictor.model.config.size, predictor.stride)
        stream = islice(decoded(video), frames)
        began = time.perf_counter()
        pictures = list(stream)
        times["decode"] = (time.perf_counter() - began) / frames * 1000
        small = timed("shrink", pictures, view.small)
        batches = [small[i : i + 8] for i in range(0, frames, 8)]
        predictor.predict(batches[0])  # the first call compiles kernels
        ab = [plane for batch in timed("network", batches, predictor.predict) for plane in batch]
        smoothed = Smoothed(ShotSettings.smooth, None)
        timed("smoothing", list(zip(small, ab, strict=True)), lambda pair: smoothed.push(pair[0], pair[1], Place()))
        height, width = pictures[0].luma.shape
        chroma_planes(pictures[0], small[0], ab[0], width // 2, height // 2)  # the first call makes its table
        timed(
            "chroma",
            list(zip(pictures, small, ab, strict=True)),
            lambda each: chroma_planes(each[0], each[1], each[2], width // 2, height // 2),
        )
        timed("Lab round trip of peers", list(zip(pictures, ab, strict=True)), lambda each: lab_round_trip(*each))
    times["network threads"] = torch.get_num_threads()
    return times


def lab_round_trip(frame: Frame, ab: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What public colorizers do with each frame in place of the chroma step: grey to Lab and back at full size."""
    height, width = frame.luma.shape
    grey = cv2.cvtColor(frame.luma, cv2.COLOR_GRAY2BGR).astype(np.float32) / 255
    lightness = cv2.cvtColor(grey, cv2.COLOR_BGR2LAB)[..., :1]
    lab = np.concatenate([lightness, cv2.resize(ab.transpose(1, 2, 0), (width, height))], axis=2)
    colored = (cv2.cvtColor(lab, cv2.COLOR_LAB2BGR).clip(0, 1) * 255).astype(np.uint8)
    return cv2.cvtColor(colored, cv2.COLOR_BGR2YUV_I420)


def start_up() -> dict[str, float]:
    """Seconds until the help is printed, and until one frame is colored, from a fresh process."""

    def run(*arguments: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "vidcolor", *arguments], check=True, capture_output=True)
        return time.perf_counter() - began

    sample = Path(__file__).parent.parent / "samples" / "reel.mp4"
    with tempfile.TemporaryDirectory() as folder:
        picture = str(Path(folder) / "frame.png")
        return {
            "help": min(run("--help") for _ in range(5)),
            "first frame": min(run("preview", str(sample), "--at", "1", "-y", "-o", picture) for _ in range(3)),
        }


def machine() -> dict[str, Any]:
    import torch

    processor = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), processor)
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "av": av.__version__,
    }


def called(how: dict[str, str]) -> str:
    """The preset of a way, and its model where it is not the default."""
    return (how["preset"] or "default") + ("" if how["model"] == DEFAULT_MODEL else f", {how['model']}")


def compare(clip: str, path: Path, how: dict[str, str], repeats: int, frames: int) -> dict[str, Any]:
    """A run of vidcolor beside a plain transcode."""
    pairs = [[measure(kind, path, how) for kind in ("transcode", "colorize")] for _ in range(repeats)]
    plain, colored = (statistics.median(pair[i]["seconds"] for pair in pairs) for i in (0, 1))
    ratio = statistics.median(pair[1]["seconds"] / pair[0]["seconds"] for pair in pairs)
    peak = max(pair[1]["peak_mib"] for pair in pairs)
    speeds = f"{frames / plain:.1f} | {frames / colored:.1f} | {ratio:.2f}"
    print(f"| {clip} | {called(how)} | {speeds} | {peak:.0f} |", flush=True)
    return {
        "clip": clip, **how, "frames": frames, "transcode_seconds": plain, "vidcolor_seconds": colored,
        "ratio": ratio, "peak_mib": peak,
    }  # fmt: skip


def compare_verbs(clip: str, path: Path, how: dict[str, str], repeats: int) -> dict[str, Any]:
    """A whole run of vidcolor beside one without smoothing, which sees every frame, and what only looks at the film."""
    kinds = ("colorize", "colorize_unsmoothed", "shots", "extract")
    rounds = [{kind: measure(kind, path, how)["seconds"] for kind in kinds} for _ in range(repeats)]
    seconds = statistics.median(found["colorize"] for found in rounds)
    unsmoothed = statistics.median(found["colorize_unsmoothed"] / found["colorize"] for found in rounds)
    faster = {kind: statistics.median(found["colorize"] / found[kind] for found in rounds) for kind in kinds[2:]}
    verbs = f"{seconds:.2f} | {unsmoothed:.2f} | {faster['shots']:.1f} | {faster['extract']:.1f}"
    print(f"| {clip} | {called(how)} | {verbs} |", flush=True)
    return {"clip": clip, **how, "seconds": seconds, "unsmoothed": unsmoothed, **faster}


def network_speed(name: str) -> dict[str, float]:
    """Frames a second of the network alone, 288x160, in batches of eight, on all cores."""
    import torch

    from vidcolor.network.checkpoint import load_model
    from vidcolor.network.device import choose_device, choose_precision
    from vidcolor.network.predictor import Predictor

    device = choose_device(name)
    lumas = list(np.random.default_rng(0).random((8, 160, 288), np.float32))
    speeds = {}
    for precision in {torch.float32, choose_precision("auto", device)}:
        predictor = Predictor(load_model(), device, precision)
        times = []
        for _ in range(24):
            began = time.perf_counter()
            predictor.predict(lumas, batch=len(lumas))
            times.append(time.perf_counter() - began)
        speeds[str(precision).removeprefix("torch.")] = len(lumas) / statistics.median(times[4:])
    return speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir()) / "vidcolor-clips")
    parser.add_argument("--heights", type=int, nargs="+", default=[480, 1080], choices=sorted(WIDTHS))
    parser.add_argument("--presets", nargs="+", default=["ultrafast", "veryfast", "medium"])
    parser.add_argument("--grain", nargs="+", default=["clean", "grainy"], choices=["clean", "grainy"])
    parser.add_argument("--seconds", type=float, help="length of the clips; default: 20 at 480p, 6 at 1080p, 2 at 4K")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--times", type=int, default=1, help="how often each clip is repeated")
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--codec", default="", help="as for vidcolor colorize, as are --device and --hwaccel")
    parser.add_argument("--models", nargs="+", default=[DEFAULT_MODEL], help="that each clip is colorized with")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--hwaccel", default="")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--work", nargs=3, metavar=("KIND", "CLIP", "SETTINGS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        kind, clip, how = options.work
        print(json.dumps(work(kind, Path(clip), RunSettings(**json.loads(how)))))
        return

    options.clips.mkdir(parents=True, exist_ok=True)

    def clip(height: int, name: str, **keywords: Any) -> tuple[str, Path, int]:
        """What it is called, where it is, and how many frames it has."""
        seconds = options.seconds or SECONDS[height]
        path: Path = options.clips / f"{height}p-{name}-{seconds:g}s.mp4"
        if not path.exists():
            make_clip(path, height, seconds=seconds, **keywords)
        frames = round(seconds * RATE) * options.times
        if options.times > 1:
            once, path = path, path.with_stem(f"{path.stem}-{options.times}")
            if not path.exists():
                repeat_clip(once, path, options.times)
        return f"{height}p {name}, {seconds * options.times:g} s", path, frames

    clips = [
        clip(height, kind, grain=GRAIN if kind == "grainy" else 0)
        for height, kind in product(options.heights, options.grain)
    ]
    ways = [
        {
            "preset": preset, "model": model, "codec": options.codec, "device": options.device,
            "hwaccel": options.hwaccel,
        }
        for preset, model in product(options.presets, options.models)
    ]  # fmt: skip
    found: dict[str, Any] = {"machine": machine()}
    if "runs" in options.parts:
        print("| clip | preset | transcode, fps | vidcolor, fps | time ratio | peak memory, MiB |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        found["runs"] = [
            compare(name, path, how, options.repeats, frames) for (name, path, frames), how in product(clips, ways)
        ]
    if "verbs" in options.parts:
        columns = ("clip", "preset", "colorize, s", "without smoothing, times as long")
        print(f"\n| {' | '.join(columns)} | info --shots, times faster | extract, times faster |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        colored = [clip(height, "color", grain=0, color=True) for height in options.heights]
        verbs = ways[0] | {"preset": "" if options.codec else "medium"}
        found["verbs"] = [compare_verbs(name, path, verbs, options.repeats) for name, path, _ in colored]
    if "stages" in options.parts:
        found["stages"] = {name: stages(path, min(frames, 48)) for name, path, frames in clips}
        names = list(next(iter(found["stages"].values())))
        print("\n| ms a frame, each stage alone | " + " | ".join(names) + " |")
        print("| --- |" + " ---: |" * len(names))
        for name, times in found["stages"].items():
            print(f"| {name} | " + " | ".join(f"{times[stage]:.1f}" for stage in names) + " |")
    print("\n" + ", ".join(f"{key}: {value}" for key, value in found["machine"].items()))
    if "network" in options.parts:
        found["network"] = network_speed(options.device)
        print("network alone: " + ", ".join(f"{speed:.0f} fps in {name}" for name, speed in found["network"].items()))
    if "start" in options.parts:
        found["start_up"] = start_up()
        print(", ".join(f"{key} after {value:.2f} s" for key, value in found["start_up"].items()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
