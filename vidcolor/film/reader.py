"""A film read: what it is, and its frames with the luma exactly as decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vidcolor.errors import DeviceError, InputError
from vidcolor.film.clock import JUMP_BACK, rising
from vidcolor.film.containers.beginning import read_beginning
from vidcolor.film.containers.container import choose_stream, open_container
from vidcolor.film.containers.decode import Damage, count, pictures
from vidcolor.film.containers.demuxing import OtherStreams
from vidcolor.film.containers.joins import JOINABLE, find_clock
from vidcolor.film.containers.pipe import STANDARD, Arriving, is_pipe, open_pipe
from vidcolor.film.deinterlace import Deinterlace, Deinterlacer, Picture
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.info import color_tags, describe
from vidcolor.film.planes import chroma_of, luma_and_alpha, resize
from vidcolor.film.sequences.reading import SequenceReader, open_sequence, sequence_at
from vidcolor.film.streams.sound import with_sound
from vidcolor.film.transfer import TRANSFERS
from vidcolor.settings import RunSettings

_WRAP = Fraction(1 << 33, 90000)  # seconds; where the clocks of transport and program streams begin anew
GLIMPSE = 0.25  # seconds of a film of which one frame may tell what colors it has
_FIRST = 12  # pictures that are decoded to learn a film's clock, rate, orientation and kind


@dataclass
class Video:
    """An open film, and what has been noticed while reading it."""

    info: VideoInfo
    container: InputContainer | None  # none of an image sequence
    stream: VideoStream | None
    deinterlacer: Deinterlacer
    damage: Damage = field(default_factory=Damage)
    resized: int = field(default=0)  # frames of another size than the first
    retimed: int = field(default=0)  # frames whose time did not rise
    transparent: int = field(default=0)  # frames that are not opaque all over
    sequence: SequenceReader | None = field(default=None)  # of films without a container
    keeps_alpha: bool = field(default=True)  # whether their opacity goes on to the output
    glimpses: bool = field(default=False)  # whether the first frame of each quarter second carries its chroma
    others: OtherStreams | Arriving | None = field(default=None)  # what is copied beside the picture, if anything

    @property
    def arriving(self) -> Arriving | None:
        """Return the film while it comes through a pipe."""
        return self.others if isinstance(self.others, Arriving) else None

    @property
    def tally(self) -> dict[str, float]:
        """Return what has been counted so far; setting it takes over the counts of an earlier reading."""
        return {name: getattr(owner, name) for owner, name in self._counters()}

    @tally.setter
    def tally(self, counts: Mapping[str, float]) -> None:
        for owner, name in self._counters():
            setattr(owner, name, counts.get(name, 0))

    def _counters(self) -> list[tuple[Any, str]]:
        return [
            *((self.damage, name) for name in ("bad_packets", "bad_reads", "given_up", "declared", "reached")),
            *((self, name) for name in ("resized", "retimed", "transparent")),
            *((self.deinterlacer, name) for name in ("marked", "changed")),
        ]

    @property
    def warnings(self) -> list[str]:
        """Return what was lost or had to be mended, a line each."""
        lines = [*self.damage.lines, *(self.sequence.losses if self.sequence else ())]
        if self.transparent and not self.keeps_alpha:
            lines.append("the picture's alpha is not kept: --codec ffv1 with .mkv, or prores_ks with .mov, keeps it")
        return lines

    @property
    def notes(self) -> list[str]:
        """Return what was done to frames, a line each."""
        notes = list(self.sequence.notes) if self.sequence else []
        how = self.deinterlacer
        if how.changed:
            notes.append(
                f"{how.changed} of {how.marked or how.changed} interlaced frames deinterlaced; "
                "--deinterlace off keeps them as they are"
            )
        elif how.marked and how.mode == "auto":
            notes.append(f"{count(how.marked, 'frame')} marked as interlaced, but without combing: kept as they are")
        notes += _joins(self.info)
        if self.resized:
            size = f"{self.info.width}x{self.info.height}"
            notes.append(f"the picture's size changes: {count(self.resized, 'frame')} scaled to the first, {size}")
        if self.info.timestamps == "none":
            notes.append(f"the film tells no times: {float(self.info.rate):.4g} frames per second taken")
        if self.retimed:
            notes.append(f"{count(self.retimed, 'frame')} without a time that rises, placed between the neighbors")
        return notes


def _joins(info: VideoInfo) -> list[str]:
    """Return the places where a film's clock jumps, a line each."""
    lines = []
    for join in info.clock.joins:
        jump = (join.begins - join.ends + _WRAP / 2) % _WRAP - _WRAP / 2
        how = f"jumps ahead by {_span(jump)}" if jump > 0 else f"goes back by {_span(-jump)}"
        at = float(join.begins + join.shift - info.begin * info.time_base)
        lines.append(f"the film's clock {how} at {at:.1f} s: closed, for picture, sound and subtitles alike")
    return lines


