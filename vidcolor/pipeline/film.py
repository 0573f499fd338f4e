"""The journey of a frame: decode, network, chroma, encode; and the same for a single picture."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor import __version__
from vidcolor.color.arrays import Plane
from vidcolor.color.gamut import chroma_table
from vidcolor.errors import InputError, OutputError
from vidcolor.film.codecs import DEFAULT_CODEC, choose_codec, codec_options
from vidcolor.film.encode import EncodeSettings, Encoding, choose_encoding
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.packets import joined
from vidcolor.film.prefetch import prefetch
from vidcolor.film.reader import Video, frames, open_video
from vidcolor.film.rgb import frame_to_rgb, rgb_to_codes, without_color
from vidcolor.film.streams import fullest_suffix
from vidcolor.film.writer import FilmWriter
from vidcolor.network.checkpoint import Model, load_model
from vidcolor.network.device import choose_device, choose_precision
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.journal import Journal, film_identity
from vidcolor.pipeline.recorder import Recorder
from vidcolor.pipeline.segments import Start, Step, cut, located
from vidcolor.pipeline.smoothing import Smoother
from vidcolor.pipeline.stages import Network, Planes, colored, shared_cores
from vidcolor.pipeline.view import Colorizer
from vidcolor.settings import RunSettings, ShotSettings

BATCH = {"cpu": 8, "cuda": 16, "mps": 16}  # frames that go through the network together
LARGE = 1_000_000  # pixels: larger frames go by half as many on a CPU, where 4 % of time buys 100 MiB
DECODED = 8  # frames that may wait for the network
COLORED = 4  # and for the encoder, which takes them one by one


@dataclass(frozen=True)
class Result:
    """What came out of a run. ``seconds`` and ``fps`` are those of this run alone."""

    output: Path
    frames: int
    seconds: float
    fps: float
    model: str
    device: str
    warnings: tuple[str, ...]  # what was lost or damaged
    notes: tuple[str, ...] = ()  # what was done beyond coloring
    resumed: int = 0  # frames taken over from earlier runs


def batch_size(device: str, info: VideoInfo) -> int:
    """Frames of a batch, when nothing is asked for."""
    return BATCH[device] // (1 + (device == "cpu" and info.width * info.height > LARGE))


def default_output(source: Path, folder: Path | None = None) -> Path:
    """film.mp4 -> film.color.mp4; from what cannot be written, the container that keeps most of it.

    Raises:
        InputError: the source cannot be opened.
    """
    suffix = ".mp4" if source.suffix.lower() == ".gif" else source.suffix
    if suffix.lower() not in DEFAULT_CODEC:
        suffix = fullest_suffix(source)
    return (folder or source.parent) / f"{source.stem}.color{suffix}"


def colorize(
    source: Path | str,
    output: Path | str | None = None,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> Result:
    """Colorize a film.

    Args:
        output: Where to; by default beside the source, with ``.color`` in its name.
        settings: Of the run; shot: how its shots look.
        progress: Called with frames done and frames expected (0: unknown).
        report: Called with a line when earlier work is taken up, or cannot be.

    Raises:
        VidcolorError: one of its kinds, each told in one line. Nothing is left under the final name.
        KeyboardInterrupt: its text, if any, tells what is kept.
    """
    settings, shot = settings or RunSettings(), shot or ShotSettings()
    source = Path(source)
    encoder = EncodeSettings(settings.codec, settings.crf, settings.preset, settings.pix_fmt)
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    began = time.monotonic()
    with open_video(source, settings.stream, settings.deinterlace, settings.hwaccel) as video:
        refuse_hdr(video.info)
        target = Path(output) if output else default_output(source)
        with Journal(target) as journal:
            check_target(source, target, overwrite or (settings.resume and journal.is_published))
            codec_options(choose_codec(target, encoder.codec), encoder.crf, encoder.preset)
            model = load_model(settings.model)
            colorizer = Colorizer(
                model, video.info, device=device, precision=precision, size=settings.size, saturation=shot.saturation
            )
            stream = frames(video, settings.start, settings.duration)
            first = next(stream)  # tells the depth, and fails before anything is written
            encoding = choose_encoding(target, video.info, first.bits, encoder)
            video.keeps_alpha = encoding.alpha
            writer = FilmWriter(
                target, video.info, encoding, start=settings.start, duration=settings.duration, sealed=journal.seal
            )
            network = Network(colorizer, settings.batch_size or batch_size(device.type, video.info))
            whole = not settings.start and settings.duration is None
            run = _Run(video, settings, shot, network, encoding, writer, progress, video.info.frames if whole else 0)
            if settings.resume:
                identity = _identity(run, model)
                published = journal.is_published and not journal.differences(identity)
                check_target(source, target, overwrite or published)
                run.in_segments(journal, chain([first], stream), identity, report)
            else:
                journal.claim()
                try:
                    journal.clear()
                    run.straight(chain([first], stream))
                finally:
                    journal.remove()
    seconds = time.monotonic() - began
    return Result(
        output=target,
        frames=run.done,
        resumed=run.resumed,
        seconds=round(seconds, 3),
        fps=round((run.done - run.resumed) / seconds, 2),
        model=model.name,
        device=str(device),
        warnings=run.warnings,
        notes=tuple(run.video.notes),
    )


@dataclass
class _Run:
    """A film at work: frames ``done`` so far, and of these ``resumed`` from earlier runs."""

    video: Video
    settings: RunSettings
    shot: ShotSettings
    network: Network
    encoding: Encoding
    writer: FilmWriter
    progress: Callable[[int, int], None]
    expected: int
    done: int = 0
    resumed: int = 0
    _counts: deque[tuple[int, dict[str, float]]] = field(default_factory=deque)

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*self.writer.warnings, *self.video.warnings, *self.network.warnings)

    def __post_init__(self) -> None:
        self.writer.accept = self.accept

    def accept(self) -> None:
        """Just before the film gets its name: with ``strict``, nothing may have gone wrong."""
        if self.settings.strict and self.warnings:
            what = f"cannot colorize {self.video.info.path}"
            raise InputError(what, "; ".join(self.warnings), "Leave out --strict to accept it")

    def straight(self, stream: Iterator[Frame]) -> None:
        """From the first frame to the last with one encoder, into the output's part file."""
        steps = cut(stream, shortest=sys.maxsize, longest=sys.maxsize, context=self._context)
        with self.writer, self._colored(steps) as pictures:
            encoder = self.writer.encoder()
            for step, planes in pictures:
                self.writer.write(encoder.push(step.frame, planes))
                self._count()
            self.writer.write(encoder.flush())

    def in_segments(
        self, journal: Journal, stream: Iterator[Frame], identity: dict[str, Any], report: Callable[[str], None]
    ) -> None:
        """Segment by segment beside the output, from where the journal ends; then all joined."""
        journal.claim()
        try:
            self.writer.rehearse()
        except BaseException:
            if not journal.segments:
                journal.remove()
            raise
        if journal.segments and (changed := journal.differences(identity)):
            report(f"{self.writer.path} was begun with another {', '.join(changed)}: starting afresh")
        elif journal.is_published:  # the last run ended just before it tidied up
            self._take_over(journal)
            journal.remove()
            return
        journal.begin(identity)
        try:
            if journal.is_complete:
                self._take_over(journal)
            else:
                self._record(journal, stream, report)
            with self.writer:
                files = [journal.packets(segment.number) for segment in journal.segments]
                self.writer.write(joined(files, self.encoding.time_base))
        except BaseException as stop:
            if isinstance(stop, InputError) or not journal.segments:
                journal.remove()
            elif isinstance(stop, KeyboardInterrupt):
                kept = f"{journal.frames} frames are kept, and the same command goes on from there"
                raise KeyboardInterrupt(kept) from None
            raise
        journal.remove()

    def _record(self, journal: Journal, stream: Iterator[Frame], report: Callable[[str], None]) -> None:
        with ExitStack() as stack:
            start = journal.segments[-1].following if journal.segments else None
            if start is not None:
                found = stack.enter_context(self._resumed(start))
                if found is None:
                    report(f"{self.video.info.path} does not decode as it did before: starting afresh")
                    journal.forget()
                    start = None
                else:
                    stream = found
                    self._take_over(journal)
                    report(f"{self.done} frames are done already: going on from there")
            steps = cut(self._counted(stream), start=start, context=self._context)
            pictures = stack.enter_context(self._colored(steps))
            recorder = stack.enter_context(Recorder(journal, self.encoding, self.writer.path))
            for step, planes in pictures:
                recorder.push(step, planes, self._counts_at(step.frame.pts))
                self._count()
            recorder.finish()

    def _counted(self, stream: Iterator[Frame]) -> Iterator[Frame]:
        """The frames, with what had been counted when each came: decoding runs ahead of what is recorded."""
        for frame in stream:
            self._counts.append((frame.pts, self.video.tally))
            yield frame

    def _counts_at(self, pts: int) -> dict[str, float]:
        while self._counts[0][0] != pts:
            self._counts.popleft()
        return self._counts[0][1]

    @contextmanager
    def _resumed(self, start: Start) -> Iterator[Iterator[Frame] | None]:
        """The frames from a segment's start on: found by seeking, or else by reading from the beginning."""
        for near in (start.marks[0].pts, None):
            how = self.settings
            with open_video(self.video.info.path, how.stream, how.deinterlace, how.hwaccel) as video:
                stream = frames(video, how.start, how.duration, near=near)
                if (found := located(stream, start.marks)) is not None:
                    video.keeps_alpha = self.encoding.alpha
                    self.video = video
                    yield found
                    return
        yield None

    @contextmanager
    def _colored(self, steps: Iterator[Step]) -> Iterator[Iterator[tuple[Step, Planes]]]:
        # Closed in this order: a stage must not outlive the one it draws from, nor the container.
        with closing(prefetch(self._prepared(steps), DECODED)) as cuts:
            pictures = colored(cuts, self.network, self.encoding.chroma_size, self.shot.smooth)
            with shared_cores(), closing(prefetch(pictures, COLORED)) as ready:
                yield ready

    def _prepared(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The steps; once the network has its first batch, this thread is idle and makes what chroma will need."""
        for number, step in enumerate(steps):
            if number == self.network.size:
                chroma_table(step.frame.tags.matrix)
            yield step

    @property
    def _context(self) -> int:
        """Frames that smoothing wants to see beyond either end of a segment that parts a take."""
        return 2 * Smoother(self.shot.smooth).delay

    def _take_over(self, journal: Journal) -> None:
        self.done = self.resumed = journal.frames
        self.video.tally = journal.segments[-1].tally

    def _count(self) -> None:
        self.done += 1
        self.progress(self.done, self.expected)


def _identity(run: _Run, model: Model) -> dict[str, Any]:
    """All that decides the bytes of a segment, by the names that a user would know."""
    colorizer, settings = run.network.colorizer, run.settings
    found = {
        "input": film_identity(run.video.info.path),
        "model": model.sha256,
        "device": colorizer.device.type,
        "precision": str(colorizer.precision),
        "size": [colorizer.width, colorizer.height],
        "batch size": run.network.size,
        "saturation": run.shot.saturation,
        "smoothing": run.shot.smooth,
        "start": settings.start,
        "duration": settings.duration,
        "stream": run.video.info.stream,
        "deinterlace": settings.deinterlace,
        "hwaccel": settings.hwaccel,
        "encoding": asdict(run.encoding),
        "version": [__version__, *(version(name) for name in ("torch", "av", "numpy")), cv2.__version__],
    }
    return dict(json.loads(json.dumps(found, default=str)))


def tidy(target: Path) -> None:
    """Remove what a run left that was killed just after its film had got its name."""
    with Journal(target) as journal:
        if journal.is_published:
            journal.remove()


def refuse_hdr(info: VideoInfo) -> None:
    """The network and the color math know standard dynamic range; other code values would take wrong colors.

    Raises:
        InputError: the film is in high dynamic range.
    """
    if info.hdr:
        why = f"it is in high dynamic range ({info.hdr})"
        raise InputError(f"cannot colorize {info.path}", why, "Convert it to standard dynamic range first")


def check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse a target that would lose something, before any work is done."""
    what = f"cannot write {target}"
    if target.exists() and source.exists() and target.samefile(source):
        raise OutputError(what, "it is the input itself", "Choose another name with -o")
    if target.is_dir():
        raise OutputError(what, "it is a folder", "Name a file")
    if target.exists() and not overwrite:
        raise OutputError(what, "it exists", "Use -y to overwrite it, or choose another name with -o")
    if not target.parent.is_dir():
        raise OutputError(what, f"there is no folder {target.parent}", "Create it first")


def colorize_picture(frame: Frame, colorizer: Colorizer) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A frame as sRGB pictures ``(H, W, 3)``: grey and colored."""
    luma_small: Plane = colorizer.small(frame)
    ab = colorizer.ab([luma_small])[0]
    height, width = frame.luma.shape
    both = without_color(frame), chroma_planes(frame, luma_small, ab, width, height)
    grey, colored = (rgb_to_codes(frame_to_rgb(frame, chroma, width, height)) for chroma in both)
    return grey, colored
