"""The sound of the samples, all computed: a piano beside a running projector, and the rumble of an engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]  # (samples,) or (samples, 2), full scale is -1..1
Samples = NDArray[np.int16]  # (samples, 2)
Score = Sequence[tuple[tuple[int, ...], float]]  # MIDI notes struck together, beats until the next ones

SAMPLE_RATE = 44_100  # samples a second

# 16 beats each, four bars of 4/4; at 96 beats a minute they last 10 s.
MELODY: Score = [
    *[((76,), 1), ((79,), 1), ((84,), 1.5), ((83,), 0.5)],
    *[((81,), 1), ((84,), 0.5), ((81,), 0.5), ((76,), 2)],
    *[((77,), 1), ((81,), 0.5), ((79,), 0.5), ((77,), 0.5), ((74,), 0.5), ((71,), 1)],
    *[((72,), 0.5), ((76,), 0.5), ((79,), 1), ((84,), 2)],
]
STRIDE: Score = [
    *[((48,), 1), ((60, 64, 67), 1), ((43,), 1), ((60, 64, 67), 1)],
    *[((45,), 1), ((57, 60, 64), 1), ((52,), 1), ((57, 60, 64), 1)],
    *[((50,), 1), ((57, 62, 65), 1), ((43,), 1), ((59, 62, 65), 1)],
    *[((48,), 1), ((60, 64, 67), 1), ((36, 48, 55, 64), 2)],
]
ARPEGGIO: Score = [*[((note,), 0.5) for note in (60, 64, 67, 72, 76, 79)], ((48, 84), 2)]


def strike(note: int, seconds: float) -> Signal:
    """A piano-like note: partials stretched by stiffness, the high ones weaker and sooner gone."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 440 * 2 ** ((note - 69) / 12)
    tone = np.zeros_like(t)
    for k in range(1, 9):
        decay = 1.1 * np.sqrt(pitch / 262) * (0.6 + 0.4 * k)  # per second
        stretched = k * np.sqrt(1 + 4e-4 * k * k)
        tone += k**-1.5 * np.exp(-decay * t) * np.sin(2 * np.pi * pitch * stretched * t)
    hammer, damper = t / 0.004, t[::-1] / 0.08  # 4 ms to speak, 80 ms to fall silent
    return tone * np.clip(np.minimum(hammer, damper), 0, 1)


def play(score: Score, beat: float, count: int) -> Signal:
    """``count`` samples of ``score``, ``beat`` seconds a beat; low notes to the left, as a pianist hears."""
    out = np.zeros((count, 2))
    start = 0.05
    for notes, beats in score:
        first = round(start * SAMPLE_RATE)
        for note in notes:
            tone = strike(note, beats * beat + 0.35)[: max(0, count - first)]
            right = np.clip(0.5 + (note - 64) / 60, 0.2, 0.8)
            out[first : first + len(tone)] += tone[:, None] * np.sqrt([1 - right, right])
        start += beats * beat
    return out


def in_a_room(sound: Signal) -> Signal:
    """``sound`` (samples, 2) with three early echoes that cross from side to side."""
    wet = sound.copy()
    for delay, share in ((0.031, 0.22), (0.047, 0.16), (0.083, 0.10)):  # seconds, of the amplitude
        late = round(delay * SAMPLE_RATE)
        wet[late:] += share * sound[:-late, ::-1]
    return wet


def projector(count: int, rate: float, rng: np.random.Generator) -> Signal:
    """Hiss, a claw ticking ``rate`` times a second, four crackles a second: (samples, 1), for both sides."""
    dull, bright = (np.convolve(rng.normal(size=count), np.ones(n) / n, "same") for n in (12, 5))
    since_tick = np.arange(count) / SAMPLE_RATE * rate % 1
    noise = 0.005 * dull + 0.010 * bright * np.exp(-18 * since_tick)
    crackle = np.zeros(count)
    pop = np.arange(200)
    for first in rng.integers(0, count - len(pop), size=4 * count // SAMPLE_RATE):
        crackle[first : first + len(pop)] += rng.uniform(-0.05, 0.05) * np.exp(-pop / rng.uniform(4, 30))
    return (noise + crackle)[:, None]


def to_int16(sound: Signal) -> Samples:
    """16-bit samples, faded in and out over 30 ms: no clip begins or ends with a click."""
    ramp = np.minimum(1, np.arange(len(sound)) / (0.03 * SAMPLE_RATE))
    return np.rint(np.clip(sound * (ramp * ramp[::-1])[:, None], -1, 1) * 32767).astype(np.int16)


def tune(seed: int) -> Samples:
    """10 s for the reel, projected at 24 frames a second."""
    count = 10 * SAMPLE_RATE
    piano = in_a_room(0.2 * play(MELODY, 0.625, count) + 0.11 * play(STRIDE, 0.625, count))
    return to_int16(piano + projector(count, 24, np.random.default_rng(seed)))


def arpeggio(seed: int) -> Samples:
    """3 s for the portrait, projected at 18 frames a second."""
    count = 3 * SAMPLE_RATE
    piano = in_a_room(0.2 * play(ARPEGGIO, 0.5, count))
    return to_int16(piano + projector(count, 18, np.random.default_rng(seed)))


def rumble(seed: int) -> Samples:
    """2 s of a distant engine for the rocket: noise without highs that swells."""
    count = 2 * SAMPLE_RATE
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=(count, 2)), axis=0)
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)[:, None]
    low = np.fft.irfft(spectrum * (hertz > 25) / (1 + (hertz / 90) ** 2), count, axis=0)
    return to_int16(low / np.abs(low).max() * np.linspace(0.25, 0.8, count)[:, None])
