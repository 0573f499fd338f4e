"""The texts that stand for values: times, lists of numbers."""

from __future__ import annotations

import math

import typer


def parse_time(text: str | float) -> float:
    """Return seconds of 12.5, 1:02 or 00:01:02.500; numbers, which Typer passes as defaults, stay."""
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


def parse_numbers(text: str | tuple[int, ...]) -> tuple[int, ...]:
    """Return 128,160 as (128, 160)."""
    if isinstance(text, tuple):
        return text
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no list of whole numbers; write them as in 128,160") from None
