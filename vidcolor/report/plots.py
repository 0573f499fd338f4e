"""Plots as inline SVG: no library, no script, no link."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from vidcolor.report.series import Curve

WIDTH, HEIGHT = 560, 200  # units of the drawing; pages scale it
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 10, 24
SPIKES = 0.98  # curves may leave the plot above this quantile: one cut-like frame must not flatten the others


def time_plot(curves: Mapping[str, Curve], seconds: float, label: str, first: int = 0) -> str:
    """Curves over time from zero up, drawn in the order given; each has the class of its name.

    Args:
        seconds: From a frame to the next.
        label: What is plotted, for readers who cannot see it.
        first: Index of the frame that the first value belongs to.
    """
    values = sorted(value for curve in curves.values() for value in curve.points)
    length = max(len(curve.points) * curve.stride for curve in curves.values()) if curves else 0
    if not values or length < 2:
        return "<p>Too short for a plot.</p>\n"
    top = 1.12 * values[min(len(values) - 1, math.ceil(SPIKES * (len(values) - 1)))] or 1.0
    duration = (length + first) * seconds

    def x(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time / duration

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value / top, 1.04)

    parts = _beginning(label, ticks(top), y)
    parts += [
        f'<text x="{x(time):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{time:g}&#8239;s</text>'
        for time in ticks(duration, 6)
    ]
    for name, curve in curves.items():
        times = [(first + (i + 0.5) * curve.stride) * seconds for i in range(len(curve.points))]
        points = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in zip(times, curve.points, strict=True))
        parts.append(f'<polyline class="curve {escape(name)}" points="{points}"/>')
    return "\n".join([*parts, "</svg>\n"])


def histogram(values: Sequence[float], step: float, label: str) -> str:
    """How many values fall into each step; those below zero are marked."""
    low, high = (math.floor(min(values) / step), math.floor(max(values) / step) + 1) if values else (0, 1)
    counts = [0] * (high - low)
    for value in values:
        counts[min(math.floor(value / step) - low, len(counts) - 1)] += 1
    top = 1.08 * max(counts)
    wide = (WIDTH - LEFT - RIGHT) / len(counts)

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / top

    parts = _beginning(label, ticks(top), y)
    for i, count in enumerate(counts):
        kind = "loss" if low + i < 0 else "gain"
        bar = f'x="{LEFT + i * wide + 0.5:.1f}" width="{max(wide - 1, 0.5):.1f}" y="{y(count):.1f}"'
        parts.append(f'<rect class="{kind}" {bar} height="{HEIGHT - BOTTOM - y(count):.1f}"/>')
    every = max(1, round(len(counts) / 10))
    for i in range(0, len(counts) + 1):
        if (low + i) % every == 0:
            where, text = LEFT + i * wide, f"{(low + i) * step:+g}" if low + i else "0"
            parts.append(f'<text x="{where:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{text}</text>')
    return "\n".join([*parts, "</svg>\n"])


def scatter(points: Sequence[tuple[float, float]], label: str) -> str:
    """Points on two axes of one scale from zero up, with the diagonal."""
    top = 1.04 * max((value for point in points for value in point), default=0) or 1.0

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / top

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = _beginning(label, ticks(top), y)
    parts += [
        f'<text x="{x(value):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{value:g}</text>' for value in ticks(top)
    ]
    parts.append(f'<line class="same" x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(top):.1f}" y2="{y(top):.1f}"/>')
    parts += [f'<circle class="gain" cx="{x(across):.1f}" cy="{y(up):.1f}" r="2.4"/>' for across, up in points]
    return "\n".join([*parts, "</svg>\n"])


def _beginning(label: str, values: Sequence[float], y: Callable[[float], float]) -> list[str]:
    """A plot's first parts: its frame, and a line with its number at each of the values."""
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for value in values:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    return parts


def ticks(top: float, most: int = 4) -> list[float]:
    """Round numbers from 0 up to ``top``, at most so many steps: 1, 2 or 5 times a power of ten apart."""
    raw = top / most
    power = 10 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * (1 - 1e-9))
    return [round(i * step, 12) for i in range(math.floor(top / step) + 1)]
