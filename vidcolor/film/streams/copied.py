"""Everything of a film but its picture: sound, subtitles, covers, attachments, chapters and tags, as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import ArgumentError, InvalidDataError, PermissionError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vidcolor.errors import VidcolorError
from vidcolor.film.containers.container import (
    PROBED_BYTES,
    PROBED_SECONDS,
    is_complete,
    is_cover,
    readable,
    tick_of,
    times_of,
)
from vidcolor.film.containers.demuxing import OtherPackets, OtherStreams, Part
from vidcolor.film.containers.pipe import Arriving
from vidcolor.film.encoding.codecs import CONTAINERS, COUNTING, MATROSKA
from vidcolor.film.frame import VideoInfo, usual_matrix
from vidcolor.film.marks.tracks import TrackMarks
from vidcolor.film.streams.counted import Chunks, CountedSound, Samples
from vidcolor.film.streams.templates import add_copy, kept_tags, named, told_losses
from vidcolor.film.streams.trial import Fit, fitting, takes_timecode
from vidcolor.film.timecode import TimecodeClock

_TELL_ASPECT = ("mpeg4", "libx264")  # the codecs of AVI that tell the pixels' shape themselves
_COVERS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png"), "bmp": ("cover.bmp", "image/bmp")}
_THREE_LETTERS = re.compile(r"[a-z]{3}")  # a language of ISO 639-2
_AUDIBLE = 0.015  # seconds by which sound may be moved without a word
_LIMITS = f"the first {PROBED_BYTES // 10**6} MB or {PROBED_SECONDS} s"
_LATEST = 25  # ticks of the picture that are tried


@dataclass
class _Copy:
    """A stream on its way."""

    target: Stream
    counted: CountedSound | None = None  # where the container counts packets
    written: int | None = None  # dts of its last packet, on the container's clock
    unfit: int = 0  # packets that the container did not take


class StreamCopies:
    """Adds a film's other streams to a container that is not written yet, and copies their packets.

    Args:
        container, picture: Written to: the container, and its stream of the colored picture.
        info: The film.
        suffix: The container's.
        part: What of the film is copied.
        others: The streams to copy, or the film, where it comes through a pipe; None where there are none.
        fits: What is known of how the container takes streams, by their index; what is found is added.

    Attributes:
        marks: What is to be marked on the tracks of the finished file, by their places in it.
    """

    def __init__(
        self,
        container: OutputContainer,
        picture: VideoStream,
        info: VideoInfo,
        suffix: str,
        part: Part,
        others: OtherStreams | Arriving | None,
        fits: dict[int, Fit | None],
    ) -> None:
        self._fits = fits
        self._container, self._info, self._suffix = container, info, suffix
        self._part, self._shift = part, part.shift
        self.marks: dict[int, TrackMarks] = {}  # of the container's tracks, in their order
        self._losses: list[tuple[str, str]] = []  # what, and the container that could hold it
        self._left: list[str] = []  # streams that nothing is known of, a line each
        self._late = 0  # ticks by which the picture starts later than the sound
        self._copies: dict[int, _Copy] = {}
        self._covers: list[tuple[Stream, bytes]] = []  # of MP4: streams of one packet, whatever part is copied
        self._waiting: tuple[Packet[Stream], float] | None = None
        self._source = others.open() if isinstance(others, OtherStreams) else others.container if others else None
        self._first = others.early if others else {}
        if info.is_sequence:
            self._add_sound(picture)
        elif self._source is not None:
            self._add_all(self._source, picture)
        if info.captions:
            self._losses.append(("the closed captions inside the picture", ""))
        codec = picture.codec_context.name
        tells = {".avi": codec in _TELL_ASPECT, ".mxf": codec != "dnxhd"}.get(suffix, True)
        if info.sample_aspect != 1 and not tells:
            self._losses.append((f"the shape of the pixels, {info.sample_aspect}", ".mkv"))
        if not CONTAINERS[suffix].colors and picture.codec_context.name == "rawvideo" and _is_unusual(info):
            self._losses.append(("range and matrix of the picture", ".mkv"))
        if (info.rotation or info.mirrored) and not CONTAINERS[suffix].marked:
            self._losses.append(("the picture's rotation", ".mkv"))
        self._packets = OtherPackets(others, info, set(self._copies), part)

    def _add_all(self, source: InputContainer, picture: VideoStream) -> None:
        """Add what the film's container holds."""
        self._container.metadata.update(kept_tags(source.metadata))
        own = source.streams[self._info.stream]
        picture.metadata.update(kept_tags(own.metadata))
        picture.disposition = own.disposition
        self._mark(picture, own)
        if self._part.alone:
            return
        self._add_timecode(picture)
        self._add_chapters(source)
        for other in source.streams:
            if other.index != self._info.stream:
                self._add(other)

    def _add_sound(self, picture: VideoStream) -> None:
        """Add the timecode of an image sequence, and the sound that goes with it."""
        self.marks[0] = TrackMarks()
        if not self._part.alone:
            self._add_timecode(picture)
            for other in self._source.streams.audio if self._source else ():
                self._add(other)

    @property
    def warnings(self) -> list[str]:
        """Return what the container does not hold, in one line, and packets that could not be copied."""
        moved = [
            (f"{float(copy.counted.cut):.1f} s of audio stream {index} before the first picture", ".mkv")
            for index, copy in self._copies.items()
            if copy.counted is not None and copy.counted.cut > _AUDIBLE and self._part.from_start
        ]
        moved += [
            (f"gaps in audio stream {index}, which comes up to {float(copy.counted.moved):.2f} s early", ".mkv")
            for index, copy in self._copies.items()
            if copy.counted is not None and copy.counted.moved > _AUDIBLE
        ]
        lines = [*told_losses(self._info.title, self._suffix, self._losses + moved), *self._left]
        lines += [f"{late} is left out: it begins behind {_LIMITS}" for late in self._packets.late]
        unfit = {index: copy.unfit for index, copy in self._copies.items() if copy.unfit}
        return lines + [f"{count} damaged packets of stream {index} left out" for index, count in unfit.items()]

    @property
    def starts(self) -> dict[int, int]:
        """Return the ticks by which streams of the container must start later than its beginning, by their numbers."""
        counted = (copy.counted for copy in self._copies.values() if copy.counted is not None)
        late = {0: self._late, **{each.target.index: each.start for each in counted}}
        return {number: ticks for number, ticks in late.items() if ticks}

    def begin_at(self, first: Fraction, tick: Fraction) -> None:
        """Tell when the first picture is shown, for a container that counts.

        The picture starts later there where sound leads, or where the ticks of both would not meet well otherwise.

        Args:
            first: In seconds of the film's own time.
            tick: Seconds that the container counts a picture for.
        """
        # A part begins in the middle of packets, at its first picture, and MXF tells no starts.
        if self._part.from_start and self._suffix == ".avi":
            begins = [
                (copy.counted, _time(self._first[index][0]) - first)
                for index, copy in self._copies.items()
                if copy.counted is not None and index in self._first
            ]
            lead = max(0, ceil(-min((when for _, when in begins), default=Fraction(0)) / tick))

            def misplaced(late: int) -> Fraction:
                return max((each.misplaced(when + late * tick) for each, when in begins), default=Fraction(0))

            ways = [0, *range(lead, lead + _LATEST)]
            self._late = next((late for late in ways if misplaced(late) <= _AUDIBLE), min(ways, key=misplaced))
        self._shift = float(first - self._late * tick)

    def copy_until(self, seconds: float) -> None:
        """Copy the packets up to a time, so that the file stays interleaved."""
        covers, self._covers = self._covers, []
        for stream, data in covers:
            cover = av.Packet(data)
            cover.pts = cover.dts = 0
            cover.time_base, cover.stream, cover.is_keyframe = tick_of(stream), stream, True
            self._container.mux(cover)
        while True:
            found = self._waiting or self._packets.take()
            self._waiting = None
            if found is None:
                return
            packet, when = found
            if when > seconds:
                self._waiting = found
                return
            copy = self._copies[packet.stream.index]
            for placed in self._placed(packet, copy):
                try:
                    self._container.mux(placed)
                except (InvalidDataError, ArgumentError, PermissionError):  # so muxers call packets they do not take
                    copy.unfit += 1

    def _placed(self, packet: Packet[Stream], copy: _Copy) -> list[Packet[Stream]]:
        if copy.counted is not None:
            return copy.counted.place(packet, times_of(packet)[1] * Fraction(packet.time_base) - Fraction(self._shift))
        self._fit_clock(packet, copy)
        packet.stream = copy.target
        return [packet]

    def _fit_clock(self, packet: Packet[Stream], copy: _Copy) -> None:
        """Bring a packet's times to the container's clock, where coarser steps must not fall together."""
        old, new = Fraction(packet.time_base), tick_of(copy.target)
        dts, pts = (round((t - self._shift / old) * old / new) for t in times_of(packet))
        if copy.written is not None:
            dts = max(dts, copy.written + (self._suffix not in MATROSKA))
        copy.written = dts
        length = round((packet.duration or 0) * old / new)
        packet.dts, packet.pts, packet.duration, packet.time_base = dts, max(pts, dts), length, new

    def _add(self, other: Stream) -> None:
        kind = other.type
        if is_cover(other):
            self._add_cover(other)
        elif kind == "data" and "timecode" in other.metadata:
            return  # the muxer makes such a track from the picture's tag
        elif kind == "data" and self._info.chapters and getattr(other, "name", "") == "bin_data":
            return  # the chapters' own text track
        elif not is_complete(other):
            self._left_out(other)
        elif fit := self._fit(other):
            copy = add_copy(self._container, other, fit.changed)
            if kind != "attachment":
                self._mark(copy, other)
                self._copies[other.index] = _Copy(copy, self._counted(other, copy, fit))
        else:
            self._lose(other)

    def _fit(self, other: Stream) -> Fit | None:
        if other.index not in self._fits:
            self._fits[other.index] = fitting(other, self._suffix, self._first.get(other.index, ()))
        return self._fits[other.index]

    def _mark(self, copy: Stream, other: Stream) -> None:
        """Note what is marked on a track, to be written when the file is finished; or name what cannot be."""
        place, kind = len(self.marks), CONTAINERS[self._suffix]
        marks = self._info.tracks.get(other.index, TrackMarks())
        language = copy.metadata.get("language", "")
        if language and not marks.language and not _THREE_LETTERS.fullmatch(language):
            marks = replace(marks, language=language)
        elif marks.language and language == "eng" and not marks.language.startswith("en"):
            copy.metadata["language"] = "und"  # Matroska's, where none is told in three letters
        self.marks[place] = marks if kind.marked else TrackMarks()
        if not kind.marked:
            lost = [f"the crop of {marks.crop}"] if marks.crop else []
            if kind.tagged and marks.language:
                copy.metadata["language"] = marks.language
            elif not kind.tagged and (marks.language or language) not in ("", "und"):
                lost.append(f"the language of {named(other)}, {marks.language or language}")
            lost += [f"that {named(other)} is disabled"] if not marks.enabled else []
            self._losses += [(what, ".mkv") for what in lost]

    def _counted(self, other: Stream, copy: Stream, fit: Fit) -> CountedSound | None:
        if self._suffix not in COUNTING or not isinstance(other, AudioStream):
            return None
        is_pcm = other.codec_context.name.startswith("pcm_")
        return Samples(copy, other.codec_context) if is_pcm else Chunks(copy, fit.sample_size)

    def _left_out(self, other: Stream) -> None:
        if other.index in self._first:
            self._left.append(f"{named(other)} is left out: nothing in {_LIMITS} tells how to play it")

    def _add_timecode(self, picture: VideoStream) -> None:
        """Give the picture the timecode of its first frame, in the form of the container."""
        info = self._info
        if not info.timecode:
            return
        text = info.timecode
        if self._part.skipped:
            try:
                text = TimecodeClock.of(info.rate, text).text(self._part.skipped)
            except VidcolorError:
                text = ""  # of another rate than the film's: it cannot be moved
        if not text or (CONTAINERS[self._suffix].timecoded and not takes_timecode(self._suffix, info.rate, text)):
            self._losses.append((f"the timecode {info.timecode} at {float(info.rate):.5g} frames a second", ".mkv"))
        elif self._suffix == ".avi":
            self._container.metadata["timecode"] = text
        else:
            picture.metadata["timecode"] = text

    def _add_cover(self, other: Stream) -> None:
        name = other.codec_context.name if other.codec_context is not None else ""
        packet = next(iter(self._first.get(other.index, ())), None)
        if self._suffix == ".mkv" and name in _COVERS and packet is not None:
            self._container.add_attachment(*_COVERS[name], bytes(packet))
        elif self._suffix in (".mp4", ".m4v") and packet is not None and fitting(other, self._suffix):
            self._covers.append((add_copy(self._container, other), bytes(packet)))
        else:
            self._losses.append((f"the cover (stream {other.index})", ".mkv" if name in _COVERS else ""))

    def _lose(self, other: Stream) -> None:
        self._losses.append((named(other, self._suffix), self._holder(other)))

    def _holder(self, other: Stream) -> str:
        """Return the suffix of a container that takes a stream, or ""."""
        packets = self._first.get(other.index, ())
        suffixes = (suffix for suffix in (".mkv", ".mp4", ".mov", ".avi") if suffix != self._suffix)
        return next((suffix for suffix in suffixes if fitting(other, suffix, packets)), "")

    def _add_chapters(self, source: InputContainer) -> None:
        chapters = []
        for chapter in source.chapters():
            time_base = chapter["time_base"]
            if not time_base:
                continue
            start, end = (float(chapter[key] * time_base) for key in ("start", "end"))
            if start < self._part.end and end > self._part.begin:
                start, end = (round((t - self._shift) / time_base) for t in (max(start, self._part.begin), end))
                tags = {readable(k): readable(v) for k, v in chapter["metadata"].items()}
                chapter["start"], chapter["end"], chapter["metadata"] = start, end, tags
                chapters.append(chapter)
        if chapters and not CONTAINERS[self._suffix].tagged:
            self._losses.append((f"{len(chapters)} chapters", ".mkv"))
        elif chapters:
            self._container.set_chapters(chapters)


def _is_unusual(info: VideoInfo) -> bool:
    """Return whether the code values are others than what programs take them for when nothing is said."""
    return info.tags.full_range or info.tags.matrix != usual_matrix(info.width, info.height)


def _time(packet: Packet[Stream]) -> Fraction:
    """Return when a packet is played, in seconds; 0 when it does not tell."""
    told = packet.pts if packet.pts is not None else packet.dts
    return Fraction(0) if told is None else told * Fraction(packet.time_base)
