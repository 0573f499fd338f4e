"""How many bytes a second the streams of a film take that are copied beside its picture."""

from __future__ import annotations

from contextlib import suppress

from av.error import FFmpegError

from vidcolor.film.containers.container import is_cover, open_container
from vidcolor.film.frame import VideoInfo

LOOKED_AT = 2.0  # seconds of film: enough for sound, whose rate is steady


def copied_rate(info: VideoInfo, at: float, seconds: float = LOOKED_AT) -> float:
    """Return the bytes a second of all streams but the picture and covers, from a look at a part of the film.

    Args:
        at: Where the part begins, in seconds of the container's clock.
        seconds: How long it is.
    """
    if info.beside is None:
        return 0.0
    with open_container(info.beside) as container:
        copied = {s.index for s in container.streams if s.index != info.stream and not is_cover(s)}
        if not copied or not info.seconds:
            return 0.0
        with suppress(FFmpegError):  # then the part is the film's beginning
            container.seek(round(at * 1_000_000))  # AV_TIME_BASE
        first = last = None
        size = 0
        for packet in container.demux():
            if packet.dts is None:
                continue
            last = float(packet.dts * packet.time_base)
            first = last if first is None else first
            if last > first + seconds:
                break
            size += packet.size if packet.stream_index in copied else 0
        return size / max(last - first, 0.1) if first is not None and last is not None else 0.0
