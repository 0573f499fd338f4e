"""The shots of a film, from one pass over its luma: nothing is colorized."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vidcolor.film.reader import Video, frames, open_video
from vidcolor.film.shots import Thumbnail, WithBoundaries, thumbnail_of


@dataclass(frozen=True)
class Shot:
    """A shot of a film.

    Attributes:
        frame: Its first frame, counted from 0.
        frames: How many it has.
        seconds: When it begins, counted from the film's first frame.
        duration: In seconds.
        begins: How it comes about.
        transition: Frames that the change from the shot before takes; 0 for a cut.
    """

    frame: int
    frames: int
    seconds: float
    duration: float
    begins: Literal["start", "cut", "dissolve", "fade"]
    transition: int


def list_shots(path: Path | str, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Shot]:
    """Decode a film and tell its shots.

    Args:
        progress: Called with frames done and frames expected (0: unknown).

    Raises:
        InputError: as :func:`vidcolor.film.reader.open_video` and :func:`vidcolor.film.reader.frames` do.
    """
    times: list[float] = []

    def thumbnails(video: Video) -> Iterator[Thumbnail]:
        for frame in frames(video):
            times.append(frame.seconds)
            progress(len(times), video.info.frames)
            yield thumbnail_of(frame)

    with open_video(path) as video:
        decided = WithBoundaries(thumbnails(video), key=lambda small: small)
        boundaries = [boundary for _, boundary in decided if boundary]
        end = times[-1] + float(1 / video.info.rate)
    starts = [0, *(boundary.frame for boundary in boundaries)]
    stops = [*starts[1:], len(times)]
    times.append(end)
    return [
        Shot(
            frame=start,
            frames=stop - start,
            seconds=round(times[start] - times[0], 6),
            duration=round(times[stop] - times[start], 6),
            begins=boundary.kind if boundary else "start",
            transition=boundary.length if boundary else 0,
        )
        for start, stop, boundary in zip(starts, stops, [None, *boundaries], strict=True)
    ]
