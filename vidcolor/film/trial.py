"""What a container really takes of a film's streams: each is tried with its own packets, written and read back."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.error import FFmpegError
from numpy.typing import NDArray

from vidcolor.film.avi import StreamHeader, stream_headers
from vidcolor.film.codecs import CONTAINERS, COUNTING, MOVIES
from vidcolor.film.container import PROBED_BYTES, PROBED_SECONDS, demuxed, is_complete, open_container, readable

_PACKETS_READ = 300  # of all streams, near the film's beginning
_PACKETS_TRIED = 64  # of a stream
_OFF = 0.01  # seconds that sound may lie elsewhere than it lay, where times are told
_OFF_COUNTED = 0.0001  # and where they are counted, which makes errors grow with the film,
_OFF_TOLD = 0.002  # against times that are told to the millisecond
_SHARE_ALIKE = 0.8  # of what is tried
_NOISE = 0.001  # by which decoders of one codec may differ
# Tags that speak of the old container or of its packets, not of the film.
_OF_THE_CONTAINER = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "vendor_id"})
_STATISTICS = ("_statistics", "bps", "number_of_", "duration-")

Parameters = Mapping[str, str]  # of a codec, by the names of libavcodec's options


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """A container's or stream's tags, as text, without those that only spoke of the file."""
    return {
        readable(key): readable(value)
        for key, value in tags.items()
        if key.lower() not in _OF_THE_CONTAINER and not key.lower().startswith(_STATISTICS)
    }


def add_copy(container: Any, other: Any, changed: Parameters | None = None) -> Any:
    """Add a stream like another one to a container that is not written yet.

    Args:
        changed: Parameters that the muxer wants to be others than the source's.

    Raises:
        ValueError: the container takes no such stream.
    """
    try:
        copy = _templated(container, other, changed)
    except ValueError:
        if other.type != "audio" or other.codec_context is None or container.format.name != "matroska":
            raise  # QuickTime's muxer would write tags that no player knows
        copy = _stand_in(container, other, changed)
    copy.time_base = other.time_base
    copy.metadata.clear()
    copy.metadata.update(kept_tags(other.metadata))
    copy.disposition = other.disposition
    return copy


def _templated(container: Any, other: Any, changed: Parameters | None) -> Any:
    copy = container.add_stream_from_template(other, opaque=True)
    if changed:
        copy.codec_context.options = dict(changed)
        copy.codec_context.open()  # as a decoder, which is how options come into its parameters
    return copy


def _stand_in(container: Any, other: Any, changed: Parameters | None) -> Any:
    """A copy that PyAV would refuse: it asks for official mappings only, where Matroska takes all that WAV does.

    A stream of the container's usual codec is added, and its parameters are replaced by the other's.
    """
    with av.open(io.BytesIO(), "w", format="null") as anything:
        template = _templated(anything, other, changed)
        if changed:
            anything.start_encoding()  # brings them from the context into the stream
        copy = container.add_mux_stream(container.default_audio_codec)
        BitStreamFilterContext("null", template, copy)
    return copy


def first_packets(path: Path) -> dict[int, list[Any]]:
    """The first packets of each stream that has any near the film's beginning.

    Where sound is missing there, reading goes on for it as far as probing does.
    """
    found: dict[int, list[Any]] = {}
    with open_container(path) as container, suppress(FFmpegError):
        wanted = {s.index for s in container.streams if s.type == "audio" and is_complete(s)}
        for number, packet in enumerate(demuxed(container)):
            if number >= _PACKETS_READ and (wanted <= set(found) or _is_far(packet, container)):
                break
            if len(found.setdefault(packet.stream.index, [])) < _PACKETS_TRIED:
                found[packet.stream.index].append(packet)
    return found


def _is_far(packet: Any, container: Any) -> bool:
    when = packet.dts if packet.dts is not None else packet.pts
    seconds = 0.0 if when is None else float(when * packet.time_base) - (container.start_time or 0) / av.time_base
    return seconds > PROBED_SECONDS or (packet.pos or 0) > PROBED_BYTES


@dataclass(frozen=True)
class Fit:
    """How a container takes a stream.

    Attributes:
        changed: Parameters that must be others than the source's.
        sample_size: Bytes that last one tick, where packets are counted; 0 where each packet does.
    """

    changed: Parameters = field(default_factory=dict)
    sample_size: int = 0


def fitting(other: Any, suffix: str, packets: Sequence[Any] = ()) -> Fit | None:
    """Return how a container takes a stream; None when it does not.

    Args:
        packets: Its first ones. Sound must lie where it lay when it is read back.
    """
    if other.type == "data" and suffix not in MOVIES:
        return None  # AVI would take anything
    if other.type != "audio" or other.codec_context is None or not packets:
        return Fit() if _tried(other, suffix) is not None else None
    times, most = _expected(other, suffix, packets)
    for changed in _choices(suffix, packets, times, other.codec_context.sample_rate):
        written = _tried(other, suffix, packets, times, changed)
        if written is not None and _lies_right(other, suffix, packets, times, most, written):
            return Fit(changed, stream_headers(written)[0].sample_size if suffix == ".avi" else 0)
    return None


def _choices(suffix: str, packets: Sequence[Any], times: Sequence[Fraction], rate: int) -> list[Parameters]:
    """Ways to describe a stream, the source's own first.

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


