"""The network alone on a device, and what happens when the device's memory is full.

    python benchmarks/card.py network                       # on the GPU
    python benchmarks/card.py network --device cpu --batches 1 2 --size 32 --seconds 0.1 --compiled 0
    python benchmarks/card.py filling

The network is the bundled one as films are colorized with it: 288x160 pixels is a 16:9 picture at 160. Frames a second
are told for each number type and batch:

- copied there and back: what the pipeline asks, planes of the processor in and planes of the processor out;
- plain: the network alone, its input and output stay on the device;
- CUDA graph: the same, recorded once and replayed as a whole;
- torch.compile: the same, compiled; for the largest batch only (--compiled), since each takes a while to compile.

What a machine cannot do is left out and said below the table, with the reason.

Filling takes almost all of the GPU's memory for a tensor, and then asks for more frames at once than the rest can hold:
batches must be halved until they fit, that must be told, and every frame must come out as it does without the tensor.
It fails (exit code 1) where one of these is not so.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from vidcolor.color.arrays import Plane
from vidcolor.errors import DeviceError
from vidcolor.network.checkpoint import load_model
from vidcolor.network.device import choose_device, choose_precision
from vidcolor.network.predictor import Predictor

PRECISIONS = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
WAYS = ("copied there and back", "plain", "CUDA graph", "torch.compile")
ASPECT = 1.8  # 288x160, the multiple of the network's stride that is nearest to 16:9
CLOSE = 1.0  # ab units by which colors may change with the batch in half precision, the mean over all pixels
Run = Callable[[], object]
Found = dict[str, float]


def waited(device: torch.device) -> None:
    """Return when the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def speed(run: Run, frames: int, device: torch.device, seconds: float) -> float:
    """Return frames a second: the median over rounds of a few calls each, for about so many seconds."""
    for _ in range(3):  # kernels are chosen, memory is taken
        run()
    waited(device)
    began = time.perf_counter()
    run()
    waited(device)
    calls = max(1, round(seconds / 8 / max(1e-6, time.perf_counter() - began)))
    rounds: list[float] = []
    while not rounds or (sum(rounds) < seconds and len(rounds) < 50):
        began = time.perf_counter()
        for _ in range(calls):
            run()
        waited(device)
        rounds.append(time.perf_counter() - began)
    return frames * calls / statistics.median(rounds)


def chosen(name: str) -> torch.device:
    """Return a device, which is the one that streams and recordings are of from now on."""
    device = choose_device(name)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    return device