def _span(seconds: Fraction) -> str:
    whole = round(seconds)
    return f"{float(seconds):.1f} s" if seconds < 100 else f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


@contextmanager
def open_video(
    path: Path | str,
    stream: int | None = None,
    deinterlace: Deinterlace = "auto",
    hwaccel: str = "",
    *,
    fps: Fraction | None = None,
    transfer: str = "auto",
    sound: Path | None = None,
    copying: bool = False,
) -> Iterator[Video]:
    """Open a film, or an image sequence, for reading.

    Args:
        path: Of the film; "-" is stdin, which can be opened once.
        stream: Number of the video stream; None takes the first that is no cover.
        deinterlace: "on" makes one picture of both fields in every frame, "auto" in those that are marked as
            interlaced and show combing.
        hwaccel: Kind of device that decodes, as in "cuda"; "" is the processor.
        fps: Frames per second of an image sequence; None asks its headers.
        transfer: What its code values mean, one of transfer.TRANSFERS, or "auto" for what its headers say.
        sound: A file whose sound goes with it.
        copying: Its other streams will be copied: how they begin is looked at together with the first pictures.

    Raises:
        DeviceError: there is no such device, or it cannot decode the film.
        InputError: absent, a folder of several things, not a film, damaged, or without a picture; the sound does not
            go with it.
    """
    path = Path(path)
    if is_pipe(path):
        with _open_piped(stream, deinterlace, hwaccel) as video:
            yield video
        return
    if (sequence := sequence_at(path)) is not None:
        reader = open_sequence(sequence, fps, TRANSFERS.get(transfer))
        if sound is None:
            yield Video(reader.info, None, None, Deinterlacer("off"), sequence=reader)
            return
        with closing(OtherStreams(sound)) as others:
            info = with_sound(reader.info, sound)
            yield Video(info, None, None, Deinterlacer("off"), sequence=reader, others=others)
        return
    if sound:
        why = "a film has its own sound: this is for image sequences"
        raise InputError(f"cannot add the sound of {sound} to {path}", why, "Leave out --audio")
    with open_container(path, hwaccel) as container:
        chosen = choose_stream(path, container, stream)
        beginning = read_beginning(path, chosen.index, _FIRST, copying=copying)
        info = describe(path, container, chosen, beginning.pictures)
        if container.format.name in JOINABLE:  # of the others, none needs to be opened once more
            info = replace(info, clock=find_clock(path, chosen.index))
        info = replace(info, fields_kept=deinterlace == "off")
        with closing(OtherStreams(path, beginning.packets)) as others:
            yield Video(info, container, chosen, Deinterlacer(deinterlace), others=others)


def open_film(path: Path | str, settings: RunSettings, *, copying: bool = False) -> AbstractContextManager[Video]:
    """Open a film, or an image sequence, as the settings of a run say; as :func:`open_video` does."""
    return open_video(
        path, settings.stream, settings.deinterlace, settings.hwaccel, fps=settings.rate, transfer=settings.transfer,
        sound=Path(settings.audio) if settings.audio else None, copying=copying,
    )  # fmt: skip


@contextmanager
def _open_piped(stream: int | None, deinterlace: Deinterlace, hwaccel: str) -> Iterator[Video]:
    if hwaccel:
        what = f"cannot decode {STANDARD} with {hwaccel}"
        raise DeviceError(what, "what a pipe brings is decoded on the processor", "Leave --hwaccel out")
    damage = Damage()
    with open_pipe() as container:
        arriving = Arriving(container, stream, damage, _FIRST)
        info = describe(STANDARD, container, arriving.stream, arriving.first)
        info = replace(info, fields_kept=deinterlace == "off", piped=True)
        yield Video(info, container, arriving.stream, Deinterlacer(deinterlace), damage, others=arriving)


def probe(path: Path | str, stream: int | None = None, *, fps: Fraction | None = None) -> VideoInfo:
    """Return what is known about a film from its container and first pictures, or about an image sequence."""
    with open_video(path, stream, fps=fps) as video:
        return video.info


