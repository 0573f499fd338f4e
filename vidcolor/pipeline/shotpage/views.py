"""What a page shows of each shot: a picture grey and colored, and a clip around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vidcolor.color.arrays import RgbImage
from vidcolor.film.display import display_size, upright
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.rgb import frame_to_rgb, rgb_to_codes, without_color
from vidcolor.pipeline.shotlist.shot import Shot
from vidcolor.pipeline.shotpage.budget import Budget, pace
from vidcolor.pipeline.stages import Planes
from vidcolor.pipeline.stretches import pieces
from vidcolor.pipeline.work import Work


@dataclass(frozen=True)
class ShotView:
    """A shot as a page shows it.

    Attributes:
        shot: The shot.
        grey, colored: A picture of it as JPEG, before and after.
        width, height: Of the picture, in pixels.
        time: Of that picture, in seconds from the film's first frame.
        clip: The frames around it in color, as H.264 in MP4; empty: there is none.
        times: Of the clip's pictures, in seconds from the film's first frame.
    """

    shot: Shot
    grey: bytes
    colored: bytes
    width: int
    height: int
    time: float
    clip: bytes
    times: tuple[float, ...]


def shot_views(work: Work, budget: Budget, progress: Callable[[int, int], None]) -> Iterator[ShotView]:
    """Color some frames of every shot, as the whole film would be.

    Args:
        work: The work on the film, whose list of shots is known.
        progress: Called with frames done and frames expected.

    Raises:
        InputError: the film ends before a shot does.
    """
    listed, info = work.stages.grading.shots, work.video.info
    assert listed is not None
    windows = [budget.window(shot.start, shot.end, info.rate) for shot in listed.shots]
    expected, done = sum(end - start for start, end in windows), 0
    for shot, part in zip(listed.shots, pieces(work.video, work.stages.grading, windows), strict=True):
        seen = _Seen(shot, budget, info, part.number + part.length // 2)
        steps = work.steps(part.frames, part.start)
        with work.colored(steps) as pictures:
            for step, planes in pictures:
                seen.push(step.number, step.number - part.number, step.frame, planes)
                done += 1
                progress(done, expected)
        yield seen.finish()


class _Seen:
    """A shot while its frames come.

    Args:
        middle: Number of the frame that becomes its picture.
    """

    def __init__(self, shot: Shot, budget: Budget, info: VideoInfo, middle: int) -> None:
        self._shot, self._budget, self._info, self._middle = shot, budget, info, middle
        self._pace = pace(info.rate)
        self._moving: list[RgbImage] = []
        self._times: list[float] = []
        self._pictures = b"", b""
        self._size = 0, 0
        self._time = 0.0

    def push(self, number: int, place: int, frame: Frame, planes: Planes) -> None:
        """Take the next frame: its number in the film and its place among those that are shown, from 0."""
        time = float((frame.pts - self._info.begin) * frame.time_base)
        if number == self._middle:
            grey = self._shown(frame, without_color(frame), self._budget.side)[..., 0]
            colored = self._shown(frame, planes, self._budget.side)
            self._pictures = self._budget.pictures(grey, colored)
            self._size, self._time = (grey.shape[1], grey.shape[0]), time
        if self._budget.seconds and place % self._pace == 0:
            self._moving.append(self._shown(frame, planes, self._budget.clip_side))
            self._times.append(time)

    def finish(self) -> ShotView:
        """Return the shot when all of its frames have come."""
        clip = self._budget.clip(self._moving, self._info.rate / self._pace)
        return ShotView(self._shot, *self._pictures, *self._size, self._time, clip, tuple(self._times) if clip else ())

    def _shown(self, frame: Frame, chroma: Planes, side: int) -> RgbImage:
        size = display_size(self._info, side)
        return upright(rgb_to_codes(frame_to_rgb(frame, chroma, *size)), self._info)