def _expected(other: Any, suffix: str, packets: Sequence[Any]) -> tuple[list[Fraction], float]:
    """When packets are played, in seconds after the first, and how far off they may be read back.

    Containers tell it, some only to the millisecond; where packets are counted an error grows with the film, so the
    samples that they decode to are counted instead. Codecs whose packets are all alike give less in the first one.
    """
    told = _times(packets)
    if suffix not in COUNTING:
        return told, _OFF
    lengths = [sound.shape[-1] for sound in _decoded(_decoder(other), packets)]
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


def _times(packets: Sequence[Any]) -> list[Fraction]:
    """When packets are played as they tell it, in seconds after the first; each later than the one before."""
    times: list[Fraction] = []
    for packet in packets:
        told = packet.pts if packet.pts is not None else packet.dts
        least = times[-1] + Fraction(1, 1000) if times else None
        if told is None:
            times.append(times[-1] + Fraction(packet.duration or 1) * packet.time_base if times else Fraction(0))
        else:
            time = told * Fraction(packet.time_base)
            times.append(time if least is None else max(time, least))
    return [time - times[0] for time in times]


def _tried(
    other: Any,
    suffix: str,
    packets: Sequence[Any] = (),
    times: Sequence[Fraction] = (),
    changed: Parameters | None = None,
) -> bytes | None:
    """A file of that container with the stream alone; None when it does not take it."""
    file = io.BytesIO()
    container = av.open(file, "w", format=CONTAINERS[suffix].muxer)
    try:
        copy = add_copy(container, other, changed)
        container.start_encoding()
        for packet, when in zip(packets, times, strict=True):
            sample = av.Packet(bytes(packet))
            sample.pts = sample.dts = round(when / Fraction(copy.time_base))
            sample.time_base, sample.stream, sample.is_keyframe = copy.time_base, copy, packet.is_keyframe
            container.mux(sample)
        container.close()
    except (FFmpegError, ValueError):
        return None
    finally:
        with suppress(FFmpegError, ValueError):
            container.close()
    return file.getvalue()


def _lies_right(
    other: Any, suffix: str, packets: Sequence[Any], times: Sequence[Fraction], most: float, written: bytes
) -> bool:
    """Whether a file read back gives the stream's packets at their times."""
    context = other.codec_context
    try:
        with av.open(io.BytesIO(written), format=CONTAINERS[suffix].muxer) as container:
            (copy,) = container.streams.audio
            read = copy.codec_context
            if (_family(read.name), read.sample_rate) != (_family(context.name), context.sample_rate):
                return False
            decoder = _decoder(copy)  # before reading, which may name another layer of MPEG audio
            found = list(demuxed(container, copy))
            if not _sound_alike(_decoded(_decoder(other), packets), _decoded(decoder, found)):
                return False
    except (FFmpegError, ValueError, IndexError, AttributeError):
        return False
    if suffix == ".avi" and not _counts_right(stream_headers(written)[0], packets, times, most):
        return False
    if len(found) < len(packets) and len(times) > 1:  # cut anew, maybe into one: its end must lie right too
        end = _times(found)[-1] + (found[-1].duration or 0) * Fraction(found[-1].time_base)
        if abs(end - times[-1]) > 2 * (times[-1] - times[-2]) + most:
            return False
    right = _at(found, packets, times)
    return bool(found) and all(abs(time - due) <= most for time, due in zip(_times(found), right, strict=True))


