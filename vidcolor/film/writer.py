"""Containers out: the picture's packets with every other stream of the source, copied packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vidcolor.errors import OutputError, reason, remedy
from vidcolor.files import part_of, publish, written_through
from vidcolor.film.containers.container import times_of
from vidcolor.film.containers.demuxing import OtherStreams, Part
from vidcolor.film.containers.pipe import Arriving, address
from vidcolor.film.encoding.codecs import CONTAINERS, COUNTING, MATROSKA, MOVIES
from vidcolor.film.encoding.encode import Encoding, VideoEncoder
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.marks import matroska, mp4
from vidcolor.film.marks.avi import set_starts
from vidcolor.film.marks.tracks import Marks, PictureShape
from vidcolor.film.streams.copied import StreamCopies
from vidcolor.film.streams.trial import Fit

_ON_DEVICES = ("_amf", "_mf", "_nvenc", "_qsv", "_v4l2m2m", "_vaapi", "_videotoolbox", "_vulkan")  # names of encoders
# Depths above 8 bits are an extension of YUV4MPEG2. Pictures in NUT are large: few may wait for sound that comes late.
_MUXING = {".y4m": {"strict": "-1"}, ".nut": {"max_interleave_delta": "1000000"}}


class FilmWriter:
    """Writes one film: the picture from packets, the other streams from the source.

    A context manager. The film is written beside its final name and renamed when the block ends well;
    when it ends with an error, nothing of it stays.

    Args:
        path: The film's final name.
        info: The source.
        encoding: That of the picture's packets.
        others: The source's other streams; the source itself, where it comes through a pipe; None: there are none.
        start, duration: The part of the source that is written, in seconds of its own time.
        sealed: Called with the finished file just before it gets its final name.
        alone: The picture without the other streams.
        descriptor: Where the film is written to as it is made, in place of a file; its name only tells the container.

    Attributes:
        accept: Called when all is written and told of in ``warnings``; it may still refuse the film.
        sealed: Called with the finished file just before it gets its final name.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        encoding: Encoding,
        *,
        others: OtherStreams | Arriving | None,
        start: float = 0.0,
        duration: float | None = None,
        sealed: Callable[[Path], None] = lambda part: None,
        alone: bool = False,
        descriptor: int | None = None,
    ) -> None:
        self.path = path
        self.encoding = encoding
        self.warnings: list[str] = []
        self.accept: Callable[[], None] = lambda: None
        self._target = written_through(path)
        self._part = part_of(self._target)
        self._info = info
        self.sealed = sealed
        self._others, self._descriptor = others, descriptor
        first = float(info.begin * info.time_base)
        # Sound may begin before the picture; only a cut film begins at a time of its own.
        begin = first + start if start else float("-inf")
        end = first + start + duration if duration is not None else float("inf")
        self._shift = self._lead(first + start if start else None)
        skipped = ceil((Fraction(start) - Fraction(1, 10**6)) * info.rate) if start else 0
        self._cut = Part(begin, end, self._shift, skipped, alone)
        self._counts = path.suffix.lower() in COUNTING
        self._begun = False
        self._place: int | None = None  # pts of the last packet
        self._container: OutputContainer | None = None
        self._copies: StreamCopies | None = None
        self._fits: dict[int, Fit | None] = {}  # found while rehearsing
        self._encoder: VideoEncoder | None = None

    def __enter__(self) -> FilmWriter:
        try:
            with self._failures():
                self._open()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            with self._failures():
                container, copies = self._container, self._copies
                assert container is not None
                assert copies is not None
                copies.copy_until(self._cut.end)
                container.close()
                self.warnings = self._warned()
                if copies.starts:
                    set_starts(self._part, copies.starts)
                self._mark(copies.marks)
                self.accept()
                if self._descriptor is None:
                    publish(self._part, self._target, self.sealed)
        except BaseException:
            self._discard()
            raise

    def _mark(self, marks: Marks) -> None:
        """Put into the finished file what libav's muxer does not write."""
        info, suffix = self._info, self.path.suffix.lower()
        shape = PictureShape(info.width, info.height, info.sample_aspect)
        told = any(marks.values())
        if suffix in MOVIES:
            kept = not told or mp4.write_marks(self._part, marks, shape)
        elif suffix in MATROSKA and (told or info.sample_aspect != 1):
            kept = matroska.write_marks(self._part, marks, shape)
            if not kept and not matroska.write_marks(self._part, {}, shape) and info.sample_aspect != 1:
                self.warnings.append(f"the shape of the pixels, {info.sample_aspect}, is not kept")
        else:
            return
        if told and not kept:
            self.warnings.append("languages in full, crops and disabled tracks are not kept: the file has no room")

    def rehearse(self) -> None:
        """Write the container's header and throw it away: what does not fit shows before any work is done.

        MXF, whose header tells what the first picture is like, gets one.

        Raises:
            OutputError: codec, container and folder do not fit each other.
        """
        with self._failures():
            try:
                container = self._open()
                if CONTAINERS[self.path.suffix.lower()].even:
                    container.mux(self.encoder().blank())
            finally:
                self._discard()
        self.warnings.clear()

    def _lead(self, cut: float | None) -> float:
        """Return the seconds before the film's first frame that would be shown as a blank.

        MP4 and its kin play what lies before the first time. The clocks of transport and program streams begin
        anywhere, and a cut film begins late; Matroska's players begin where the film does.
        """
        if self.path.suffix.lower() not in MOVIES:
            return 0.0
        if cut is not None:
            return cut
        return self._info.clock_start if self._info.container in ("mpegts", "mpeg") else 0.0

    def encoder(self) -> VideoEncoder:
        """Return the encoder that the container's header was written with."""
        return VideoEncoder(self.encoding, self._stream.codec_context)

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int) -> None:
        """Encode a frame: its own luma, and Cb and Cr of the encoding's chroma size; as VideoEncoder does.

        Args:
            frame: Of a film.
            chroma: Its Cb and Cr.
            place: Its number in the film, which packets do not tell.

        Raises:
            OutputError: the disk is full, or the encoder fails.
        """
        self._encoder = self._encoder or self.encoder()
        self.write(self._encoder.push(frame, chroma))

    def flush(self) -> None:
        """Take the end of the frames."""
        if self._encoder is not None:
            self.write(self._encoder.flush())

    def write(self, packets: Iterable[Packet[Stream]]) -> None:
        """Take packets of the picture, in decoding order.

        Raises:
            OutputError: the disk is full.
        """
        with self._failures():
            assert self._container is not None
            assert self._copies is not None
            unit, moved = None, 0
            for packet in packets:
                dts, pts = times_of(packet)
                base = packet.time_base
                if self._counts and not self._begun:
                    first = pts * Fraction(base)
                    self._copies.begin_at(first, Fraction(self.encoding.time_base))
                    self._shift = float(first)
                self._begun = True
                if base != unit:  # of all packets alike: fractions are slow
                    unit, moved = base, round(self._shift / base)
                self._check_place(pts, base)
                self._copies.copy_until(dts * base.numerator / base.denominator)
                packet.pts, packet.dts = pts - moved, dts - moved
                packet.stream = self._stream
                self._container.mux(packet)

    def _check_place(self, pts: int, time_base: Fraction) -> None:
        """Refuse a picture that is not shown right after the one before, where the container only counts.

        Of a film that is a file this is known before.
        """
        if self._info.piped and CONTAINERS[self.path.suffix.lower()].even:
            if self._place is not None and pts != self._place + 1:
                at = float(pts * time_base - self._info.begin * self._info.time_base)
                why = f"at {at:.2f} s its frames do not come at an even rate, which {self.path.suffix} wants"
                raise OutputError(f"cannot write {self.path}", why, "Use .mkv, or --pipe nut")
            self._place = pts

    def _discard(self) -> None:
        if self._container is not None:
            with suppress(FFmpegError, OSError, ValueError):
                self._container.close()
        if self._descriptor is None:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what libav raises into one error about the film's own name."""
        try:
            yield
        except (FFmpegError, OSError, ValueError) as error:
            why, to_do = reason(error), "Choose another codec, container or folder"
            if isinstance(error, BrokenPipeError):
                why, to_do = "the program that reads it has ended", "Look at what it said"
            elif "invalid argument" in why:
                rate = f" at {float(self.encoding.rate):.5g} frames a second" if self._counts else ""
                why = f"{self.encoding.codec} does not fit {self.path.suffix}{rate}, or does not take these settings"
            elif "operation not permitted" in why:  # what encoders on devices and MXF say; folders: "permission denied"
                on_device = self.encoding.codec.endswith(_ON_DEVICES)
                why = "finds no device, or no driver for it" if on_device else f"does not fit {self.path.suffix}"
                why = f"{self.encoding.codec} {why}"
            elif isinstance(error, OSError):
                to_do = remedy(error)
            raise OutputError(f"cannot write {self.path}", why, to_do) from error

    def _open(self) -> OutputContainer:
        info = self._info
        # faststart puts the index first: browsers play before the whole film has arrived.
        suffix = self.path.suffix.lower()
        muxing = {"movflags": "+faststart"} if suffix in MOVIES else {}
        muxing["fflags"] = "+bitexact"  # no random numbers in the container: a film comes out the same each time
        muxing |= _MUXING.get(suffix, {})
        # A name with a colon would be taken for a protocol.
        place = f"file:{self._part}" if self._descriptor is None else address(self._descriptor)
        if self._descriptor is not None:
            muxing["flush_packets"] = "1"
        container = av.open(place, "w", format=CONTAINERS[suffix].muxer, options=muxing)
        self._container = container
        stream = container.add_stream(self.encoding.codec, rate=info.rate)
        assert isinstance(stream, VideoStream)
        self.encoding.configure(stream.codec_context)
        stream.time_base = self.encoding.time_base
        if info.rotation or info.mirrored:
            stream.set_display_rotation(info.rotation, hflip=info.mirrored)
        self._stream = stream
        self._copies = StreamCopies(container, stream, info, suffix, self._cut, self._others, self._fits)
        self.warnings = self._warned()
        container.start_encoding()
        return container

    def _warned(self) -> list[str]:
        assert self._copies is not None
        lines = self._copies.warnings
        codec, interlaced = self.encoding.codec, self._info.fields_kept and self._info.field_order
        if interlaced and not self.encoding.fields:
            keepers = "--codec libx264, ffv1 or prores_ks keeps them"
            lines.append(f"{codec} does not mark fields: interlaced frames come out as progressive ones ({keepers})")
        elif interlaced and (self.path.suffix.lower(), codec) == (".mxf", "prores_ks"):
            lines.append("libav's .mxf marks ProRes as progressive; the frames themselves tell their fields (.mov too)")
        return lines
