"""One pass over a film: its shots, a small picture of each, and what becomes of frames that somebody watches for.

Nothing is colorized: a pass takes little longer than decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidcolor.color.arrays import Luma, RgbImage
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.grey import grey_picture
from vidcolor.film.reader import Video, frames, open_video
from vidcolor.film.shots import Boundary, Thumbnail, WithBoundaries, thumbnail_of
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.shotlist.landmark import Landmark, look_of
from vidcolor.pipeline.shotlist.shot import Shot, ShotList, Transition

PICTURE = 320  # pixels, the longest side of a shot's picture
UNEVEN = 0.6  # of a frame's length: clocks of milliseconds are off by less at 240 frames a second


@dataclass(frozen=True)
class Survey:
    """What one pass over a film has found.

    Attributes:
        info: The film.
        shots: Its shots; the first starts with its first frame, and each where the one before ends.
        begins: When each begins, in seconds from the film's first frame, and last the film's end.
        pictures: A picture of each, from near its middle.
        is_even: All frames last as long.
    """

    info: VideoInfo
    shots: ShotList
    begins: tuple[float, ...]
    pictures: tuple[RgbImage, ...]
    is_even: bool

    @property
    def frames(self) -> int:
        """Return how many frames the film has."""
        return self.shots.shots[-1].end

    def rows(self) -> list[dict[str, Any]]:
        """Return the shots as dictionaries: numbers and texts only, with times and durations in seconds."""
        return [
            {
                "frame": shot.start,
                "frames": shot.frames,
                "seconds": round(begin, 6),
                "duration": round(end - begin, 6),
                "begins": shot.transition.kind,
                "transition": shot.transition.frames,
            }
            for shot, (begin, end) in zip(self.shots.shots, pairwise(self.begins), strict=True)
        ]


def survey(
    path: Path | str,
    *,
    stream: int | None = None,
    fps: Fraction | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    watch: Callable[[int, Frame, Thumbnail], None] = lambda number, frame, thumbnail: None,
    glimpses: bool = False,
) -> Survey:
    """Decode a film and tell its shots.

    Args:
        stream: Number of the video stream; None takes the usual one.
        fps: Frames per second of an image sequence; None asks its headers.
        progress: Called with frames done and frames expected (0: unknown).
        watch: Called with each frame, its number from 0 on, and its thumbnail.
        glimpses: A frame of each quarter second carries its chroma then.

    Raises:
        InputError: as :func:`vidcolor.film.reader.open_video` and :func:`vidcolor.film.reader.frames` do.
    """
    with open_video(path, stream, fps=fps) as video:
        video.glimpses = glimpses
        found = _Finding(video.info)
        for seen, boundary in WithBoundaries(_seen(video, progress, watch), key=lambda seen: seen.thumbnail):
            found.push(seen, boundary)
        return found.finish()


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is kept of a frame until its shot is decided; its luma is a coarse sample, larger than a picture."""

    frame: Frame
    thumbnail: Thumbnail


def _seen(
    video: Video, progress: Callable[[int, int], None], watch: Callable[[int, Frame, Thumbnail], None]
) -> Iterator[_Seen]:
    for number, frame in enumerate(frames(video)):
        small = thumbnail_of(frame)
        watch(number, frame, small)
        progress(number + 1, video.info.frames)
        height, width = frame.luma.shape
        step = max(1, max(height, width) // (2 * PICTURE))
        sample: Luma = frame.luma[::step, ::step].copy()  # not a view: the frame itself can go
        yield _Seen(replace(frame, luma=sample, alpha=None, chroma=None), small)


@dataclass
class _Finding:
    """The shots found so far; the last one still runs."""

    info: VideoInfo
    shots: list[Shot] = field(default_factory=list)
    begins: list[float] = field(default_factory=list)
    pictures: list[RgbImage] = field(default_factory=list)
    is_even: bool = True
    count: int = 0
    _samples: dict[int, Frame] = field(default_factory=dict)  # of the running shot, by their distance from its start
    _time: float = 0.0  # of the last frame

    def push(self, seen: _Seen, boundary: Boundary | None) -> None:
        frame = seen.frame
        if self.count:
            self.is_even &= abs((frame.seconds - self._time) * float(self.info.rate) - 1) < UNEVEN
        if boundary or not self.count:
            self._end()
            transition = Transition(boundary.kind, boundary.length) if boundary else Transition("start")
            look = look_of(seen.thumbnail)
            landmark = Landmark(self.count, frame.pts, look) if look else None
            number = len(self.shots) + 1
            self.shots.append(Shot(number, self.count, self.count + 1, transition, landmark=landmark))
            self.begins.append(frame.seconds)
        offset = self.count - self.shots[-1].start
        if offset & (offset - 1) == 0:  # 0 and the powers of two: one of them lies near the middle, wherever it ends
            self._samples[offset] = frame
        self._time = frame.seconds
        self.count += 1

    def finish(self) -> Survey:
        """End the film."""
        self._end()
        self.begins.append(self._time + float(1 / self.info.rate))
        return Survey(
            self.info,
            ShotList(tuple(self.shots), TimecodeClock.of(self.info.rate)),
            tuple(seconds - self.begins[0] for seconds in self.begins),
            tuple(self.pictures),
            self.is_even,
        )

    def _end(self) -> None:
        """End the running shot before the next frame."""
        if not self.shots:
            return
        shot = self.shots[-1] = replace(self.shots[-1], end=self.count)
        middle = min(self._samples, key=lambda offset: abs(offset - shot.frames / 2))
        self.pictures.append(grey_picture(self._samples[middle], self.info, PICTURE))
        self._samples.clear()
