"""Frames of a film that stand for it: one of each of its longest shots, or those of some times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from vidcolor.errors import InputError
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.reader import Video
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.shotlist.reading import clock_of
from vidcolor.pipeline.shotlist.shot import Shot, ShotList
from vidcolor.pipeline.shotlist.survey import survey
from vidcolor.pipeline.stretches import pieces, stretches
from vidcolor.settings import RunSettings

COUNT = 24  # frames of a film, when nothing is asked for
MOST = 400  # on one sheet: what a viewer of pictures shows without trouble


@dataclass(frozen=True)
class Choice:
    """Which frames of a film are shown.

    Attributes:
        at: Those of these times, in seconds from the film's beginning.
        every: One in so many seconds.
        count: At most so many; 0: COUNT. Without ``at`` and ``every``, one of each of so many of the longest shots.

    Raises:
        InputError: both times and a distance are given.
    """

    at: tuple[float, ...] = ()
    every: float | None = None
    count: int = 0

    def __post_init__(self) -> None:
        what = "cannot choose frames"
        if self.at and (self.every is not None or self.count):
            raise InputError(what, "--at names them one by one", "Leave out --every and --count")
        if self.every is not None and not 0 < self.every < float("inf"):
            raise InputError(what, "--every is no time above 0", "Correct it")

    @property
    def by_time(self) -> bool:
        """Whether times say which frames are shown, not shots."""
        return bool(self.at) or self.every is not None

    @property
    def most(self) -> int:
        """How many frames are shown at most."""
        return self.count or (MOST if self.by_time else COUNT)


@dataclass(frozen=True, eq=False)
class Sample:
    """A frame that is shown.

    Attributes:
        number: Of the frame, counted from 0; 0 where nobody asks for numbers.
        caption: Number of its shot, and its time.
    """

    frame: Frame
    number: int
    caption: str


def shots_of(video: Video, settings: RunSettings, progress: Callable[[int, int], None]) -> ShotList:
    """Return the shots that one pass over a film finds."""
    return survey(video.info.path, stream=settings.stream, fps=settings.rate, progress=progress).shots


def samples_of_shots(video: Video, grading: Grading, most: int) -> Iterator[Sample]:
    """Yield the middle frame of each of the longest shots, in the order of the film.

    Args:
        grading: With the film's shots.
        most: At most so many.

    Raises:
        InputError: the film ends before a shot does.
    """
    assert grading.shots is not None
    clock = clock_of(video.info)
    chosen = longest(grading.shots.shots, most)
    middles = [shot.start + shot.frames // 2 for shot in chosen]
    parts = pieces(video, grading, [(middle, middle + 1) for middle in middles])
    for shot, middle, part in zip(chosen, middles, parts, strict=True):
        (frame,) = part.frames
        yield Sample(frame, middle, f"{shot.number}  {clock.text(middle)}")


def longest(shots: Sequence[Shot], most: int) -> list[Shot]:
    """Return so many of the longest shots, in the order of the film."""
    found = sorted(shots, key=lambda shot: -shot.frames)[:most]
    return sorted(found, key=lambda shot: shot.start)


def samples_of_times(video: Video, settings: RunSettings, grading: Grading, choice: Choice) -> Iterator[Sample]:
    """Yield the frames of the times that are chosen.

    Raises:
        InputError: the film has no frame at a time that is named; too many are asked for.
    """
    clock = clock_of(video.info)
    for time in choice.at or _even(choice, video.info):
        try:
            (part,) = stretches(video, replace(settings, start=time, duration=None, only=""), grading)
            frame = next(part.frames)
        except InputError as error:
            if not choice.at and time:  # an even distance goes on to the end of the film, wherever that is
                return
            what = f"cannot preview {video.info.path} at {time:g} s"
            raise InputError(what, "the film is shorter" if time else error.why, "Choose an earlier time") from error
        seconds = frame.seconds - float(video.info.begin * video.info.time_base)
        yield Sample(frame, part.number, clock.text(round(seconds * video.info.rate)))


def _even(choice: Choice, info: VideoInfo) -> Iterator[float]:
    assert choice.every is not None
    expected = int(info.seconds / choice.every) + 1
    if not choice.count and expected > MOST:
        why = f"one frame in {choice.every:g} s makes {expected}, and a sheet has at most {MOST}"
        raise InputError(f"cannot preview {info.path}", why, "Choose a longer --every, or --count")
    for number in range(choice.most) if choice.count else count():
        yield number * choice.every
