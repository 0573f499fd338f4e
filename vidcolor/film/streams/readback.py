"""Whether a file that was written gives back a stream as it was: its sound, at its times."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from vidcolor.film.containers.container import demuxed
from vidcolor.film.encoding.codecs import CONTAINERS
from vidcolor.film.marks.avi import StreamHeader, stream_headers
from vidcolor.film.streams.templates import templated

_SHARE_ALIKE = 0.8  # of what is tried
_NOISE = 0.001  # by which decoders of one codec may differ


def lies_right(
    other: AudioStream,
    suffix: str,
    packets: Sequence[Packet[Stream]],
    times: Sequence[Fraction],
    most: float,
    written: bytes,
) -> bool:
    """Return whether a file read back gives the stream's packets at their times."""
    context = other.codec_context
    try:
        with av.open(io.BytesIO(written), format=CONTAINERS[suffix].muxer) as container:
            (copy,) = container.streams.audio
            read = copy.codec_context
            if (_family(read.name), read.sample_rate) != (_family(context.name), context.sample_rate):
                return False
            decoder = sound_decoder(copy)  # before reading, which may name another layer of MPEG audio
            found = list(demuxed(container, copy))
            if not _sound_alike(decoded(sound_decoder(other), packets), decoded(decoder, found)):
                return False
    except (FFmpegError, ValueError, IndexError, AttributeError):
        return False
    if suffix == ".avi" and not _counts_right(stream_headers(written)[0], packets, times, most):
        return False
    if len(found) < len(packets) and len(times) > 1:  # cut anew, maybe into one: its end must lie right too
        end = told_times(found)[-1] + (found[-1].duration or 0) * Fraction(found[-1].time_base)
        if abs(end - times[-1]) > 2 * (times[-1] - times[-2]) + most:
            return False
    right = _at(found, packets, times)
    return bool(found) and all(abs(time - due) <= most for time, due in zip(told_times(found), right, strict=True))


def told_times(packets: Sequence[Packet[Stream]]) -> list[Fraction]:
    """Return when packets are played as they tell it, in seconds after the first; each later than the one before."""
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


def sound_decoder(stream: AudioStream) -> AudioCodecContext:
    """Return a decoder for a stream's packets, apart from the stream."""
    with av.open(io.BytesIO(), "w", format="null") as anything:
        decoder = templated(anything, stream, None).codec_context
    with suppress(FFmpegError):  # decoding will tell
        decoder.open()
    return decoder


def decoded(decoder: AudioCodecContext, packets: Sequence[Packet[Stream]]) -> list[NDArray[Any]]:
    """Return the samples of each packet, ``(channels, samples)`` within -1..1; none of one that does not decode."""
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


def _samples(frame: AudioFrame, channels: int) -> NDArray[Any]:
    values: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    return values if values.dtype.kind == "f" else values / np.float32(np.iinfo(values.dtype).max)


def _sound_alike(before: Sequence[NDArray[Any]], after: Sequence[NDArray[Any]]) -> bool:
    """Return whether packets give the same samples; some may differ, as those that start a decoder."""
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
    """Return a codec without its variants: the layers of MPEG audio are told apart by their packets alone."""
    return re.sub(r"^mp[123]", "mpeg", codec.removesuffix("float").removesuffix("_fixed"))


def _counts_right(
    header: StreamHeader, packets: Sequence[Packet[Stream]], times: Sequence[Fraction], most: float
) -> bool:
    """Return whether what the header of an AVI stream counts gives its packets' times: libav reads wrong ones too."""
    size = header.sample_size
    places = accumulate((Fraction(packet.size, size) if size else 1 for packet in packets), initial=0)
    return all(abs(place * header.tick - time) <= most for place, time in zip(places, times, strict=False))


def _at(
    found: Sequence[Packet[Stream]], packets: Sequence[Packet[Stream]], times: Sequence[Fraction]
) -> list[Fraction]:
    """Return the times that packets should have when read back: by number, or by bytes where they are cut anew."""
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