def _decoder(stream: Any) -> Any:
    """A decoder for a stream's packets, apart from the stream."""
    with av.open(io.BytesIO(), "w", format="null") as anything:
        decoder = _templated(anything, stream, None).codec_context
    with suppress(FFmpegError):  # decoding will tell
        decoder.open()
    return decoder


def _decoded(decoder: Any, packets: Sequence[Any]) -> list[NDArray[Any]]:
    """The samples of each packet, ``(channels, samples)`` within -1..1; no samples of one that does not decode."""
    sounds = []
    for packet in packets:
        channels = decoder.layout.nb_channels
        blocks = [np.empty((channels, 0), np.float32)]
        with suppress(FFmpegError, ValueError):
            blocks += [_samples(frame, channels) for frame in decoder.decode(av.Packet(bytes(packet)))]
            sounds.append(np.concatenate(blocks, axis=1))
            continue
        sounds.append(blocks[0])
    return sounds


def _samples(frame: Any, channels: int) -> NDArray[Any]:
    values: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    return values if values.dtype.kind == "f" else values / np.float32(np.iinfo(values.dtype).max)


def _sound_alike(before: Sequence[NDArray[Any]], after: Sequence[NDArray[Any]]) -> bool:
    """Whether packets give the same samples; a few may differ, which start a decoder up or come late to a muxer."""
    if not any(sound.size for sound in before):
        return True  # what does not decode here is left to its times
    if len(before) == len(after):
        pairs = list(zip(before, after, strict=True))
    else:
        pairs = [(np.concatenate(before, axis=1), np.concatenate(after, axis=1))] if after else []
        both = min((sound.shape[1] for pair in pairs for sound in pair), default=0)
        pairs = [(old[:, :both], new[:, :both]) for old, new in pairs if both >= _SHARE_ALIKE * old.shape[1]]
    alike = sum(old.shape == new.shape and np.allclose(old, new, atol=_NOISE) for old, new in pairs)
    return alike > 0 and alike >= _SHARE_ALIKE * len(pairs)


def _family(codec: str) -> str:
    """A codec without its variants: the layers of MPEG audio are told apart by their packets alone."""
    return re.sub(r"^mp[123]", "mpeg", codec.removesuffix("float").removesuffix("_fixed"))


def _counts_right(header: StreamHeader, packets: Sequence[Any], times: Sequence[Fraction], most: float) -> bool:
    """Whether what the header of an AVI stream counts gives its packets' times; libav reads wrong ones as if it did."""
    size = header.sample_size
    places = accumulate((Fraction(packet.size, size) if size else 1 for packet in packets), initial=0)
    return all(abs(place * header.tick - time) <= most for place, time in zip(places, times, strict=False))


def _at(found: Sequence[Any], packets: Sequence[Any], times: Sequence[Fraction]) -> list[Fraction]:
    """The times that packets should have when read back: by their number, or by their bytes where they are cut anew."""
    if len(found) == len(packets):
        return list(times)
    places = list(accumulate((packet.size for packet in packets), initial=0))
    result = []
    for begin in list(accumulate((packet.size for packet in found), initial=0))[:-1]:
        number = next((n for n, (a, b) in enumerate(pairwise(places)) if a <= begin < b), len(times) - 1)
        pair = min(number, len(times) - 2)
        pace = (times[pair + 1] - times[pair]) / packets[pair].size if pair >= 0 else Fraction(0)
        result.append(times[number] + pace * (begin - places[number]))
    return result
