"""Containers open for reading, and which of their streams is the film."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vidcolor.errors import DeviceError, InputError, reason
from vidcolor.film.cores import usable_cores
from vidcolor.film.frame import VideoInfo

MAX_PIXELS = 16384 * 8640  # of a picture; more is a damaged header, or beyond what codecs hold
MOST_DECODING = 16  # threads: each holds a frame
# Decoders that give other pictures each time when several frames are decoded at once (seen with FFmpeg 8, on a film
# that is whole): a thread gives a frame out before it is done with it.
_UNSTEADY = ("mpeg4",)
# How far streams are looked for that tell nothing of themselves near the beginning.
PROBED_BYTES, PROBED_SECONDS = 100_000_000, 60
EVEN_PIPE = "yuv4mpegpipe"  # the container that counts frames and tells no times
_LATE = ("mpeg",)  # containers that announce no streams: one may begin anywhere
_STREAM = re.compile(r"Stream #\d+:(\d+)[^:]*: (\w+): (\w+)")  # as libav describes one: Stream #0:2[0x20]: Subtitle: x
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")  # http://, rtsp://; one letter is a drive of Windows

_are_messages_shown = False


def show_messages() -> None:
    """Let libav print what it notices on stderr; PyAV keeps it quiet by itself."""
    global _are_messages_shown
    _are_messages_shown = True
    av.logging.set_libav_level(av.logging.WARNING)
    av.logging.restore_default_callback()


def open_container(path: Path, hwaccel: str = "") -> InputContainer:
    """Return a container open for reading.

    Args:
        hwaccel: Kind of device that decodes the picture, as FFmpeg names it; "" is the processor.

    Raises:
        DeviceError: there is no such device, or it cannot decode this film; the processor does not step in.
        InputError: absent, a folder, not a film, or not readable.
    """
    what = f"cannot open {path}"
    if not path.exists():
        if address := ADDRESS.match(str(path)):
            what = f"cannot open {address[1]}://{address[2]}"  # a path has lost one of its slashes
            raise InputError(what, "addresses are not read", "Download it, and name the file")
        raise InputError(what, "no such file", "Check the path")
    if path.is_dir():
        raise InputError(what, "it is a folder", "Name a film in it")
    if not path.is_file():
        raise InputError(what, "it is no regular file", "It is read more than once: copy it, or pipe it into -")
    accelerator = _accelerator(path, hwaccel)
    try:
        return _probed(path, accelerator)
    except RuntimeError as error:
        if not hwaccel:
            raise
        why = "it cannot decode this kind of film"
        raise DeviceError(f"cannot decode {path} with {hwaccel}", why, "Leave --hwaccel out") from error
    except FFmpegError as error:
        raise InputError(what, told(error), "It is no film, or a damaged one") from error
    except OSError as error:
        raise InputError(what, reason(error), "Check its permissions") from error
    except ValueError as error:
        raise InputError(what, str(error), "Rename it") from error


def _open(path: Path, probing: Mapping[str, str], accelerator: HWAccel | None = None) -> InputContainer:
    # A name is a name: no protocol before a colon, no numbered pictures by a percent sign. Nor may a playlist
    # reach for the network.
    options = {"pattern_type": "none", "protocol_whitelist": "file,crypto,data", "max_pixels": str(MAX_PIXELS)}
    options.update(probing)
    # Old containers carry metadata in forgotten encodings; they are no reason to refuse the film.
    return av.open(f"file:{path}", options=options, metadata_errors="surrogateescape", hwaccel=accelerator)


@dataclass
class _Probing:
    """How far into a file libav must look for its streams; None: nobody has tried yet."""

    options: Mapping[str, str] | None = None


@lru_cache(maxsize=16)
def _probing(path: Path, size: int, modified: int) -> _Probing:
    """Return what is known of a file, and filled in when it is opened for the first time."""
    return _Probing()


def _probed(path: Path, accelerator: HWAccel | None) -> InputContainer:
    """Return a container whose streams were looked for as far as usual, or farther where that finds more."""
    state = path.stat()
    probing = _probing(path, state.st_size, state.st_mtime_ns)
    if probing.options is not None:
        return _open(path, probing.options, accelerator)
    chosen, options = _open(path, {}, accelerator), {}
    known = sum(map(is_complete, chosen.streams))
    if known < len(chosen.streams) or may_grow(chosen):
        far = {"probesize": str(PROBED_BYTES), "analyzeduration": str(PROBED_SECONDS * av.time_base)}
        other = _open(path, far, accelerator)
        if sum(map(is_complete, other.streams)) > known:
            chosen, other, options = other, chosen, far
        other.close()
    probing.options = options
    return chosen


def may_grow(container: InputContainer) -> bool:
    """Return whether a container may show more streams while it is read."""
    return container.format.name in _LATE


def late_streams(container: InputContainer) -> list[str]:
    """Return the streams that were met only while reading; PyAV does not know them, but libav does."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # the list is a message of libav's
    try:
        with av.logging.Capture(local=False):
            listed = container.dumps_format()  # type: ignore[attr-defined]  # PyAV's stub leaves it out
    finally:
        av.logging.set_level(level)
        if _are_messages_shown:
            av.logging.restore_default_callback()
    found = _STREAM.findall(listed)
    return [f"{kind.lower()} stream {n} ({codec})" for n, kind, codec in found if int(n) >= len(container.streams)]


