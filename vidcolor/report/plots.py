"""Plots for pages, as inline SVG: no library, no script, no link."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from vidcolor.report.axes import Axis, ticks
from vidcolor.report.series import Curve

WIDTH, HEIGHT = 560, 200  # units of the drawing; pages scale it
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 10, 24
SPIKES = 0.98  # curves may leave the plot above this quantile: one cut-like frame must not flatten the others


class _Plot:
    """A drawing with a grid over its whole width.

    Args:
        across, up: The highest values of the axes, which begin at 0.
        label: What is plotted, for readers who cannot see it.
    """

    def __init__(self, across: float, up: float, label: str) -> None:
        self.x = Axis(0, across, LEFT, WIDTH - RIGHT)
        self.y = Axis(0, up, HEIGHT - BOTTOM, TOP)
        head = '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">'
        self.parts = [Markup(head).format(WIDTH, HEIGHT, label)]
        for value in ticks(up):
            y = self.y.at(value)
            self.add('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>', LEFT, WIDTH - RIGHT, y, y)
            self.add('<text x="{}" y="{:.1f}" text-anchor="end">{:g}</text>', LEFT - 6, y + 4, value)

    def add(self, part: str, *values: object) -> None:
        self.parts.append(Markup(part).format(*values))

    def below(self, value: float, text: str) -> None:
        """Write a text below the axis, at a value."""
        self.add('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>', self.x.at(value), HEIGHT - 6, text)

    def svg(self) -> Markup:
        return Markup("\n").join([*self.parts, Markup("</svg>\n")])


def time_plot(curves: Mapping[str, Curve], seconds: float, label: str, first: int = 0) -> Markup:
    """Return curves over time from zero up, drawn in the order given; each has the class of its name.

    Args:
        seconds: From a frame to the next.
        label: What is plotted, for readers who cannot see it.
        first: Index of the frame that the first value belongs to.
    """
    values = sorted(value for curve in curves.values() for value in curve.points)
    length = max(len(curve.points) * curve.stride for curve in curves.values()) if curves else 0
    if not values or length < 2:
        return Markup("<p>Too short for a plot.</p>\n")
    top = 1.12 * values[min(len(values) - 1, math.ceil(SPIKES * (len(values) - 1)))] or 1.0
    duration = (length + first) * seconds
    plot = _Plot(duration, top, label)
    for time in ticks(duration, 6):
        plot.below(time, f"{time:g}\N{NARROW NO-BREAK SPACE}s")
    for name, curve in curves.items():
        times = [(first + (i + 0.5) * curve.stride) * seconds for i in range(len(curve.points))]
        places = ((plot.x.at(t), plot.y.at(min(v, 1.04 * top))) for t, v in zip(times, curve.points, strict=True))
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        plot.add('<polyline class="curve {}" points="{}"/>', name, points)
    return plot.svg()


def histogram(values: Sequence[float], step: float, label: str) -> Markup:
    """Return how many values fall into each step, as bars; those below zero are marked."""
    low, high = (math.floor(min(values) / step), math.floor(max(values) / step) + 1) if values else (0, 1)
    counts = [0] * (high - low)
    for value in values:
        counts[min(math.floor(value / step) - low, len(counts) - 1)] += 1
    plot = _Plot(len(counts), 1.08 * max(counts) or 1.0, label)
    wide = plot.x.at(1) - plot.x.at(0)
    for i, count in enumerate(counts):
        kind, x, y = "loss" if low + i < 0 else "gain", plot.x.at(i) + 0.5, plot.y.at(count)
        bar = '<rect class="{}" x="{:.1f}" width="{:.1f}" y="{:.1f}" height="{:.1f}"/>'
        plot.add(bar, kind, x, max(wide - 1, 0.5), y, HEIGHT - BOTTOM - y)
    every = max(1, round(len(counts) / 10))
    for i in range(len(counts) + 1):
        if (low + i) % every == 0:
            plot.below(i, f"{(low + i) * step:+g}" if low + i else "0")
    return plot.svg()


def scatter(points: Sequence[tuple[float, float]], label: str) -> Markup:
    """Return points on two axes of one scale from zero up, with the diagonal."""
    top = 1.04 * max((value for point in points for value in point), default=0) or 1.0
    plot = _Plot(top, top, label)
    for value in ticks(top):
        plot.below(value, f"{value:g}")
    ends = plot.x.at(0), plot.y.at(0), plot.x.at(top), plot.y.at(top)
    plot.add('<line class="same" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>', *ends)
    for across, up in points:
        plot.add('<circle class="gain" cx="{:.1f}" cy="{:.1f}" r="2.4"/>', plot.x.at(across), plot.y.at(up))
    return plot.svg()
