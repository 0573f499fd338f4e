"""What a container really takes of a film's streams: each is tried with its own packets, written and read back."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vidcolor.film.containers.beginning import first_packets
from vidcolor.film.containers.container import open_container, tick_of
from vidcolor.film.encoding.codecs import CONTAINERS, COUNTING, MOVIES
from vidcolor.film.marks.avi import stream_headers
from vidcolor.film.streams.readback import decoded, lies_right, sound_decoder, told_times
from vidcolor.film.streams.templates import Parameters, add_copy

_OFF = 0.01  # seconds that sound may lie elsewhere than it lay, where times are told
_OFF_COUNTED = 0.0001  # and where they are counted, which makes errors grow with the film,
_OFF_TOLD = 0.002  # against times that are told to the millisecond


@dataclass(frozen=True)
class Fit:
    """How a container takes a stream.

    Attributes:
        changed: Parameters that must be others than the source's.
        sample_size: Bytes that last one tick, where packets are counted; 0 where each packet does.
    """

    changed: Parameters = field(default_factory=dict)
    sample_size: int = 0


def fitting(other: Stream, suffix: str, packets: Sequence[Packet[Stream]] = ()) -> Fit | None:
    """Return how a container takes a stream; None when it does not.

    Args:
        packets: Its first ones. Sound must lie where it lay when it is read back.
    """
    if other.type == "data" and suffix not in MOVIES:
        return None  # AVI would take anything
    # Raw samples are counted in one way only where pictures are too.
    if not isinstance(other, AudioStream) or other.codec_context is None or not packets or CONTAINERS[suffix].even:
        return Fit() if _tried(other, suffix) is not None else None
    times, most = _expected(other, suffix, packets)
    for changed in _choices(suffix, packets, times, other.codec_context.sample_rate):
        written = _tried(other, suffix, packets, times, changed)
        if written is not None and lies_right(other, suffix, packets, times, most, written):
            return Fit(changed, stream_headers(written)[0].sample_size if suffix == ".avi" else 0)
    return None


def fullest_suffix(path: Path) -> str:
    """Return the container that keeps most of a film's streams; Matroska before the others."""
    with open_container(path) as container:
        others = [s for s in container.streams if s.type != "video"]
        first = first_packets(path)
        held = {
            suffix: sum(fitting(s, suffix, first.get(s.index, ())) is not None for s in others)
            for suffix in (".mkv", ".mov", ".mp4", ".avi")
        }
    return max(held, key=lambda suffix: held[suffix])


def takes_timecode(suffix: str, rate: Fraction, timecode: str) -> bool:
    """Return whether a container has a timecode for films of a rate, tried with a film of one picture."""
    file = io.BytesIO()
    try:
        with av.open(file, "w", format=CONTAINERS[suffix].muxer) as container:
            picture = _add_picture(container, "mpeg2video" if CONTAINERS[suffix].even else "mpeg4", rate)
            picture.metadata["timecode"] = timecode
            container.mux([*picture.encode(av.VideoFrame(64, 64, "yuv420p")), *picture.encode(None)])
        with av.open(io.BytesIO(file.getvalue())) as container:
            owners = (container, *container.streams)
            return any(owner.metadata.get("timecode") == timecode for owner in owners)
    except (FFmpegError, ValueError):
        return False


def _choices(suffix: str, packets: Sequence[Packet[Stream]], times: Sequence[Fraction], rate: int) -> list[Parameters]:
    """Return ways to describe a stream, the source's own first.

    AVI takes the length of a tick from ``frame_size``, and counts bytes where there is a ``block_align``; both are left
    as some demuxer found them.
    """
    choices: list[Parameters] = [{}]
    if suffix in COUNTING and len(packets) > 1:
        samples = round((times[1] - times[0]) * rate)
        choices += [{"block_align": "0", "frame_size": str(samples)}, {"frame_size": "0"}]
        (size, _), *_ = Counter(packet.size for packet in packets).most_common(1)
        for blocks in (n for n in range(1, 65) if samples % n == 0 and size % n == 0):
            choices.append({"block_align": str(size // blocks), "frame_size": str(samples // blocks)})
    return choices


def _expected(other: AudioStream, suffix: str, packets: Sequence[Packet[Stream]]) -> tuple[list[Fraction], float]:
    """Return when packets are played, in seconds after the first, and how far off they may be read back.

    Containers tell it, some only to the millisecond; where packets are counted an error grows with the film, so the
    samples that they decode to are counted instead. Codecs whose packets are all alike give less in the first one.
    """
    told = told_times(packets)
    if suffix not in COUNTING:
        return told, _OFF
    lengths = [sound.shape[-1] for sound in decoded(sound_decoder(other), packets)]
    rate = other.codec_context.sample_rate
    if not any(lengths) or not rate:
        return told, _OFF_TOLD
    usual, times = Counter(lengths).most_common(1)[0]
    if other.codec_context.name.startswith("pcm_"):
        places = list(accumulate(lengths, initial=0))[: len(packets)]
    elif usual and times >= 0.8 * len(lengths):
        places = [number * usual for number in range(len(packets))]
    else:
        return told, _OFF_TOLD
    return [Fraction(place, rate) for place in places], _OFF_COUNTED


def _tried(
    other: Stream,
    suffix: str,
    packets: Sequence[Packet[Stream]] = (),
    times: Sequence[Fraction] = (),
    changed: Parameters | None = None,
) -> bytes | None:
    """Return a file of that container with the stream alone; None when it does not take it."""
    file = io.BytesIO()
    container = av.open(file, "w", format=CONTAINERS[suffix].muxer)
    try:
        if CONTAINERS[suffix].even:
            _add_picture(container)
        copy = add_copy(container, other, changed)
        container.start_encoding()
        for packet, when in zip(packets, times, strict=True):
            sample = av.Packet(bytes(packet))
            sample.time_base, sample.stream, sample.is_keyframe = tick_of(copy), copy, packet.is_keyframe
            sample.pts = sample.dts = round(when / sample.time_base)
            container.mux(sample)
        if packets:
            container.close()  # a header alone may have nothing to end
    except (FFmpegError, ValueError):
        return None
    finally:
        with suppress(FFmpegError, ValueError):
            container.close()
    return file.getvalue()


def _add_picture(container: OutputContainer, codec: str = "mpeg2video", rate: Fraction = Fraction(25)) -> VideoStream:
    """Return a stream of pictures, which some containers want to have first."""
    picture = container.add_stream(codec, rate=rate)
    assert isinstance(picture, VideoStream)
    picture.width, picture.height = 64, 64
    return picture
