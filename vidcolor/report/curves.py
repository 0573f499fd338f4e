"""The loss curve of a run as a picture: every minibatch, their running mean, and validation, in log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import RgbImage

WIDTH, HEIGHT = 1200, 700  # pixels
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 50, 60  # margins in pixels
SCALE = 2  # drawn at twice the size and shrunk: smooth lines
INK, GRID, FAINT = (40, 40, 40), (225, 225, 225), (190, 210, 235)
TRAINING, VALIDATION = (35, 95, 170), (205, 70, 30)
SMOOTH = 0.02  # of the steps enter the running mean

Points = Sequence[tuple[float, float]]


def draw_curves(minibatches: Points, validation: Points) -> RgbImage:
    """The curves of (step, loss) as sRGB ``(700, 1200, 3)``; losses that are not above zero are left out."""
    training = np.array([p for p in minibatches if p[1] > 0], float).reshape(-1, 2)
    held_out = np.array([p for p in validation if p[1] > 0], float).reshape(-1, 2)
    everything = np.concatenate([training, held_out])
    canvas = np.full((HEIGHT * SCALE, WIDTH * SCALE, 3), 255, np.uint8)
    if len(everything):
        axes = _Axes(float(everything[:, 0].max()), float(everything[:, 1].min()), float(everything[:, 1].max()))
        axes.draw(canvas)
        axes.line(canvas, training, FAINT, 1)
        axes.line(canvas, _running_mean(training), TRAINING, 2)
        axes.line(canvas, held_out, VALIDATION, 2)
        for point in held_out:
            cv2.circle(canvas, axes.at(point), 4 * SCALE, VALIDATION, -1, cv2.LINE_AA)
        if len(held_out):
            best = held_out[held_out[:, 1].argmin()]
            cv2.circle(canvas, axes.at(best), 9 * SCALE, VALIDATION, SCALE, cv2.LINE_AA)
    _legend(canvas)
    return cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


class _Axes:
    """Where a step and a loss lie on the canvas."""

    def __init__(self, last_step: float, lowest: float, highest: float) -> None:
        self.last_step = max(last_step, 1.0)
        self.low, self.high = math.log10(lowest) - 0.03, math.log10(highest) + 0.03

    def at(self, point: Sequence[float] | NDArray[np.float64]) -> tuple[int, int]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * point[0] / self.last_step
        y = TOP + (HEIGHT - TOP - BOTTOM) * (self.high - math.log10(point[1])) / (self.high - self.low)
        return round(x * SCALE), round(y * SCALE)

    def draw(self, canvas: RgbImage) -> None:
        """Grid and numbers: 1, 2 and 5 of every power of ten, round numbers of steps."""
        for loss in _log_ticks(self.low, self.high):
            _, y = self.at((0, loss))
            cv2.line(canvas, (LEFT * SCALE, y), ((WIDTH - RIGHT) * SCALE, y), GRID, SCALE)
            _text(canvas, f"{loss:.3g}", 12, y // SCALE + 5)
        unit = max(1.0, _round_number(self.last_step / 6))
        for step in np.arange(0, self.last_step + 1, unit):
            x = self.at((step, 10**self.low))[0]
            cv2.line(canvas, (x, TOP * SCALE), (x, (HEIGHT - BOTTOM) * SCALE), GRID, SCALE)
            _text(canvas, f"{step:,.0f}", x // SCALE - 15, HEIGHT - BOTTOM + 22)
        _text(canvas, "step", WIDTH - RIGHT - 30, HEIGHT - 14)

    def line(self, canvas: RgbImage, points: NDArray[np.float64], color: tuple[int, int, int], width: int) -> None:
        if len(points):
            path = np.array([self.at(p) for p in points], np.int32)
            cv2.polylines(canvas, [path], False, color, width * SCALE, cv2.LINE_AA)


def _log_ticks(low: float, high: float) -> list[float]:
    """Round losses between two powers of ten: 1, 2, 5 of each power, or evenly spaced where that gives too few."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks = [d * 10.0**p for p in powers for d in (1, 2, 5) if low <= math.log10(d * 10.0**p) <= high]
    if len(ticks) >= 4:
        return ticks[:: max(1, len(ticks) // 8)]
    unit = _round_number((10**high - 10**low) / 8)
    return [unit * n for n in range(math.ceil(10**low / unit), math.floor(10**high / unit) + 1)]


def _round_number(value: float) -> float:
    """1, 2 or 5 times a power of ten, at least the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(d * power for d in (1, 2, 5, 10) if d * power >= value)


def _running_mean(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the losses around each step, of the logarithms as the picture shows them."""
    width = max(5, round(SMOOTH * len(points)))
    if len(points) <= width:
        return points
    sums = np.concatenate([[0.0], np.cumsum(np.log(points[:, 1]))])
    ends = np.clip(np.arange(len(points)) + width + 1, 0, len(points))
    starts = np.clip(np.arange(len(points)) - width, 0, len(points))
    return np.stack([points[:, 0], np.exp((sums[ends] - sums[starts]) / (ends - starts))], axis=1)


def _legend(canvas: RgbImage) -> None:
    x = LEFT
    for label, color in (("minibatch", FAINT), ("running mean", TRAINING), ("validation (ring: best)", VALIDATION)):
        cv2.line(canvas, (x * SCALE, 26 * SCALE), ((x + 28) * SCALE, 26 * SCALE), color, 3 * SCALE, cv2.LINE_AA)
        _text(canvas, label, x + 36, 31)
        x += 60 + 9 * len(label)


def _text(canvas: RgbImage, text: str, x: int, y: int) -> None:
    cv2.putText(canvas, text, (x * SCALE, y * SCALE), cv2.FONT_HERSHEY_SIMPLEX, 0.45 * SCALE, INK, SCALE, cv2.LINE_AA)
