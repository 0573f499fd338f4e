"""What a run would do: with which settings, about how long it takes and how large it gets. Nothing is written.

Time and size come from about a second of the real work, done on the middle of the film.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vidcolor.errors import OutputError, VidcolorError, reason
from vidcolor.film.containers.pipe import is_pipe
from vidcolor.film.encoding.encode import Encoding, VideoEncoder
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.reader import frames, open_film
from vidcolor.film.sequences.publishing import FrameEncoder
from vidcolor.film.sequences.writing import FrameFiles
from vidcolor.film.streams.bitrate import copied_rate
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.batch import output_beside
from vidcolor.pipeline.chain import Chain, Piece
from vidcolor.pipeline.destination import check_destination, numbered_target
from vidcolor.pipeline.earlier import Earlier
from vidcolor.pipeline.film import is_done, run_identity
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.inputs import is_photograph
from vidcolor.pipeline.photos.photo import colorize_photograph
from vidcolor.pipeline.segments.cutting import SHORTEST, cut
from vidcolor.pipeline.segments.journal import Journal
from vidcolor.pipeline.stretches import ranges
from vidcolor.pipeline.target import check_target
from vidcolor.pipeline.work import Work
from vidcolor.settings import RunSettings, ShotSettings

SECONDS = 1.0  # of work on each film
PHOTOGRAPHS = 10  # that are colored on trial; what they take is expected of all others


@dataclass(frozen=True)
class Forecast:
    """What a run would do with one input.

    Attributes:
        error: Why nothing would; "" when it would be done.
        skipped: The output is there already, and would stay.
        frames: Of the output; 0: unknown.
        resumed: Of these, how many are finished already.
        seconds: That the work takes, about, without loading the network; None: unknown.
        bytes: Of the output, about; None: unknown.
        settings: What decides how it comes out, by the names that a user would know.
    """

    source: Path
    output: Path
    error: str = ""
    skipped: bool = False
    frames: int = 0
    resumed: int = 0
    seconds: float | None = None
    bytes: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def forecast_all(
    inputs: Iterable[tuple[Path, Path]],
    output: Path | None = None,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    begin: Callable[[Path], None] = lambda source: None,
) -> Iterator[Forecast]:
    """Yield what coloring each input would do.

    Args:
        inputs: From inputs.find_inputs.
        output: A file for a single input, or a folder, which need not exist yet; None: beside each.
        begin: Called with each input before it is looked at.

    Raises:
        CheckpointError, DeviceError: there is no such model or device.
    """
    run, look = settings or RunSettings(), shot or ShotSettings()
    prepared = cache(lambda: Predictor.load(run))
    written: set[Path] = set()
    trials: list[Forecast] = []
    for source, root in inputs:
        begin(source)
        target = source
        try:
            target = _target(source, root, output)
            if target in written:
                raise OutputError(f"cannot write {target}", "another input has the same output", "Rename one of them")
            written.add(target)
            if not is_photograph(source):
                yield _film(source, target, overwrite, run, look, prepared)
            elif target.exists() and not overwrite:
                yield Forecast(source, target, skipped=True)
            elif len(trials) < PHOTOGRAPHS:
                trials.append(_photograph(source, target, run, look, prepared()))
                yield trials[-1]
            else:
                yield _like(trials, source, target)
        except VidcolorError as error:
            yield Forecast(source, target, error=str(error))
        except OSError as error:
            yield Forecast(source, target, error=f"cannot open {source}: {reason(error)}.")


def _target(source: Path, root: Path, output: Path | None) -> Path:
    """Return where an input's colors go; a name with a suffix that is no folder is that of the file itself."""
    if output is not None and is_pipe(output):
        why = "what goes to stdout has no size that could be told"
        raise OutputError(f"cannot try {source}", why, "Name a file with -o, or leave out --dry-run")
    if output is not None and output.suffix and not output.is_dir():
        if not numbered_target(output):
            check_target(source, output, overwrite=True)
        return output
    target = output_beside(source, output / source.parent.relative_to(root) if output else None)
    if target.parent.is_dir() and not numbered_target(target):  # others are made
        check_target(source, target, overwrite=True)
    return target


def _film(
    source: Path,
    target: Path,
    overwrite: bool,
    settings: RunSettings,
    shot: ShotSettings,
    prepared: Callable[[], Predictor],
) -> Forecast:
    with (
        open_film(source, settings) as video,
        Journal(target) as journal,
    ):
        earlier = Earlier.read(target) if settings.shots and settings.resume and not settings.only else None
        if is_done(target) and not overwrite and not earlier and not journal.is_published:
            return Forecast(source, target, skipped=True)
        if numbered_target(target):
            check_destination(video, source, target, settings, overwrite=True)
        grading = Grading.of(settings, shot, video.info)
        count, seconds = _extent(video.info, settings, grading)
        middle = settings.start + seconds / 2
        stream = frames(video, middle, chroma=grading.keeps_colors)
        first = next(stream)
        work = Work.of(video, target, first.bits, settings, grading, prepared())
        sample = _tried(work, chain([first], stream))
        identity = run_identity(work)
        if earlier and not overwrite:
            earlier.check(identity)
        sources = (source for source in (earlier, journal) if source and not source.differences(identity))
        done = Chain(work, (Piece(segment, target) for source in sources for segment in source.segments)).frames
        copied = copied_rate(video.info, video.info.clock_start + middle) * seconds
    return Forecast(
        source, target, frames=count, resumed=done, settings=_described(work, shot),
        seconds=round(sample.seconds * (count - done), 1) if count else None,
        bytes=round(sample.size(count) + copied) if count else None,
    )  # fmt: skip


