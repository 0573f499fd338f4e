"""What a film is already: in color, tinted, a negative. It is told, and shots in color are left when that is asked."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.color.tint import SIDE, Kind, tint_of
from vidcolor.errors import InputError
from vidcolor.film.containers.pipe import is_pipe
from vidcolor.film.frame import Frame
from vidcolor.film.reader import GLIMPSE
from vidcolor.film.rgb import frame_to_rgb, rgb_to_codes, rgb_to_srgb
from vidcolor.film.shots import Thumbnail
from vidcolor.network.negative import log_odds, tells_negatives
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.shotlist.shot import Shot, ShotList
from vidcolor.pipeline.shotlist.survey import survey
from vidcolor.settings import RunSettings

_JUDGED = 4 * SIDE  # pixels, the longest side of the picture that is judged
_INSIDE = 6  # frames after a shot's first: the one that is judged, past most blends
_LONG = 120  # frames of a shot of which one is judged
_ENOUGH = 64  # frames that are judged of a film
_ODDS, _LOOKED_AT = "odds of a positive", "frames judged by their light"
MOST_OF_FRAME = 6.0  # log odds that a single frame adds at most
NEGATIVE = -4.0  # log odds below which a photograph is a negative: 2 of 1,000 positives lie there, and 650 negatives
NEGATIVE_TOLD = "{} looks like a negative, whose colors cannot be guessed: invert it first (ffmpeg -vf negate does)"
Judge = Callable[[Sequence[Plane]], list[float]]
_COUNTED = ("colored", "tinted", "grey")


def shown_luma(frame: Frame, turns: int = 0) -> Plane:
    """Return a frame's Y' in 0..1, small and the way up that it is shown.

    Args:
        turns: Quarter turns anticlockwise by which players turn the picture.
    """
    step = max(1, min(frame.luma.shape) // 256)
    upright = np.rot90(frame.luma[::step, ::step], turns).astype(np.float32)
    luma: Plane = (upright - np.float32(frame.black)) * np.float32(1 / frame.span)
    return np.clip(luma, 0, 1)


def judge_of(predictor: Predictor) -> Judge | None:
    """Return what tells whether Y' planes are positives, by a network's encoder; None where nobody has taught it."""
    return partial(log_odds, predictor) if tells_negatives(predictor) else None


def kind_of(frame: Frame) -> Kind:
    """Return whether a frame is colored, tinted or grey; "" when it does not tell, or comes without its chroma."""
    if frame.chroma is None:
        return ""
    height, width = frame.luma.shape
    scale = min(1.0, _JUDGED / max(height, width))
    rgb = frame_to_rgb(frame, frame.chroma, max(1, round(width * scale)), max(1, round(height * scale)))
    return tint_of(rgb_to_codes(rgb_to_srgb(rgb, frame.tags))).kind


def usual(kinds: Counter[Kind]) -> Kind:
    """Return what most frames of a shot are; "" when none of them tells."""
    known = [kind for kind in kinds if kind]
    return max(known, key=lambda kind: kinds[kind]) if known else ""


@dataclass
class ShotColors:
    """Counts the shots of a film by the colors of their frames, as these come.

    Attributes:
        keeps: Shots in color are left as they are.
        turns: Quarter turns anticlockwise by which players turn the picture.
        judge: Tells the log odds that Y' planes, upright, are positives; None: nothing is told of negatives.
        counts: How many shots are of each kind, without the one that runs.
        odds: Sum of the log odds of the frames that were judged, that they are positives.
        judged: How many these are.
    """

    keeps: bool = False
    turns: int = 0
    judge: Judge | None = None
    counts: Counter[str] = field(default_factory=Counter)
    odds: float = 0.0
    judged: int = 0
    _running: Counter[Kind] = field(default_factory=Counter)
    _place: int = 0  # of the frame in the shot that runs
    _beat: int | None = None  # of the frame whose colors were judged last

    def push(self, frame: Frame, starts_shot: bool) -> None:
        """Take the next frame; those that carry their chroma are judged, one in a quarter second at most."""
        self._place = 0 if starts_shot else self._place + 1
        if starts_shot:
            self._end()
        beat = int(frame.seconds / GLIMPSE)
        if frame.chroma is not None and beat != self._beat:
            self._running[kind_of(frame)] += 1
            self._beat = beat
        if self.judge and self._place % _LONG == _INSIDE and self.judged < _ENOUGH:
            (odds,) = self.judge([shown_luma(frame, self.turns)])
            self.odds += min(max(odds, -MOST_OF_FRAME), MOST_OF_FRAME)
            self.judged += 1

    def _end(self) -> None:
        kind = usual(self._running)
        if kind:
            self.counts[kind] += 1
        self._running.clear()

    @property
    def is_negative(self) -> bool:
        """Whether the film looks like a negative: a sum of n odds scatters with the square root of n."""
        return self.odds < NEGATIVE * math.sqrt(max(self.judged, 1))

    @property
    def tally(self) -> dict[str, float]:
        """What has been counted so far, the shot that runs included."""
        counts = self.counts + Counter([usual(self._running)])
        return {f"{kind} shots": counts[kind] for kind in _COUNTED} | {_ODDS: self.odds, _LOOKED_AT: self.judged}

    @tally.setter
    def tally(self, counts: Mapping[str, float]) -> None:
        self._running.clear()
        self.odds, self.judged = counts.get(_ODDS, 0.0), round(counts.get(_LOOKED_AT, 0))
        self.counts = Counter({kind: round(counts.get(f"{kind} shots", 0)) for kind in _COUNTED})

    def notes(self) -> list[str]:
        """Return a line each for colors, tints and inverted light of a film that has ended."""
        self._end()
        total = self.counts.total()
        lines = []
        if colored := self.counts["colored"]:
            way = "left as they were" if self.keeps else "recolored; --keep-color leaves such shots as they are"
            lines.append(f"{_share(colored, total)} in color already: {way}")
        if tinted := self.counts["tinted"]:
            lines.append(f"{_share(tinted, total)} tinted: the tint is taken off")
        if self.is_negative:
            lines.append(NEGATIVE_TOLD.format("the film"))
        return lines


def _share(number: int, total: int) -> str:
    return f"{number} of {total} shot{'s' * (total != 1)} ({number / total:.0%}) {'are' if number > 1 else 'is'}"


def refuse_pipe(source: Path) -> None:
    """Refuse a film that cannot be looked at before it is colored.

    Raises:
        InputError: it comes through a pipe.
    """
    if is_pipe(source):
        why = "which of its shots are in color shows in a pass before, and a pipe is read once"
        raise InputError(f"cannot keep the colors of {source}", why, "Name a file, or use --mode keep")


def keeping_colors(
    grading: Grading, source: Path, settings: RunSettings, progress: Callable[[int, int], None]
) -> Grading:
    """Return a grading that leaves shots as they are which are in color; it takes a pass over the film.

    Shots of a list that say themselves how they are colored are left to it; frames that are in none of its shots are
    colored.

    Args:
        progress: Called with frames done and frames expected (0: unknown).

    Raises:
        InputError: the film cannot be read.
    """
    kinds: dict[int, Kind] = {}

    def watch(number: int, frame: Frame, thumbnail: Thumbnail) -> None:
        if frame.chroma is not None:
            kinds[number] = kind_of(frame)

    found = survey(source, stream=settings.stream, fps=settings.rate, progress=progress, watch=watch, glimpses=True)
    shots = grading.shots or found.shots
    numbers = sorted(kinds)
    marked = tuple(_marked(shot, shots, kinds, numbers) for shot in shots.shots)
    return replace(grading, shots=ShotList(marked, shots.clock))


def _marked(shot: Shot, shots: ShotList, kinds: Mapping[int, Kind], numbers: list[int]) -> Shot:
    """Return a shot, to be kept if it is in color and does not say itself what it is to be."""
    if "mode" in shots.with_model(shot).changes:
        return shot
    seen = numbers[bisect_right(numbers, shot.start - 1) : bisect_right(numbers, shot.end - 1)]
    colored = usual(Counter(kinds[number] for number in seen)) == "colored"
    # Without a landmark: it was seen in frames as they are, and the run may take fields apart.
    return replace(shot, landmark=None, changes={**shot.changes, "mode": "keep"} if colored else shot.changes)
