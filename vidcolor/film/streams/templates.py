"""Streams added to a container like those of another, to take their packets as they are."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TypeVar

import av
from av.audio.codeccontext import AudioCodecContext
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.stream import Stream

from vidcolor.files import MARK
from vidcolor.film.containers.container import readable

# Tags that speak of the old container or of its packets, not of the film.
_OF_THE_CONTAINER = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "vendor_id", "timecode", "uid"}
)
_STATISTICS = ("_statistics", "bps", "number_of_", "duration-")
_IDENTITIES = ("_uid", "_umid", "_ul")  # of MXF, where every file has its own

AnyStream = TypeVar("AnyStream", bound=Stream)
_MXF_HERTZ = 48000  # libav's muxer writes sound of this rate alone
Parameters = Mapping[str, str]  # of a codec, by the names of libavcodec's options


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return a container's or stream's tags, as text, without those that only spoke of the file."""
    return {
        readable(key): readable(value)
        for key, value in tags.items()
        if key.lower() not in _OF_THE_CONTAINER
        and not key.lower().startswith(_STATISTICS)
        and not key.lower().endswith(_IDENTITIES)
    }


def named(stream: Stream, suffix: str = "") -> str:
    """Return a stream as messages call it: audio stream 1 (mp3).

    Args:
        suffix: Of a container that does not take the stream; a reason that is not the codec stands beside it.
    """
    context = getattr(stream, "codec_context", None)
    name = context.name if context is not None else getattr(stream, "name", None)
    name = readable(name or stream.metadata.get("handler_name") or "unknown codec")
    rate = context.sample_rate if isinstance(context, AudioCodecContext) else _MXF_HERTZ
    if suffix == ".mxf" and name.startswith("pcm_") and rate != _MXF_HERTZ:
        name = f"{name}, {rate} Hz where {_MXF_HERTZ} are asked for"
    return f"{stream.type} stream {stream.index} ({name})"


def told_losses(title: str, suffix: str, losses: Sequence[tuple[str, str]]) -> list[str]:
    """Return what a container does not hold, in one line; none where it holds all.

    Args:
        title: The film's name without its suffix.
        suffix: The container's.
        losses: Each with the suffix of a container that could hold it, or "".
    """
    by_holder: dict[str, list[str]] = {}
    for what, holder in losses:
        by_holder.setdefault(holder, []).append(what)
    parts = []
    for holder, whats in by_holder.items():
        where = f"-o {title}{MARK}{holder} keeps it" if holder else "no container here can"
        parts.append(f"{', '.join(whats)} ({where})")
    return [f"{suffix} cannot hold {'; '.join(parts)}"] if parts else []


def add_copy(container: OutputContainer, other: Stream, changed: Parameters | None = None) -> Stream:
    """Add a stream like another one to a container that is not written yet.

    Args:
        changed: Parameters that the muxer wants to be others than the source's.

    Raises:
        ValueError: the container takes no such stream.
    """
    try:
        copy = templated(container, other, changed)
    except ValueError:
        if other.type != "audio" or other.codec_context is None or container.format.name != "matroska":
            raise  # QuickTime's muxer would write tags that no player knows
        copy = _stand_in(container, other, changed)
    copy.time_base = other.time_base
    copy.metadata.clear()
    copy.metadata.update(kept_tags(other.metadata))
    copy.disposition = other.disposition
    return copy


def templated(container: OutputContainer, other: AnyStream, changed: Parameters | None) -> AnyStream:
    """Return a stream with another's parameters, by PyAV's own way."""
    copy = container.add_stream_from_template(other, opaque=True)
    if changed:
        copy.codec_context.options = dict(changed)
        copy.codec_context.open()  # as a decoder, which is how options come into its parameters
    return copy


def _stand_in(container: OutputContainer, other: Stream, changed: Parameters | None) -> Stream:
    """Add a copy that PyAV would refuse: it asks for official mappings only, where Matroska takes all that WAV does.

    A stream of the container's usual codec is added, and its parameters are replaced by the other's.
    """
    with av.open(io.BytesIO(), "w", format="null") as anything:
        template = templated(anything, other, changed)
        if changed:
            anything.start_encoding()  # brings them from the context into the stream
        copy = container.add_mux_stream(container.default_audio_codec)
        BitStreamFilterContext("null", template, copy)
    return copy
