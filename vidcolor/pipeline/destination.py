"""What a film is written into: a container, or numbered files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from numpy.typing import NDArray

from vidcolor.errors import InputError, OutputError, VidcolorError, writing
from vidcolor.files import PHOTOS, has_suffix
from vidcolor.film.containers.container import runs_evenly
from vidcolor.film.containers.pipe import STDOUT
from vidcolor.film.encoding.codecs import choose_codec, codec_options
from vidcolor.film.encoding.encode import EncodeSettings, Encoding, choose_encoding
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.images.writing import check_format
from vidcolor.film.reader import Video
from vidcolor.film.sequences.numbering import Numbered, parse_numbered
from vidcolor.film.sequences.publishing import FrameOutput
from vidcolor.film.sequences.writing import FrameFiles
from vidcolor.film.timecode import TimecodeClock
from vidcolor.film.transfer import VIDEO
from vidcolor.film.writer import FilmWriter
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.segments.journal import STRAIGHT, Journal
from vidcolor.pipeline.target import check_target
from vidcolor.settings import RunSettings

# Settings of encoders and containers. They are told, not refused: a batch may write films beside sequences.
_OF_CONTAINERS = ("codec", "crf", "preset", "pix_fmt")
_OF_SEQUENCES, _OF_FILMS = ("fps", "transfer"), ("stream", "deinterlace", "hwaccel")


class Output(Protocol):
    """A film on its way to its name: a context manager that takes frames.

    Attributes:
        path: The name.
        warnings: What it does not hold, a line each.
        accept: Called when all is written and told of in ``warnings``; it may still refuse.
    """

    path: Path
    warnings: list[str]
    accept: Callable[[], None]

    def __enter__(self) -> object:
        """Begin to write."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Give what is written its name, or leave nothing of it."""

    def rehearse(self) -> None:
        """Find out what does not fit, before any work is done."""

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int) -> None:
        """Take the next frame with its Cb and Cr, and its number in the film."""

    def flush(self) -> None:
        """Take the end of the frames."""


def numbered_target(target: Path) -> Numbered | None:
    """Return the name of the files that a film becomes; None when it becomes one file.

    A percent sign in the name of a film is a percent sign: only names of pictures have numbers.

    Raises:
        OutputError: the name has several numbers, or one in a folder's name.
    """
    return parse_numbered(target) if has_suffix(target, PHOTOS) else None


def check_destination(video: Video, source: Path, target: Path, settings: RunSettings, *, overwrite: bool) -> None:
    """Refuse a destination that does not fit or would lose something, before any work is done.

    Args:
        video: The film.
        source: What it was opened as.
        target: A film, or a name like ``out/reel_%06d.dpx``, whose folder need not be there.
        settings: Of the run.
        overwrite: What is there may be replaced.

    Raises:
        OutputError: it is the source, exists, or is no place for colors.
    """
    name = numbered_target(target)
    if name is None:
        check_target(source, target, overwrite)
        return
    what = f"cannot write {target}"
    check_format(name.path(0))
    if settings.audio:
        raise OutputError(what, "an image sequence holds no sound", "Leave out --audio, or write a film: -o film.mov")
    there = _there(name, video, settings)
    own = video.sequence
    if there and own and name.path(there[0]).samefile(own.sequence.name.path(there[0])):
        raise OutputError(what, "it is the input itself", "Choose another name with -o")
    if there and not overwrite:
        count = f"{len(there)} of its frames exist" if len(there) > 1 else "one of its frames exists"
        remedy = "Use -y to overwrite them, or choose another name with -o"
        raise OutputError(what, f"{count}, {name.path(there[0]).name} first", remedy)


def check_encoder(target: Path, settings: RunSettings) -> None:
    """Refuse settings that the encoder of a film does not take.

    Raises:
        OutputError: container, codec and settings do not fit.
    """
    if numbered_target(target) is None:
        codec_options(choose_codec(target, settings.codec), settings.crf, settings.preset)


def make_folder(target: Path) -> None:
    """Make the folder that numbered files go into.

    Raises:
        OutputError: it cannot be made.
    """
    if name := numbered_target(target):
        with writing(name.folder):
            name.folder.mkdir(parents=True, exist_ok=True)


