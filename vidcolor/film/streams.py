"""Everything of a film but its picture: sound, subtitles, covers, attachments, chapters and tags, as they are."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.error import ArgumentError, FFmpegError, InvalidDataError, PermissionError

from vidcolor.film.clock import JUMP_BACK
from vidcolor.film.container import is_cover, open_container, readable
from vidcolor.film.frame import VideoInfo

FORMATS = {".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".avi": "avi", ".m4v": "mp4", ".webm": "webm"}
_SAME_TIME_ALLOWED = (".mkv", ".webm")
_TELL_ASPECT = ("mpeg4", "libx264")  # the codecs of AVI that tell the pixels' shape themselves
_MOVIES = (".mp4", ".m4v", ".mov")
_COVERS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png"), "bmp": ("cover.bmp", "image/bmp")}
# Tags that speak of the old container or of its packets, not of the film.
_OF_THE_CONTAINER = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "vendor_id"})
_PACKETS_TRIED = 300
_STATISTICS = ("_statistics", "bps", "number_of_", "duration-")


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """A container's or stream's tags, as text, without those that only spoke of the file."""
    return {
        readable(key): readable(value)
        for key, value in tags.items()
        if key.lower() not in _OF_THE_CONTAINER and not key.lower().startswith(_STATISTICS)
    }


@dataclass
class _Copy:
    """A stream on its way."""

    target: Any
    last: int | None = None  # dts of its last packet
    length: int = 1  # of its last packet
    shift: int = 0  # what has been added to its times after jumps back
    written: int | None = None  # dts of its last packet, on the container's clock
    unfit: int = 0  # packets that the container did not take


class StreamCopies:
    """Adds a film's other streams to a container that is not written yet, and copies their packets.

    Args:
        container, picture: Written to: the container, and its stream of the colored picture.
        info: The film.
        suffix: The container's.
        begin, end: The part that is copied, in seconds of the film's own time.
        shift: Seconds by which the film begins earlier in the container.
    """

    def __init__(
        self, container: Any, picture: Any, info: VideoInfo, suffix: str, begin: float, end: float, shift: float
    ) -> None:
        self._container, self._info, self._suffix = container, info, suffix
        self._begin, self._end, self._shift = begin, end, shift
        self._losses: list[tuple[str, str]] = []  # what, and the container that could hold it
        self._copies: dict[int, _Copy] = {}
        self._covers: list[tuple[Any, bytes]] = []  # of MP4: streams of one packet, whatever part is copied
        self._waiting: tuple[Any, float] | None = None
        self._first = first_packets(info.path)
        self._source = open_container(info.path)
        try:
            container.metadata.update(kept_tags(self._source.metadata))
            own = self._source.streams[info.stream]
            picture.metadata.update(kept_tags(own.metadata))
            picture.disposition = own.disposition
            self._add_chapters()
            for other in self._source.streams:
                if other.index != info.stream:
                    self._add(other, picture)
            if info.captions:
                self._losses.append(("the closed captions inside the picture", ""))
            if info.sample_aspect != 1 and suffix == ".avi" and picture.codec_context.name not in _TELL_ASPECT:
                self._losses.append((f"the shape of the pixels, {info.sample_aspect}", ".mkv"))
            if (info.rotation or info.mirrored) and suffix == ".avi":
                self._losses.append(("the picture's rotation", ".mkv"))
            self._packets = self._demux()
        except BaseException:
            self._source.close()
            raise

    def close(self) -> None:
        self._source.close()

    @property
    def warnings(self) -> list[str]:
        """What the container does not hold, in one line, and packets that could not be copied."""
        lines = []
        by_holder: dict[str, list[str]] = {}
        for what, holder in self._losses:
            by_holder.setdefault(holder, []).append(what)
        parts = []
        for holder, whats in by_holder.items():
            where = f"-o {self._info.path.stem}.color{holder} keeps it" if holder else "no container here can"
            parts.append(f"{', '.join(whats)} ({where})")
        if parts:
            lines.append(f"{self._suffix} cannot hold {'; '.join(parts)}")
        for index, copy in self._copies.items():
            if copy.unfit:
                lines.append(f"{copy.unfit} damaged packets of stream {index} left out")
        return lines

    def copy_until(self, seconds: float) -> None:
        """Copy the packets up to a time, so that the file stays interleaved."""
        covers, self._covers = self._covers, []
        for stream, data in covers:
            cover = av.Packet(data)
            cover.pts = cover.dts = 0
            cover.time_base, cover.stream, cover.is_keyframe = stream.time_base, stream, True
            self._container.mux(cover)
        while True:
            found = self._waiting or next(self._packets, None)
            self._waiting = None
            if found is None:
                return
            packet, when = found
            if when > seconds:
                self._waiting = found
                return
            copy = self._copies[packet.stream.index]
            self._fit_clock(packet, copy)
            packet.stream = copy.target
            try:
                self._container.mux(packet)
            except (InvalidDataError, ArgumentError, PermissionError):  # so muxers call packets they do not take
                copy.unfit += 1

    def _fit_clock(self, packet: Any, copy: _Copy) -> None:
        """Bring a packet's times to the container's clock, where coarser steps must not fall together."""
        old, new = Fraction(packet.time_base), Fraction(copy.target.time_base)
        dts, pts = (round((t - self._shift / old) * old / new) for t in (packet.dts, packet.pts))
        if copy.written is not None:
            dts = max(dts, copy.written + (self._suffix not in _SAME_TIME_ALLOWED))
        copy.written = dts
        length = round((packet.duration or 0) * old / new)
        packet.dts, packet.pts, packet.duration, packet.time_base = dts, max(pts, dts), length, new

    def _demux(self) -> Iterator[tuple[Any, float]]:
        """The packets of the part, with times that the muxer takes, and their place in the film in seconds."""
        if not self._copies:
            return
        if self._begin > 0:
            with suppress(FFmpegError, OverflowError):  # what cannot seek is read from its beginning
                self._source.seek(int(self._begin * av.time_base))
        packets = self._source.demux(*[self._source.streams[i] for i in self._copies])
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, IndexError):
                return  # reading the picture tells of it
            if packet is None:
                return
            if not packet.size or packet.time_base is None:
                continue  # the demuxer ends with empty packets
            copy = self._copies[packet.stream.index]
            time_base = Fraction(packet.time_base)
            self._straighten(packet, copy, time_base)
            when = float(packet.dts * time_base)
            if when + float(copy.length * time_base) <= self._begin:
                continue
            if when >= self._end:
                continue
            yield packet, when

    @staticmethod
    def _straighten(packet: Any, copy: _Copy, time_base: Fraction) -> None:
        """Give a packet both its times, not before the last one's."""
        known = packet.dts if packet.dts is not None else packet.pts
        if known is None:
            known = 0 if copy.last is None else copy.last + copy.length - copy.shift
        dts, pts = known + copy.shift, (known if packet.pts is None else packet.pts) + copy.shift
        if copy.last is not None and dts < copy.last:
            if (copy.last - dts) * time_base > JUMP_BACK:
                copy.shift += copy.last + copy.length - dts
                pts += copy.last + copy.length - dts
                dts = copy.last + copy.length
            else:
                dts = copy.last
        packet.dts, packet.pts = dts, max(pts, dts)
        copy.last, copy.length = dts, packet.duration or copy.length

    def _add(self, other: Any, picture: Any) -> None:
        kind = other.type
        if is_cover(other):
            self._add_cover(other)
        elif kind == "data" and "timecode" in other.metadata and self._suffix in _MOVIES:
            picture.metadata["timecode"] = other.metadata["timecode"]  # the muxer makes the track from it
        elif kind == "data" and self._info.chapters and getattr(other, "name", "") == "bin_data":
            return  # the chapters' own text track
        elif fits(other, self._suffix, self._first.get(other.index)):
            copy = add_copy(self._container, other)
            if kind != "attachment":
                self._copies[other.index] = _Copy(copy)
        else:
            self._lose(other)

    def _add_cover(self, other: Any) -> None:
        name = other.codec_context.name if other.codec_context is not None else ""
        packet = self._first.get(other.index)
        if self._suffix == ".mkv" and name in _COVERS and packet is not None:
            self._container.add_attachment(*_COVERS[name], bytes(packet))
        elif self._suffix in (".mp4", ".m4v") and packet is not None and fits(other, self._suffix):
            self._covers.append((add_copy(self._container, other), bytes(packet)))
        else:
            self._losses.append((f"the cover (stream {other.index})", ".mkv" if name in _COVERS else ""))

    def _lose(self, other: Any) -> None:
        context = getattr(other, "codec_context", None)
        name = context.name if context is not None else getattr(other, "name", None)
        name = readable(name or other.metadata.get("handler_name") or "unknown codec")
        packet = self._first.get(other.index)
        holder = next((suffix for suffix in (".mkv", ".mp4", ".mov", ".avi") if fits(other, suffix, packet)), "")
        self._losses.append((f"{other.type} stream {other.index} ({name})", holder))

    def _add_chapters(self) -> None:
        chapters = []
        for chapter in self._source.chapters():
            time_base = Fraction(chapter["time_base"])
            start, end = (float(chapter[key] * time_base) for key in ("start", "end"))
            if start < self._end and end > self._begin:
                start, end = (round((t - self._shift) / time_base) for t in (max(start, self._begin), end))
                tags = {readable(k): readable(v) for k, v in chapter["metadata"].items()}
                chapters.append({**chapter, "start": start, "end": end, "metadata": tags})
        if chapters and self._suffix == ".avi":
            self._losses.append((f"{len(chapters)} chapters", ".mkv"))
        elif chapters:
            self._container.set_chapters(chapters)


