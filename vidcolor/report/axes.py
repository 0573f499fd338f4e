"""Axes of plots: where a value lies in a drawing, and the round numbers that stand beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A straight axis, linear or logarithmic.

    Attributes:
        low, high: The values at its two ends; above zero where it is logarithmic.
        start, end: Where these lie in the drawing.
        log: Equal ratios, not differences, are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return where a value lies in the drawing; beyond the ends too."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return self.start + (self.end - self.start) * (value - low) / (high - low)


def ticks(top: float, most: int = 4, least: float = 0.0) -> list[float]:
    """Return round numbers from 0 up to ``top``, at most so many steps of at least ``least`` apart."""
    step = max(round_number(top / most), least)
    return [round(i * step, 12) for i in range(math.floor(top / step) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two values: 1, 2, 5 of each power of ten, or evenly spaced where these are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [d * 10.0**p for p in powers for d in (1, 2, 5) if low <= d * 10.0**p <= high]
    if len(found) >= 4:
        return found[:: max(1, len(found) // 8)]
    step = round_number((high - low) / 8)
    return [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def round_number(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten: the smallest that is not below a value, but for rounding."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(d * power for d in (1, 2, 5, 10) if d * power >= value * (1 - 1e-9))