def frames(
    video: Video,
    start: float = 0.0,
    duration: float | None = None,
    *,
    chroma: bool = False,
    near: int | None = None,
) -> Iterator[Frame]:
    """Yield the frames from ``start`` on, in order, for ``duration`` seconds (None: to the end).

    With ``chroma``, frames of color footage carry theirs. Times rise. Packets that do not decode are skipped and
    counted in ``video.damage``. With ``near``, a pts, reading begins at a keyframe before it, as far as the container
    can find one.

    Raises:
        InputError: nothing decodes.
    """
    if video.sequence is not None:
        glimpse = GLIMPSE if video.glimpses else 0.0
        stream = video.sequence.between(start, duration, chroma=chroma, near=near, glimpse=glimpse)
        yield from _numbered(video, stream)
        return
    info = video.info
    origin = float(info.begin * info.time_base)
    first, last = origin + start, origin + start + duration if duration is not None else float("inf")
    if (start or near is not None) and info.timestamps != "none" and info.clock.is_even and not info.piped:
        _seek(video, first if near is None else float(near * info.time_base))
    step = max(1, round(1 / (info.rate * info.time_base)))
    jump = round(JUMP_BACK / info.time_base)
    given, beat = 0, -1
    timed = ((picture, _time(picture[0], info)) for picture in _pictures(video))
    for ((raw, luma), found), pts in rising(_twice(timed), step, jump, info.begin):
        when = float(pts * info.time_base)
        if when < first - 1e-9:
            continue
        if when >= last - 1e-9:
            break
        given += 1
        # The decoding clock stops before the last frames come out, in any film.
        video.retimed += found != pts and (found is not None or info.timestamps == "pts")
        frame = _frame(video, raw, luma, pts)
        glimpse = video.glimpses and int((when - origin) / GLIMPSE) != beat
        beat = int((when - origin) / GLIMPSE)
        yield replace(frame, chroma=chroma_of(raw, frame.tags.matrix)) if chroma or glimpse else frame
    if not given:
        bad = video.damage.bad_packets
        why = f"{bad} packets do not decode" if bad else "the range holds no frame"
        raise InputError(f"cannot read {info.path}", why, "The film is damaged, encrypted or shorter than --start")


def _numbered(video: Video, stream: Iterator[Frame]) -> Iterator[Frame]:
    """Yield the frames of an image sequence, counted as those of films are."""
    for frame in stream:
        if frame.alpha is not None:
            video.transparent += bool(frame.alpha.min() < (1 << frame.bits) - 1)
        yield frame


def _twice(timed: Iterable[tuple[Picture, int | None]]) -> Iterator[tuple[tuple[Picture, int | None], int | None]]:
    """Return the time found beside its picture, and for the repair of times."""
    return (((picture, time), time) for picture, time in timed)


def _pictures(video: Video) -> Iterator[Picture]:
    info = video.info
    if video.arriving is not None:
        decoded = video.arriving.pictures()
    else:
        assert video.container is not None
        assert video.stream is not None
        decoded = pictures(video.container, video.stream, info.path, video.damage, info.clock)
    for raw in decoded:
        yield from video.deinterlacer.push(raw)
    yield from video.deinterlacer.flush()


def _seek(video: Video, seconds: float) -> None:
    """Go to a keyframe before a time; where the container cannot, reading begins at its start."""
    if video.info.interlaced:
        seconds -= 0.5  # the deinterlacer looks at the frame before
    assert video.container is not None
    try:
        video.container.seek(int(seconds / video.info.time_base), stream=video.stream)
    except (FFmpegError, OverflowError):  # OverflowError: a time beyond all clocks
        return


def _time(raw: VideoFrame, info: VideoInfo) -> int | None:
    if info.timestamps == "dts":
        return None if raw.dts is None else raw.dts + info.dts_shift
    time: int | None = raw.pts if raw.pts is not None else raw.dts
    return time


def _frame(video: Video, raw: VideoFrame, luma: NDArray[Any] | None, pts: int) -> Frame:
    info = video.info
    tags = color_tags(raw, info.codec, info.width, info.height)
    plane, bits, alpha = luma_and_alpha(raw, tags.matrix)
    video.transparent += alpha is not None and bool(alpha.min() < (1 << bits) - 1)
    frame = Frame(plane if luma is None else luma, bits, pts, info.time_base, tags, alpha=alpha)
    if frame.luma.shape != (info.height, info.width):
        video.resized += 1
        opacity = None if alpha is None else resize(alpha, info.width, info.height)
        frame = replace(frame, luma=resize(frame.luma, info.width, info.height), alpha=opacity)
    return frame