def add_copy(container: Any, other: Any) -> Any:
    """A stream like another one, in a container that is not written yet."""
    copy = container.add_stream_from_template(other, opaque=True)
    copy.time_base = other.time_base
    copy.metadata.clear()
    copy.metadata.update(kept_tags(other.metadata))
    copy.disposition = other.disposition
    return copy


def first_packets(path: Path) -> dict[int, Any]:
    """The first packet of each stream that has one near the film's beginning."""
    found: dict[int, Any] = {}
    with open_container(path) as container, suppress(FFmpegError, IndexError):
        for packet in islice(container.demux(), _PACKETS_TRIED):
            if packet.size:
                found.setdefault(packet.stream.index, packet)
    return found


def fits(other: Any, suffix: str, packet: Any = None) -> bool:
    """Whether a container takes a stream, tried with an empty one, and with a packet."""
    if other.type == "data" and suffix not in _MOVIES:
        return False  # AVI would take anything
    container = av.open(io.BytesIO(), "w", format=FORMATS[suffix])
    try:
        copy = add_copy(container, other)
        container.start_encoding()
        if packet is not None and other.type == "audio":
            sample = av.Packet(bytes(packet))
            sample.pts = sample.dts = 0
            sample.time_base, sample.stream = copy.time_base, copy
            container.mux(sample)
    except (FFmpegError, ValueError):
        return False
    finally:
        with suppress(FFmpegError, ValueError):
            container.close()
    return True


def fullest_suffix(path: Path) -> str:
    """The container that keeps most of a film's streams; Matroska before the others."""
    with open_container(path) as container:
        others = [s for s in container.streams if s.type != "video"]
        first = first_packets(path)
        held = {
            suffix: sum(fits(s, suffix, first.get(s.index)) for s in others)
            for suffix in (".mkv", ".mov", ".mp4", ".avi")
        }
    return max(held, key=lambda suffix: held[suffix])
