"""How much a film's color costs: vidcolor beside a plain transcode of the same clip with the same settings.

    python benchmarks/speed.py                       # everything, about ten minutes on two cores
    python benchmarks/speed.py --heights 480 --presets veryfast --repeats 1

Every measurement is a process of its own. A run of vidcolor and a plain transcode (PyAV decodes, the same
encoder with the same options and threads encodes, nothing between them) follow each other immediately and
are divided, so that other work on the machine weighs on both; the medians of these ratios are reported. The
clips are made here, into a folder that is kept (--clips).
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
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice, product
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.frames import Frame

RATE = 24
WIDTHS = {480: 640, 1080: 1920, 2160: 3840}
GRAIN = 6.0  # standard deviation in code values, about a scan of 35 mm stock


def texture(width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise at every scale with amplitudes that fall as pictures' do, in code values around grey."""
    total = np.zeros((height, width), np.float32)
    size = 4
    while size <= width:
        octave = rng.standard_normal((max(2, size * height // width), size), dtype=np.float32)
        total += cv2.resize(octave, (width, height), interpolation=cv2.INTER_CUBIC) / size**0.9
        size *= 2
    return 126 + 45 * total / total.std()


def scene(width: int, height: int, frames: int, grain: float) -> Iterator[NDArray[np.uint8]]:
    """Luma of a camera pan over a textured ground, discs moving before it, and film grain."""
    rng = np.random.default_rng(0)
    ground = texture(width * 2, height * 2, rng)
    cloth = texture(width, height, rng)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for number in range(frames):
        shift = number * width / 1920 * 4
        move = np.array([[1, 0, shift], [0, 1, shift / 3]], np.float32)
        picture = cv2.warpAffine(ground, move, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        for disc in range(3):
            angle = number / RATE * (0.7 + 0.3 * disc) + 2 * disc
            center = width * (0.5 + 0.35 * np.cos(angle)), height * (0.5 + 0.3 * np.sin(angle * 1.3))
            inside = (x - center[0]) ** 2 + (y - center[1]) ** 2 < (height / 8) ** 2
            picture[inside] = cloth[inside] * 0.5 + 40 * disc + 40
        if grain:
            noise = rng.standard_normal(picture.shape, dtype=np.float32)
            picture += grain * cv2.GaussianBlur(noise, (0, 0), 0.7) * 2
        yield np.clip(picture, 16, 235).astype(np.uint8)


def make_clip(path: Path, height: int, grain: float, seconds: float) -> None:
    """A grey film as people have them: H.264 4:2:0."""
    width = WIDTHS[height]
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, luma in enumerate(scene(width, height, round(seconds * RATE), grain)):
            planes = np.full((height * 3 // 2, width), 128, np.uint8)
            planes[:height] = luma
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.rename(path)


def transcode(source: Path, target: Path, preset: str) -> None:
    """The ruler: decode and encode, nothing else."""
    from vidcolor.decode import probe
    from vidcolor.encode import EncodeSettings, choose_encoding

    encoding = choose_encoding(target, probe(source), 8, EncodeSettings(preset=preset))
    with av.open(str(source)) as film, av.open(str(target), "w") as container:
        film.streams.video[0].thread_type = "AUTO"
        stream = container.add_stream(encoding.codec, rate=encoding.rate)
        encoding.configure(stream.codec_context)
        for frame in film.decode(video=0):
            frame.pict_type = av.video.frame.PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def colorize(source: Path, target: Path, preset: str) -> None:
    from vidcolor import pipeline

    pipeline.colorize(source, target, overwrite=True, options=pipeline.Options(preset=preset))


def work(kind: str, source: Path, preset: str) -> dict[str, float]:
    """One measurement, in this process: seconds without imports, and the peak of its memory."""
    import vidcolor.pipeline  # noqa: F401  (imports are the start-up time, measured apart)

    run = {"transcode": transcode, "colorize": colorize}[kind]
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        began = time.perf_counter()
        run(source, Path(folder) / f"out{source.suffix}", preset)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mib": peak}


def measure(kind: str, source: Path, preset: str) -> dict[str, float]:
    """One measurement, in a process of its own."""
    command = [sys.executable, __file__, "--work", kind, str(source), preset]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def stages(source: Path, frames: int) -> dict[str, float]:
    """Milliseconds a frame of each stage by itself, one after the other."""
    import torch

    from vidcolor.checkpoint import load_model
    from vidcolor.chroma import chroma_planes
    from vidcolor.colorizer import Colorizer, choose_device, choose_precision
    from vidcolor.decode import frames as decoded
    from vidcolor.decode import open_video
    from vidcolor.temporal import Smoother

    times: dict[str, float] = {}

    def timed(name: str, items: list[Any], step: Callable[[Any], Any]) -> list[Any]:
        began = time.perf_counter()
        results = [step(item) for item in items]
        times[name] = (time.perf_counter() - began) / frames * 1000
        return results

    device = choose_device()
    with open_video(source) as video:
        colorizer = Colorizer(load_model(), video.info, device=device, precision=choose_precision("auto", device))
        stream = islice(decoded(video), frames)
        began = time.perf_counter()
        pictures = list(stream)
        times["decode"] = (time.perf_counter() - began) / frames * 1000
        small = timed("shrink", pictures, colorizer.small)
        batches = [small[i : i + 8] for i in range(0, frames, 8)]
        colorizer.ab(batches[0])  # the first call compiles kernels
        ab = [plane for batch in timed("network", batches, colorizer.ab) for plane in batch]
        smoother = Smoother()
        timed("smoothing", list(zip(small, ab, strict=True)), lambda pair: smoother.push(pair[0], pair[1], False))
        height, width = pictures[0].luma.shape
        timed(
            "chroma",
            list(zip(pictures, small, ab, strict=True)),
            lambda each: chroma_planes(*each, width // 2, height // 2),
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir()) / "vidcolor-clips")
    parser.add_argument("--heights", type=int, nargs="+", default=[480, 1080], choices=sorted(WIDTHS))
    parser.add_argument("--presets", nargs="+", default=["ultrafast", "veryfast", "medium"])
    parser.add_argument("--grain", nargs="+", default=["clean", "grainy"], choices=["clean", "grainy"])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the clips")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--work", nargs=3, metavar=("KIND", "CLIP", "PRESET"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        kind, clip, preset = options.work
        print(json.dumps(work(kind, Path(clip), preset)))
        return

    options.clips.mkdir(parents=True, exist_ok=True)
    clips = {}
    for height, kind in product(options.heights, options.grain):
        path = options.clips / f"{height}p-{kind}-{options.seconds:g}s.mp4"
        if not path.exists():
            make_clip(path, height, GRAIN if kind == "grainy" else 0, options.seconds)
        clips[height, kind] = path

    frames = round(options.seconds * RATE)
    rows = []
    print("| clip | preset | transcode, fps | vidcolor, fps | time ratio | peak memory, MiB |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for ((height, kind), path), preset in product(clips.items(), options.presets):
        kinds = ("transcode", "colorize")
        pairs = [[measure(each, path, preset) for each in kinds] for _ in range(options.repeats)]
        plain, colored = (statistics.median(pair[i]["seconds"] for pair in pairs) for i in (0, 1))
        ratio = statistics.median(pair[1]["seconds"] / pair[0]["seconds"] for pair in pairs)
        peak = max(pair[1]["peak_mib"] for pair in pairs)
        rows.append(
            {"height": height, "clip": kind, "preset": preset, "frames": frames, "transcode_seconds": plain,
             "vidcolor_seconds": colored, "ratio": ratio, "peak_mib": peak}
        )  # fmt: skip
        print(
            f"| {height}p {kind} | {preset} | {frames / plain:.1f} | {frames / colored:.1f} "
            f"| {ratio:.2f} | {peak:.0f} |",
            flush=True,
        )
    by_stage = {f"{height}p {kind}": stages(path, min(frames, 48)) for (height, kind), path in clips.items()}
    names = list(next(iter(by_stage.values())))
    print("\n| ms a frame, each stage alone | " + " | ".join(names) + " |")
    print("| --- |" + " ---: |" * len(names))
    for clip, times in by_stage.items():
        print(f"| {clip} | " + " | ".join(f"{times[name]:.1f}" for name in names) + " |")
    found = {"machine": machine(), "runs": rows, "stages": by_stage, "start_up": start_up()}
    print("\n" + ", ".join(f"{key}: {value}" for key, value in found["machine"].items()))
    print(", ".join(f"{key} after {value:.2f} s" for key, value in found["start_up"].items()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
