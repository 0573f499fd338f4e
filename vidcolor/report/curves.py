"""The loss curve of a run as a picture: every minibatch, their running mean, and validation, in log scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import RgbImage
from vidcolor.report.axes import Axis, log_ticks, ticks

WIDTH, HEIGHT = 1200, 700  # pixels
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 50, 60  # margins in pixels
SCALE = 2  # drawn at twice the size and shrunk: smooth lines
INK, GRID, FAINT = (40, 40, 40), (225, 225, 225), (190, 210, 235)
TRAINING, VALIDATION = (35, 95, 170), (205, 70, 30)
SMOOTH = 0.02  # of the steps enter the running mean

Points = Sequence[tuple[float, float]]
Color = tuple[int, int, int]


def draw_curves(minibatches: Points, validation: Points) -> RgbImage:
    """Return the curves of (step, loss) as sRGB ``(700, 1200, 3)``; losses that are not above zero are left out."""
    training, held_out = (np.array([p for p in points if p[1] > 0], float) for points in (minibatches, validation))
    training, held_out = training.reshape(-1, 2), held_out.reshape(-1, 2)
    everything = np.concatenate([training, held_out])
    canvas = _Canvas()
    if len(everything):
        canvas.grid(float(everything[:, 0].max()), float(everything[:, 1].min()), float(everything[:, 1].max()))
        canvas.line(training, FAINT, 1)
        canvas.line(_running_mean(training), TRAINING, 2)
        canvas.line(held_out, VALIDATION, 2)
        for point in held_out:
            canvas.circle(point, 4, -1)
        if len(held_out):
            canvas.circle(held_out[held_out[:, 1].argmin()], 9, SCALE)
    canvas.legend()
    drawn: RgbImage = cv2.resize(canvas.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return drawn


class _Canvas:
    """A white picture with two axes: steps across, losses up."""

    def __init__(self) -> None:
        self.pixels: RgbImage = np.full((HEIGHT * SCALE, WIDTH * SCALE, 3), 255, np.uint8)
        self._x = Axis(0, 1, LEFT * SCALE, (WIDTH - RIGHT) * SCALE)
        self._y = Axis(0.1, 1, (HEIGHT - BOTTOM) * SCALE, TOP * SCALE, log=True)

    def grid(self, last_step: float, lowest: float, highest: float) -> None:
        """Set the axes, with numbers: 1, 2 and 5 of every power of ten, round numbers of steps."""
        low, high = lowest / 10**0.03, highest * 10**0.03
        self._x, self._y = replace(self._x, high=max(last_step, 1.0)), replace(self._y, low=low, high=high)
        for loss in log_ticks(low, high):
            y = self.place((0, loss))[1]
            cv2.line(self.pixels, (LEFT * SCALE, y), ((WIDTH - RIGHT) * SCALE, y), GRID, SCALE)
            self.text(f"{loss:.3g}", 12, y // SCALE + 5)
        for step in ticks(self._x.high, 6, least=1):
            x = self.place((step, low))[0]
            cv2.line(self.pixels, (x, TOP * SCALE), (x, (HEIGHT - BOTTOM) * SCALE), GRID, SCALE)
            self.text(f"{step:,.0f}", x // SCALE - 15, HEIGHT - BOTTOM + 22)
        self.text("step", WIDTH - RIGHT - 30, HEIGHT - 14)

    def place(self, point: Sequence[float] | NDArray[np.float64]) -> tuple[int, int]:
        return round(self._x.at(point[0])), round(self._y.at(point[1]))

    def line(self, points: NDArray[np.float64], color: Color, width: int) -> None:
        if len(points):
            path = np.array([self.place(p) for p in points], np.int32)
            cv2.polylines(self.pixels, [path], False, color, width * SCALE, cv2.LINE_AA)

    def circle(self, point: NDArray[np.float64], radius: int, thickness: int) -> None:
        cv2.circle(self.pixels, self.place(point), radius * SCALE, VALIDATION, thickness, cv2.LINE_AA)

    def legend(self) -> None:
        x, y = LEFT, 26
        for label, color in (("minibatch", FAINT), ("running mean", TRAINING), ("validation (ring: best)", VALIDATION)):
            ends = (x * SCALE, y * SCALE), ((x + 28) * SCALE, y * SCALE)
            cv2.line(self.pixels, *ends, color, 3 * SCALE, cv2.LINE_AA)
            self.text(label, x + 36, y + 5)
            x += 60 + 9 * len(label)

    def text(self, text: str, x: int, y: int) -> None:
        font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * SCALE
        cv2.putText(self.pixels, text, (x * SCALE, y * SCALE), font, size, INK, SCALE, cv2.LINE_AA)


def _running_mean(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the losses around each step, of the logarithms as the picture shows them."""
    width = max(5, round(SMOOTH * len(points)))
    if len(points) <= width:
        return points
    sums = np.concatenate([[0.0], np.cumsum(np.log(points[:, 1]))])
    ends = np.clip(np.arange(len(points)) + width + 1, 0, len(points))
    starts = np.clip(np.arange(len(points)) - width, 0, len(points))
    return np.stack([points[:, 0], np.exp((sums[ends] - sums[starts]) / (ends - starts))], axis=1)
