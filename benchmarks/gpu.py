"""All that can be measured with one GPU, one part after the other, as Markdown: the network, whole runs, training.

    bash benchmarks/gpu.sh [FOLDER]                              # this module, from anywhere
    python benchmarks/gpu.py FOLDER --device cpu --small         # tries it out without a GPU; its figures mean nothing

Each part is a command of its own, which stands above its table and can be run by itself. A part that this machine
cannot do is named with the reason, and so is one that failed, or for which the time was over (--minutes). The exit code
is 1 where a part failed, or nothing at all was measured.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import torch
from av.codec.hwaccel import hwdevices_available
from clips import make_clip
from speed import machine

from vidcolor.errors import VidcolorError
from vidcolor.film.containers.container import open_container

HERE = Path(__file__).parent
LARGE = 40 << 30  # bytes of a GPU that takes large batches in training
TRIED = (256, 144)  # width and height of the pictures that an encoder is tried with; smaller ones it may refuse


@dataclass(frozen=True)
class Part:
    """One table.

    Attributes:
        title: What it shows.
        words: The command, without the interpreter.
        needs: What the machine must have: keys of LACKS.
    """

    title: str
    words: tuple[str, ...]
    needs: tuple[str, ...] = ()


def no_cuda() -> str:
    """Return why there is no CUDA device, "" where there is one."""
    if torch.cuda.is_available():
        return ""
    return "no CUDA device: " + ("torch finds none" if torch.version.cuda else "this torch was built without CUDA")


def no_nvenc() -> str:
    """Return why films cannot be encoded with h264_nvenc, "" where they can."""
    if "h264_nvenc" not in av.codecs_available:
        return f"no NVENC: PyAV {av.__version__} was built without h264_nvenc"
    try:
        with tempfile.TemporaryDirectory() as folder, av.open(str(Path(folder) / "tried.mp4"), "w") as container:
            stream = container.add_stream("h264_nvenc", rate=24)
            stream.width, stream.height = TRIED
            stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame(*TRIED, "yuv420p")))
            container.mux(stream.encode(None))
    except Exception as error:  # whatever a driver says
        return f"no NVENC: h264_nvenc does not open ({error})"
    return ""


def no_nvdec() -> str:
    """Return why films cannot be decoded on the GPU, "" where they can."""
    if "cuda" not in hwdevices_available():
        return f"no NVDEC: PyAV {av.__version__} was built without CUDA"
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "tried.mp4"
        make_clip(clip, 240, grain=0, seconds=0.1)
        try:
            with open_container(clip, "cuda") as container:
                next(container.decode(video=0))
        except Exception as error:  # whatever a driver says
            return f"no NVDEC: {error.why if isinstance(error, VidcolorError) else error}"
    return ""


LACKS = {"cuda": no_cuda, "nvenc": no_nvenc, "nvdec": no_nvdec}


@cache
def lack(what: str) -> str:
    """Return why the machine does not have something, "" where it does."""
    return LACKS[what]()


def parts(folder: Path, device: str, is_small: bool) -> list[Part]:
    """Return what is to be measured, what matters most first."""
    card = ("cuda",) if device.startswith("cuda") else ()
    name = device if ":" in device or not card else "cuda"
    network: tuple[str, ...] = ("benchmarks/card.py", "network", "--device", name)
    films: tuple[str, ...] = (
        "benchmarks/speed.py", "--clips", str(folder), "--parts", "runs", "--grain", "grainy", "--device", name,
    )  # fmt: skip
    training: tuple[str, ...] = ("benchmarks/training.py", "--preset", "modern", "--device", name)
    if is_small:
        network += (
            "--size",
            "32",
            "--batches",
            "1",
            "2",
            "--precisions",
            "fp32",
            "--seconds",
            "0.1",
            "--compiled",
            "0",
        )
        films += ("--heights", "240", "--seconds", "0.5", "--times", "2", "--repeats", "1")
        training += ("--batch-size", "2", "--sizes", "32", "--steps", "3", "--rounds", "1")
    else:
        films += ("--heights", "1080", "2160", "--times", "5", "--repeats", "2")
        training += ("--sizes", "160", "--batch-size", batch_of_training(device), "--steps", "8", "--rounds", "2")
    nvenc = (*films, "--codec", "h264_nvenc", "--presets", "p4")
    return [
        Part("The network alone", network, card),
        Part("Whole runs, decoded and encoded on the GPU", (*nvenc, "--hwaccel", "cuda"), ("cuda", "nvenc", "nvdec")),
        Part("Whole runs, encoded on the GPU", nvenc, ("cuda", "nvenc")),
        Part("Whole runs, encoded by libx264", (*films, "--codec", "libx264", "--presets", "veryfast"), card),
        Part("A GPU whose memory is full", ("benchmarks/card.py", "filling", "--device", name), ("cuda",)),
        Part("Training", training, card),
    ]


def batch_of_training(device: str) -> str:
    """Return how many photos a step of training takes, by the memory of the device."""
    if not torch.cuda.is_available() or not device.startswith("cuda"):
        return "32"
    return "256" if torch.cuda.get_device_properties(device).total_memory >= LARGE else "64"


def run(words: Sequence[str], seconds: float) -> str:
    """Run a command, whose tables go to the standard output; return why it failed, or ""."""
    with tempfile.TemporaryFile("w+") as messages:
        process = subprocess.Popen([sys.executable, *words], cwd=HERE.parent, stderr=messages, start_new_session=True)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:  # with all that it began
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        messages.seek(0)
        told = messages.read().strip()
    if code == 0:
        return ""
    if code is None:
        return f"stopped after {seconds:.0f} s"
    print(told, file=sys.stderr, flush=True)
    return f"exit code {code}: {told.splitlines()[-1] if told else 'no message; see the table'}"


def measured(wanted: Sequence[Part], minutes: float) -> tuple[int, int]:
    """Run the parts, print each under its title; return how many were measured, and how many failed."""
    done, failed = 0, 0
    end = time.monotonic() + minutes * 60
    for part in wanted:
        print(f"\n## {part.title}\n")
        left = end - time.monotonic()
        reasons = [reason for what in part.needs if (reason := lack(what))]
        if reasons or left <= 0:
            print(f"Skipped: {'; '.join(reasons) or f'the {minutes:g} minutes were over'}.", flush=True)
            continue
        print(f"```console\n$ python {shlex.join(part.words)}\n```\n", flush=True)
        began = time.monotonic()
        if reason := run(part.words, left):
            print(f"\nFailed: {reason}.", flush=True)
            failed += 1
        else:
            print(f"\n{time.monotonic() - began:.0f} s", flush=True)
            done += 1
    return done, failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="keeps the clips that are made")
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--minutes", type=float, default=9.5, help="after which nothing more is begun, and all is stopped"
    )
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that everything runs")
    options = parser.parse_args()
    wanted = parts(options.folder.absolute(), options.device, options.small)
    print("# On a GPU\n\n" + ", ".join(f"{key}: {value}" for key, value in machine().items()), flush=True)
    done, failed = measured(wanted, options.minutes)
    print(f"\n{done} of {len(wanted)} parts measured, {failed} failed, {len(wanted) - done - failed} skipped.")
    sys.exit(1 if failed or not done else 0)


if __name__ == "__main__":
    main()
