"""What the command line takes: the options that several commands share, and the texts that stand for values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Source = Annotated[Path, typer.Argument(metavar="INPUT", help="A film.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ModelName = Annotated[str, typer.Option("--model", "-m", metavar="NAME|PATH", help="Bundled model, or a checkpoint.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Precision = Annotated[Literal["auto", "fp32", "bf16", "fp16"], typer.Option(help="Number type of the network.")]
Size = Annotated[int, typer.Option(min=0, max=2048, help="Short side of the network's picture; 0: the model's own.")]
StreamNumber = Annotated[
    int | None, typer.Option("--stream", min=0, metavar="N", help="Video stream, by its number in info.")
]
Saturation = Annotated[float, typer.Option(min=0, max=5, help="Factor on the colors; 1 is calibrated.")]
Smooth = Annotated[float, typer.Option(min=0, max=1, help="Averaging of the colors along motion; 0 is off.")]


def parse_time(text: str | float) -> float:
    """12.5, 1:02 or 00:01:02.500 as seconds. (Typer passes defaults through the parser too.)"""
    parts = str(text).split(":")
    try:
        if not 1 <= len(parts) <= 3:
            raise ValueError
        values = [float(p) for p in parts]
        if not all(map(math.isfinite, values)):
            raise ValueError
        if (
            any(v < 0 or v > 1e9 for v in values)
            or any(v >= 60 for v in values[1:])
            or any(v != int(v) for v in values[:-1])
        ):
            raise ValueError
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time; write 12.5, 1:02 or 00:01:02.500") from None
    seconds = 0.0
    for value in values:
        seconds = seconds * 60 + value
    return seconds


def parse_sizes(text: str) -> tuple[int, ...]:
    """128,160 as (128, 160)."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if any(size < 32 or size % 32 for size in sizes):
        raise typer.BadParameter(f"{text!r}: write multiples of 32, as in 128,160", param_hint="--sizes")
    return sizes


def parse_channels(text: str) -> tuple[int, ...]:
    """128,96,64 as (128, 96, 64)."""
    try:
        channels = tuple(int(part) for part in text.split(","))
    except ValueError:
        channels = (0,)
    if any(count < 1 for count in channels):
        raise typer.BadParameter(f"{text!r}: write numbers of channels, as in 128,96,64", param_hint="--decoder")
    return channels


def refuse_decided(by: str, options: dict[str, Any]) -> None:
    """Options that another one makes meaningless are no silent nothing."""
    if chosen := [name for name, value in options.items() if value]:
        raise typer.BadParameter(f"{by} decides about this", param_hint=", ".join(chosen))