def _extent(info: VideoInfo, settings: RunSettings, grading: Grading) -> tuple[int, float]:
    """Return the frames and seconds that would be colored; zeros where the container does not tell."""
    if settings.only:
        count = sum(end - start for start, end in ranges(settings, grading))
        return count, float(count / info.rate)
    left = max(0.0, info.seconds - settings.start)
    seconds = left if settings.duration is None else min(settings.duration, left) if left else settings.duration
    whole = not settings.start and settings.duration is None
    return (info.frames if whole and info.frames else round(seconds * info.rate)), seconds


class _Piece(Protocol):
    """What an encoder gives: a packet, or a file."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def is_keyframe(self) -> bool:
        """Whether it needs no others."""


@dataclass(frozen=True)
class _Sample:
    """What a part of a film took.

    Attributes:
        seconds: For each frame.
        keyframe, other: Mean bytes of the two kinds of packets; keyframes alone: no others came.
    """

    seconds: float
    keyframe: float
    other: float | None

    def size(self, count: int) -> float:
        """Return the bytes of so many frames: each segment begins with a keyframe, and few others are needed."""
        if self.other is None:
            return count * self.keyframe
        keyframes = max(1, round(count / SHORTEST))
        return keyframes * self.keyframe + (count - keyframes) * self.other


def _tried(work: Work, stream: Iterator[Frame]) -> _Sample:
    """Do the real work for about a second, on frames from the stream."""
    view, predictor = work.stages.view, work.stages.predictor
    blank = view.upright(np.zeros((view.height, view.width), np.float32))
    predictor.predict([blank] * work.stages.batch)  # what is done once for a size is no part of the work
    times = [time.monotonic()]
    pieces: list[_Piece] = []
    steps = cut(stream, shortest=sys.maxsize, longest=sys.maxsize, context=work.context)
    with _trial_encoder(work.encoding) as encoder:
        with work.colored(steps) as pictures:
            for step, planes in pictures:
                pieces += encoder.push(step.frame, planes)
                times.append(time.monotonic())
                if len(times) > 2 * work.stages.batch and times[-1] - times[1] >= SECONDS:
                    break
        count, early = len(times) - 1, len(pieces)
        pieces += encoder.flush()
    flushed = time.monotonic() - times[-1]
    seconds = _steady(times)
    # What an encoder holds back for its foresight has yet to be worked for each frame.
    seconds += flushed / max(1, len(pieces) - early) * (1 - early / count)
    keys = [piece.size for piece in pieces if piece.is_keyframe]
    others = [piece.size for piece in pieces if not piece.is_keyframe]
    return _Sample(seconds, float(np.mean(keys or others)), float(np.mean(others)) if others else None)


@contextmanager
def _trial_encoder(encoding: Encoding | FrameFiles) -> Iterator[VideoEncoder | FrameEncoder]:
    """Give what encodes a film's frames, into memory or into a folder that is removed at once."""
    if isinstance(encoding, Encoding):
        yield VideoEncoder(encoding)
        return
    with tempfile.TemporaryDirectory(prefix="vidcolor-") as folder:
        yield FrameEncoder(encoding, Path(folder))


def _steady(times: list[float]) -> float:
    """Return seconds for each frame, from the time of the start and those when frames came, a batch at a time."""
    waits = np.diff(times)
    if len(waits) < 3:  # too few to tell the start from what follows
        return (times[-1] - times[0]) / len(waits)
    longest = waits[1:].max()
    last = int(np.flatnonzero(waits[1:] >= longest / 2)[-1]) + 2  # the first frame of the last batch
    return (times[last] - times[1]) / (last - 1)


def _described(work: Work, shot: ShotSettings) -> dict[str, Any]:
    stages, encoding = work.stages, work.encoding
    return {
        "model": stages.predictor.model.name,
        "device": str(stages.predictor.device),
        "precision": str(stages.predictor.precision).removeprefix("torch."),
        "network size": f"{stages.view.width}x{stages.view.height}",
        "batch": stages.batch,
        "saturation": shot.saturation,
        "smooth": shot.smooth,
        "looks": work.settings.looks,
        **encoding.described(),
        "streams copied": len(work.video.info.streams),
    }


def _photograph(
    source: Path, target: Path, settings: RunSettings, shot: ShotSettings, predictor: Predictor
) -> Forecast:
    """Color a photograph on trial, into a folder that is removed at once."""
    with tempfile.TemporaryDirectory(prefix="vidcolor-") as folder:
        result = colorize_photograph(
            source, Path(folder) / target.name, settings=settings, shot=shot, predictor=predictor
        )
        size = result.output.stat().st_size
    used = {
        "model": predictor.model.name,
        "device": str(predictor.device),
        "precision": str(predictor.precision).removeprefix("torch."),
        "saturation": shot.saturation,
    }
    return Forecast(source, target, frames=1, seconds=round(result.seconds, 2), bytes=size, settings=used)


def _like(trials: list[Forecast], source: Path, target: Path) -> Forecast:
    """Return what those that were tried took, in proportion to the size of the files."""
    tried = sum(each.source.stat().st_size for each in trials)
    share = source.stat().st_size / max(1, tried)
    seconds = sum(each.seconds or 0.0 for each in trials) * share
    size = sum(each.bytes or 0 for each in trials) * share
    return Forecast(source, target, frames=1, seconds=round(seconds, 2), bytes=round(size), settings=trials[0].settings)
