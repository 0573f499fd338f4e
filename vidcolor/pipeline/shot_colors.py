"""Films that are in color already, or tinted: such shots are counted, and left as they are when that is asked."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vidcolor.color.tint import SIDE, Kind, tint_of
from vidcolor.errors import InputError
from vidcolor.film.frame import Frame
from vidcolor.film.pipe import is_pipe
from vidcolor.film.reader import GLIMPSE
from vidcolor.film.rgb import frame_to_rgb, rgb_to_codes, rgb_to_srgb
from vidcolor.film.shots import Thumbnail
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.shotlist.shot import Shot, ShotList
from vidcolor.pipeline.shotlist.survey import survey
from vidcolor.settings import RunSettings

_JUDGED = 4 * SIDE  # pixels, the longest side of the picture that is judged
_COUNTED = ("colored", "tinted", "grey")


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
        counts: How many shots are of each kind, without the one that runs.
    """

    keeps: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    _running: Counter[Kind] = field(default_factory=Counter)
    _beat: int | None = None

    def push(self, frame: Frame, starts_shot: bool) -> None:
        """Take the next frame; those that carry their chroma are judged, one in a quarter second at most."""
        if starts_shot:
            self._end()
        beat = int(frame.seconds / GLIMPSE)
        if frame.chroma is not None and beat != self._beat:
            self._running[kind_of(frame)] += 1
            self._beat = beat

    def _end(self) -> None:
        kind = usual(self._running)
        if kind:
            self.counts[kind] += 1
        self._running.clear()

    @property
    def tally(self) -> dict[str, float]:
        """What has been counted so far, the shot that runs included."""
        counts = self.counts + Counter([usual(self._running)])
        return {f"{kind} shots": counts[kind] for kind in _COUNTED}

    @tally.setter
    def tally(self, counts: Mapping[str, float]) -> None:
        self._running.clear()
        self.counts = Counter({kind: round(counts.get(f"{kind} shots", 0)) for kind in _COUNTED})

    def notes(self) -> list[str]:
        """Return a line for the colors, and one for the tints, of a film that has ended."""
        self._end()
        total = self.counts.total()
        lines = []
        if colored := self.counts["colored"]:
            way = "left as they were" if self.keeps else "recolored; --keep-color leaves such shots as they are"
            lines.append(f"{_share(colored, total)} in color already: {way}")
        if tinted := self.counts["tinted"]:
            lines.append(f"{_share(tinted, total)} tinted: the tint is taken off")
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