def _there(name: Numbered, video: Video, settings: RunSettings) -> list[int]:
    """Return the numbers of files that exist and would be written."""
    if video.sequence:
        numbers = video.sequence.numbers(settings.start, settings.duration)
        return [number for number in numbers if name.path(number).exists()]
    if not name.folder.is_dir():
        return []
    return sorted(number for file in name.folder.iterdir() if (number := name.number(file.name)) is not None)


def choose_form(
    video: Video, target: Path, bits: int, settings: RunSettings, encoder: EncodeSettings, grading: Grading
) -> Encoding | FrameFiles:
    """Return how a film's frames become what is written.

    Args:
        video: The film.
        target: What is written.
        bits: Depth of its frames.
        settings: Of the run; encoder: what they say about an encoder.
        grading: What is wanted of the frames.

    Raises:
        OutputError: container, codec and depth do not fit; InputError: the luma of log or light cannot be changed.
    """
    name, info = numbered_target(target), video.info
    if name is None:
        # What is shown of log is computed in 16 bits, but is no finer than the codes that it comes from.
        return choose_encoding(target, info, min(bits, info.bits), encoder)
    if grading.changes_luma and video.sequence and video.sequence.meaning is not VIDEO:
        why = f"its codes are {video.sequence.meaning.name}, and a look-up table is for pictures as they are shown"
        raise InputError(f"cannot change the luma of {info.path}", why, "Leave out --lut-luma")
    return FrameFiles(
        replace(name, folder=Path()), info.width, info.height, bits, info.rate,
        timecode=_timecode(info, settings, grading), alpha="alpha" in check_format(target).keeps,
    )  # fmt: skip


def _timecode(info: VideoInfo, settings: RunSettings, grading: Grading) -> str:
    """Return the timecode of the frame that is counted as 0; empty when there is none."""
    counts_from_start = bool(settings.start) and not grading.shots
    skipped = ceil(settings.start * info.rate - 1e-6) if counts_from_start else 0
    try:
        return TimecodeClock.of(info.rate, info.timecode).text(skipped) if info.timecode else ""
    except VidcolorError:  # of another rate than the film's
        return ""


def open_output(
    form: Encoding | FrameFiles,
    target: Path,
    video: Video,
    first: Frame,
    extent: tuple[float, float | None, bool],
    journal: Journal | None,
) -> Output:
    """Return what a film is written with.

    Args:
        form: From choose_form.
        target: What is written.
        video: The film.
        first: Its first frame that is colored.
        extent: When it begins in its film, how long it lasts (None: to the end), and if it has gaps.
        journal: Of what is written; None: it goes to stdout.
    """
    sealed = journal.seal if journal else lambda part: None
    if isinstance(form, Encoding):
        start, duration, has_gaps = extent
        return FilmWriter(
            target, video.info, form, start=start, duration=duration, sealed=sealed, alone=has_gaps,
            others=video.others, descriptor=None if journal else STDOUT,
        )  # fmt: skip
    assert journal is not None, "numbered files do not go to stdout"
    if video.arriving:
        video.arriving.want(set())
    output = FrameOutput(target, form, journal.folder / STRAIGHT, sealed=sealed)
    output.warnings += [*form.losses(first), *_left_behind(video.info)]
    return output


def _left_behind(info: VideoInfo) -> list[str]:
    """Return what of a film numbered files do not hold, a line each."""
    if info.is_sequence:
        return []
    kinds = ("audio", "subtitle", "attachment")
    streams = [f"{each.kind} stream {each.index} ({each.codec})" for each in info.streams if each.kind in kinds]
    lines = [f"an image sequence holds pictures only: {', '.join(streams)} left out"] if streams else []
    if not runs_evenly(info):
        told = f"{float(info.rate):.5g} a second"
        lines.append(f"the film's frames do not come at an even rate: as numbered files, {told}, they move in time")
    return lines


def notes_on(info: VideoInfo, target: Path, settings: RunSettings) -> list[str]:
    """Return which settings have no meaning for a film and what it is written into, a line each."""
    usual = RunSettings()
    groups: list[tuple[tuple[str, ...], str]] = [
        (_OF_FILMS, "films: an image sequence is read without")
        if info.is_sequence
        else (_OF_SEQUENCES, "image sequences: a film tells its own")
    ]
    if numbered_target(target):
        groups.append((_OF_CONTAINERS, "films: numbered files are written without"))
    lines = []
    for names, why in groups:
        if given := [name for name in names if getattr(settings, name) != getattr(usual, name)]:
            lines.append(f"{', '.join(given)} {'are' if given[1:] else 'is'} for {why}")
    return lines