def is_complete(stream: Stream) -> bool:
    """Return whether enough is known about a stream to copy or decode it."""
    context = stream.codec_context
    if isinstance(context, AudioCodecContext):
        return bool(context.sample_rate and context.format and context.layout.nb_channels)
    return not isinstance(context, VideoCodecContext) or bool(context.width and context.pix_fmt)


def _accelerator(path: Path, kind: str) -> HWAccel | None:
    if not kind:
        return None
    what = f"cannot decode {path} with {kind}"
    offered = hwdevices_available()
    if kind not in offered:
        raise DeviceError(what, "no such kind of device", f"This PyAV knows {', '.join(offered) or 'none'}")
    accelerator = HWAccel(device_type=kind, allow_software_fallback=False)
    try:  # a device that is absent is told apart from a film that is broken
        with suppress(NotImplementedError):  # some kinds have decoders of their own names; opening the film will tell
            accelerator.create(av.codec.Codec("h264", "r"))
    except FFmpegError as error:
        raise DeviceError(what, "there is no such device, or no driver for it", "Leave --hwaccel out") from error
    return accelerator


def told(error: FFmpegError) -> str:
    """Return what libav says, as a phrase."""
    return "the data are invalid" if "invalid data" in reason(error) else reason(error)


def readable(text: str) -> str:
    """Return metadata as text: what is not UTF-8 is read as the Windows code page that most of it was written in."""
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def choose_stream(path: Path, container: InputContainer, number: int | None = None) -> VideoStream:
    """Return the stream of the film's picture: the first that is no cover, or the one asked for by its number.

    It is set up to decode in threads.

    Raises:
        InputError: there is none, or it has no known codec.
    """
    what = f"cannot open {path}"
    pictures = container.streams.video
    if number is not None:
        chosen = [s for s in pictures if s.index == number]
        if not chosen:
            numbers = ", ".join(str(s.index) for s in pictures) or "none"
            raise InputError(what, f"stream {number} is no video stream", f"Its video streams are: {numbers}")
    else:
        chosen = [s for s in pictures if not is_cover(s)]
        if not chosen:
            only_cover = "its only picture is a cover" if pictures else "it holds no video stream"
            raise InputError(what, only_cover, "Name a film")
    # A stream without a decoder is passed over only when there is another.
    known = [s for s in chosen if s.codec_context is not None]
    if not known:
        raise InputError(what, "its picture's codec is not known", "Convert it first")
    # As many as libav takes by itself, but on the cores that a container may use, not on all that it sees.
    known[0].codec_context.thread_count = min(usable_cores() + 1, MOST_DECODING) if usable_cores() > 1 else 1
    known[0].thread_type = "SLICE" if known[0].codec_context.name in _UNSTEADY else "AUTO"
    return known[0]


def demuxed(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """Yield the packets of some streams, all by default, from where the container stands."""
    with suppress(IndexError):  # PyAV, at the end, where streams were met that the container had not announced
        yield from (packet for packet in container.demux(*streams) if packet.size)


def runs_evenly(info: VideoInfo, gaps: bool = True) -> bool:
    """Return whether each picture has its own place on the grid of the film's rate, without decoding.

    Of a film that comes through a pipe, only the container can tell it.

    Args:
        gaps: Places may be empty.
    """
    if info.is_sequence:
        return True
    if info.piped:
        return info.container == EVEN_PIPE
    if info.timestamps != "pts":
        return False
    taken = set()
    with open_container(info.path) as container:
        for packet in demuxed(container, container.streams[info.stream]):
            if packet.pts is None:
                return False
            place = (packet.pts - info.begin) * info.time_base * info.rate
            if abs(place - round(place)) > Fraction(1, 4) or round(place) in taken:
                return False
            taken.add(round(place))
    length = max(taken, default=0) - min(taken, default=0) + 1
    return length <= 2 * len(taken) if gaps else length == len(taken)  # a long gap is no even film


def tick_of(stream: Stream) -> Fraction:
    """Return the seconds of a tick on a stream's clock."""
    assert stream.time_base is not None, "libav gives every stream a clock"
    return Fraction(stream.time_base)


def times_of(packet: Packet[Stream]) -> tuple[int, int]:
    """Return dts and pts of a packet that tells both."""
    assert packet.dts is not None
    assert packet.pts is not None
    return packet.dts, packet.pts


def choose_decoder(stream: VideoStream) -> VideoCodecContext:
    """Return the stream's own decoder, or the one that reads its alpha: libav's own for VP8 and VP9 do not."""
    context = stream.codec_context
    reads_alpha = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(context.name)
    if stream.metadata.get("alpha_mode") != "1" or reads_alpha not in av.codecs_available:
        return context
    decoder = av.CodecContext.create(reads_alpha, "r")
    assert isinstance(decoder, VideoCodecContext)
    return decoder


def is_cover(stream: Stream) -> bool:
    """Return whether a video stream is a cover or thumbnails: still pictures beside the film."""
    kinds = type(stream.disposition)
    return bool(stream.disposition & (kinds.attached_pic | kinds.timed_thumbnails))
