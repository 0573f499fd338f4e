"""The frames of a film that a run takes, with their numbers: all, those from a time on, or those of some shots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile

from vidcolor.errors import InputError
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.reader import Video, frames
from vidcolor.film.shots import thumbnail_of
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.segments.cutting import Start
from vidcolor.pipeline.shotlist.landmark import Landmark
from vidcolor.pipeline.shotlist.shot import parse_numbers
from vidcolor.settings import RunSettings


@dataclass(frozen=True)
class Stretch:
    """Frames that follow each other in a film.

    Attributes:
        number: Of the first frame, counted from 0, the film's first; 0 where nobody asks for numbers.
        length: How many there are; 0: unknown.
        frames: The frames, once.
    """

    number: int
    length: int
    frames: Iterator[Frame]

    @property
    def start(self) -> Start:
        """Return the start of the first segment that it is worked in."""
        return Start(0, 0, (), self.number)


def first_of(parts: Iterator[Stretch]) -> tuple[Iterator[Stretch], Frame]:
    """Return stretches as they are, and the first frame of the first of them."""
    part = next(parts)
    first = next(part.frames)
    return chain([replace(part, frames=chain([first], part.frames))], parts), first


def extent(info: VideoInfo, settings: RunSettings, grading: Grading, first: Frame) -> tuple[float, float | None, bool]:
    """Return when a run begins in its film, how long it lasts (None: to the end), both in seconds, and if it has gaps.

    Args:
        first: The first frame that it takes.
    """
    if not settings.only:
        return settings.start, settings.duration, False
    found = ranges(settings, grading)
    begin = first.seconds - float(info.begin * info.time_base)
    return begin, float((found[-1][1] - found[0][0]) / info.rate), len(found) > 1


def stretches(video: Video, settings: RunSettings, grading: Grading) -> Iterator[Stretch]:
    """Return the stretches of a film that a run takes; each is to be used up before the next one is asked for.

    Frames after the first stretch have times that follow those before them.

    Raises:
        InputError: the film holds none of the frames; VidcolorError: there is no such shot.
    """
    if settings.only:
        if settings.start or settings.duration is not None:
            what = f"cannot take shots {settings.only}"
            raise InputError(what, "--only and a range of times are two ways to say where", "Use one of them")
        yield from _shots(video, settings, grading)
        return
    if grading.shots and settings.start:  # numbers are counted from the film's beginning
        reading = _Reading(video, grading)
        begin = float(video.info.begin * video.info.time_base) + settings.start
        stop = float("inf") if settings.duration is None else begin + settings.duration
        yield reading.between(begin, stop)
        return
    taken = frames(video, settings.start, settings.duration, chroma=grading.keeps_colors)
    whole = not settings.start and settings.duration is None
    yield Stretch(0, video.info.frames if whole else 0, taken)


def unreached(settings: RunSettings, grading: Grading, count: int) -> tuple[str, ...]:
    """Return a line when a list of shots goes on after the film's end.

    Args:
        count: Of the frames that the run has seen.
    """
    whole = not settings.start and settings.duration is None and not settings.only
    if whole and grading.shots and (end := grading.shots.shots[-1].end) > count:
        return (f"the list of shots goes on to frame {end - 1}, but the film has {count} frames",)
    return ()


def ranges(settings: RunSettings, grading: Grading) -> list[tuple[int, int]]:
    """Return the first frame of each run of shots that are asked for alone, and the frame after its last.

    Raises:
        VidcolorError: there is no list of shots, or it has no such shot.
    """
    if grading.shots is None:
        why = "shots are named by their numbers in a list"
        raise InputError(f"cannot take shots {settings.only}", why, "Name it with --shots")
    found: list[tuple[int, int]] = []
    for shot in grading.shots.only(parse_numbers(settings.only)):
        if found and found[-1][1] == shot.start:
            found[-1] = (found[-1][0], shot.end)
        else:
            found.append((shot.start, shot.end))
    return found


def pieces(video: Video, grading: Grading, wanted: Sequence[tuple[int, int]]) -> Iterator[Stretch]:
    """Return frames of a film by their numbers; each stretch is to be used up before the next one is asked for.

    Args:
        wanted: Of each stretch its first frame and the frame after its last, in the order of the film.

    Raises:
        InputError: the film ends before.
    """
    reading = _Reading(video, grading)
    for start, end in wanted:
        yield Stretch(start, end - start, reading.range(start, end))


def _shots(video: Video, settings: RunSettings, grading: Grading) -> Iterator[Stretch]:
    reading = _Reading(video, grading)
    step = max(1, round(1 / (video.info.rate * video.info.time_base)))
    following: int | None = None  # time of the next frame

    def retimed(taken: Iterator[Frame]) -> Iterator[Frame]:
        nonlocal following
        shift: int | None = None
        for frame in taken:
            if shift is None:
                shift = 0 if following is None else following - frame.pts
            frame = replace(frame, pts=frame.pts + shift, moved=shift)
            following = frame.pts + step
            yield frame

    for start, end in ranges(settings, grading):
        yield Stretch(start, end - start, retimed(reading.range(start, end)))


class _Reading:
    """A film read from its beginning, or from a landmark of its list of shots, with the numbers of its frames."""

    def __init__(self, video: Video, grading: Grading) -> None:
        self._video, self._chroma = video, grading.keeps_colors
        shots = grading.shots.shots if grading.shots else ()
        self._landmarks = sorted((s.landmark for s in shots if s.landmark), key=lambda landmark: landmark.frame)
        self._frames: Iterator[Frame] = frames(video, chroma=self._chroma)
        self._number = 0  # of the next frame

    def range(self, start: int, end: int) -> Iterator[Frame]:
        """Give the frames from one number to the one before another.

        Raises:
            InputError: the film ends before.
        """
        self._approach([each for each in self._landmarks if self._number < each.frame <= start])
        for frame in self._frames:
            self._number += 1
            if self._number > start:
                yield frame
            if self._number == end:
                return
        why = f"the film has {self._number} frames"
        raise InputError(f"cannot take frames {start} to {end - 1} of {self._video.info.path}", why, "Check the list")

    def between(self, begin: float, stop: float) -> Stretch:
        """Return the frames from one time to before another, in seconds of the film's own clock.

        Raises:
            InputError: there are none.
        """
        time_base = self._video.info.time_base
        self._approach([each for each in self._landmarks if float(each.pts * time_base) <= begin])
        for frame in self._frames:
            if frame.seconds >= begin - 1e-9:
                break
            self._number += 1
        else:
            why = "the range holds no frame"
            raise InputError(f"cannot read {self._video.info.path}", why, "The film is shorter than --start")
        rest = takewhile(lambda frame: frame.seconds < stop - 1e-9, chain([frame], self._frames))
        return Stretch(self._number, 0, rest)

    def _approach(self, landmarks: list[Landmark]) -> None:
        """Go on at the last of some landmarks if the film shows it there, or else from the film's beginning."""
        info = self._video.info
        if not landmarks or info.timestamps == "none" or info.piped:
            return
        landmark = landmarks[-1]
        first = self._jump(landmark.pts)
        if first is not None and landmark.is_seen_in(thumbnail_of(first)):
            self._number = landmark.frame
        elif self._jump(info.begin) is not None:
            self._number = 0
        else:
            raise InputError(f"cannot read {info.path}", "its frames are not found again", "Convert it to Matroska")

    def _jump(self, pts: int) -> Frame | None:
        """Go on at the frame of a time, and return it; None when there is none."""
        found = frames(self._video, chroma=self._chroma, near=pts)
        first = next((frame for frame in found if frame.pts >= pts), None)
        if first is None or first.pts != pts:
            return None
        self._frames = chain([first], found)
        return first
