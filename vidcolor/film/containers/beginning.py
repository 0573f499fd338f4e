"""The beginning of a film: the first packets of its streams, which tell what they are like."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from vidcolor.film.containers.container import PROBED_BYTES, PROBED_SECONDS, demuxed, is_complete, open_container

FirstPackets: TypeAlias = "dict[int, list[Packet[Stream]]]"  # by the numbers of their streams

_READ = 300  # packets of all streams, near the film's beginning
_KEPT = 64  # of a stream that may be heard; of others the first one tells enough


def first_packets(path: Path) -> FirstPackets:
    """Return the first packets of each stream that has any near the film's beginning.

    Where sound is missing there, reading goes on for it as far as probing does.
    """
    found: FirstPackets = {}
    with open_container(path) as container, suppress(FFmpegError):
        wanted = {s.index for s in container.streams if s.type == "audio" and is_complete(s)}
        for number, packet in enumerate(demuxed(container)):
            if number >= _READ and (wanted <= set(found) or _is_far(packet, container)):
                break
            kept = found.setdefault(packet.stream.index, [])
            if len(kept) < (_KEPT if packet.stream.type == "audio" else 1):
                kept.append(packet)
    return found


def _is_far(packet: Packet[Stream], container: InputContainer) -> bool:
    when = packet.dts if packet.dts is not None else packet.pts
    seconds = 0.0 if when is None else float(when * packet.time_base) - (container.start_time or 0) / av.time_base
    return seconds > PROBED_SECONDS or (packet.pos or 0) > PROBED_BYTES