def graphed(network: nn.Module, pictures: Tensor) -> Run:
    """Return a call that replays a recording of the network on these pictures."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):  # as torch asks: warm up beside the stream that is recorded
        for _ in range(3):
            network(pictures)
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network(pictures)
    return graph.replay


def ways(predictor: Predictor, planes: list[Plane], compiled: bool) -> Iterator[tuple[str, Callable[[], Run]]]:
    """Yield each way to run the network on a batch of planes, and how to prepare it."""
    network, device = predictor.network, predictor.device
    lightness = torch.from_numpy(np.stack(planes))[:, None].to(device) * 100
    pictures = lightness.contiguous(memory_format=torch.channels_last)
    yield WAYS[0], lambda: lambda: predictor.predict(planes, batch=len(planes))
    yield WAYS[1], lambda: lambda: network(pictures)
    if device.type == "cuda":
        yield WAYS[2], lambda: graphed(network, pictures)
    if compiled:
        torch.compiler.reset()
        fast = torch.compile(network, dynamic=False)
        yield WAYS[3], lambda: lambda: fast(pictures)


def network_speeds(options: argparse.Namespace) -> int:
    """Print the table of the network alone; return the number of figures in it."""
    device, model = chosen(options.device), load_model()
    name = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device}, {torch.get_num_threads()} threads"
    )
    height, width = options.size, round(options.size * ASPECT / 32) * 32
    print(f"Frames a second of the network alone, {width}x{height}, on {name}, torch {torch.__version__}:\n")
    print("| number type | batch | " + " | ".join(WAYS) + " |")
    print("| --- | ---: |" + " ---: |" * len(WAYS))
    missing: dict[str, str] = {} if device.type == "cuda" else {WAYS[2]: "the device is not a CUDA device"}
    compiled = max(options.batches) if options.compiled is None else options.compiled
    if compiled not in options.batches:
        missing[WAYS[3]] = "not asked for"
    figures = 0
    for precision in options.precisions:
        predictor = Predictor(model, device, PRECISIONS[precision])
        for batch in options.batches:
            planes = list(np.random.default_rng(0).random((batch, height, width), np.float32))
            found: Found = {}
            with torch.inference_mode():
                for way, prepare in ways(predictor, planes, batch == compiled):
                    try:
                        found[way] = speed(prepare(), batch, device, options.seconds)
                    except Exception as error:  # whatever a machine lacks: compilers, memory, kernels
                        what = f"{type(error).__name__}: {(str(error).strip() or 'no more is told').splitlines()[0]}"
                        missing[f"{way}, {precision}, batches of {batch}"] = what
            for told in predictor.warnings(batch, height, width):  # the figure with copies is one of smaller batches
                found.pop(WAYS[0], None)
                missing[f"{WAYS[0]}, {precision}, batches of {batch}"] = told
            figures += len(found)
            row = " | ".join(f"{found[way]:.0f}" if way in found else "-" for way in WAYS)
            print(f"| {precision} | {batch} | {row} |", flush=True)
    print(f"\ntorch.compile: batches of {compiled} only." if compiled in options.batches else "")
    for way, why in missing.items():
        print(f"Not measured: {way} ({why}).")
    return figures


@contextmanager
def filled(device: torch.device, left: int) -> Iterator[int]:
    """Take the memory of a GPU but for so many bytes, while this lasts; yield the bytes that were taken."""
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    taken = max(0, free - left)
    ballast = torch.empty(taken, dtype=torch.uint8, device=device)
    try:
        yield taken
    finally:
        del ballast
        torch.cuda.empty_cache()


def need_of(predictor: Predictor, planes: list[Plane]) -> int:
    """Return the bytes of a GPU that a batch of planes takes at most, beside the network's own."""
    predictor.predict(planes, batch=len(planes))  # kernels are chosen
    torch.cuda.reset_peak_memory_stats(predictor.device)
    before = torch.cuda.memory_allocated(predictor.device)
    predictor.predict(planes, batch=len(planes))
    return torch.cuda.max_memory_allocated(predictor.device) - before


def filling(options: argparse.Namespace) -> bool:
    """Print what a predictor does on a full GPU; return whether it does what it should."""
    device = chosen(options.device)
    if device.type != "cuda":
        raise DeviceError("cannot fill the memory", f"{device} is not a CUDA device", "Try --device cuda")
    predictor = Predictor(load_model(), device, choose_precision("auto", device))
    height, width = options.size, round(options.size * ASPECT / 32) * 32
    planes = list(np.random.default_rng(0).random((options.frames, height, width), np.float32))
    need = need_of(predictor, planes[: options.frames // 8])
    print(f"An eighth of the frames needs {need >> 20} MiB; twice that is left free.\n")
    return tried_full(predictor, planes, filled(device, 2 * need))


def tried_full(predictor: Predictor, planes: list[Plane], full: AbstractContextManager[int]) -> bool:
    """Ask for all planes at once while the memory is full, and print what came of it.

    Args:
        full: Fills the memory, so that an eighth of the planes fits well, and all of them do not.

    Returns:
        Whether that was told, and each plane is as it is in batches that fit.
    """
    count = len(planes)
    wanted = predictor.predict(planes, batch=max(1, count // 16))
    with full as taken:
        found = predictor.predict(planes, batch=count)
        told = predictor.warnings(count, *planes[0].shape)
    off = max(float(np.abs(one - other).mean()) for one, other in zip(wanted, found, strict=True))
    print("| taken by the tensor, MiB | frames asked for at once | told | colors off by |")
    print("| ---: | ---: | --- | ---: |")
    print(f"| {taken >> 20} | {count} | {'; '.join(told) or 'nothing: no batch was halved'} | {off:.3f} |")
    return bool(told) and off <= CLOSE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["network", "filling"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=160, help="height of the pictures, a multiple of 32")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument(
        "--compiled", type=int, metavar="BATCH", help="batch that is compiled; default: the largest; 0: none"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="that each figure is measured for")
    parser.add_argument("--frames", type=int, default=512, help="that a full GPU is asked for at once")
    options = parser.parse_args()
    try:
        is_fine = bool(network_speeds(options)) if options.what == "network" else filling(options)
    except DeviceError as error:
        sys.exit(str(error))
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    main()
