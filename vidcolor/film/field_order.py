"""The two fields of an interlaced frame: which of them is shown first, read from frames and marked on them.

PyAV shows whether a frame is interlaced, but not its order; libav's filters see and set both.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from av.filter import Graph
from av.video.frame import VideoFrame

from vidcolor.film.filter_chain import filter_chain

FieldOrder = Literal["", "tff", "bff"]  # progressive; top or bottom field first

# libavcodec's AVFieldOrder; the order of storage is told apart there too, and is of no interest here.
AV_FIELDS: dict[int, FieldOrder] = {2: "tff", 3: "bff", 4: "tff", 5: "bff"}
CODES: dict[str, int] = {"tff": 2, "bff": 3}


def field_order(raw: VideoFrame) -> FieldOrder:
    """Return which field of a decoded frame is shown first; "" for a progressive one."""
    if not raw.interlaced_frame:
        return ""
    graph = _graph(raw, "select", "eq(interlace_type\\,TOPFIRST)")
    graph.vpush(raw)
    graph.vpush(None)
    try:
        graph.vpull()
    except (BlockingIOError, EOFError):  # as FFmpegError says that nothing came through
        return "bff"
    return "tff"


class FieldMarker:
    """Marks frames as interlaced, for encoders that ask each of them.

    Args:
        order: The field that is shown first.
    """

    def __init__(self, order: FieldOrder) -> None:
        self._order = order
        self._graph: Graph | None = None

    def mark(self, picture: VideoFrame) -> VideoFrame:
        """Return a picture with the mark; its planes and its time stay."""
        if self._graph is None:
            self._graph = _graph(picture, "setfield", self._order)
        self._graph.vpush(picture)
        return self._graph.vpull()


def _graph(picture: VideoFrame, name: str, how: str) -> Graph:
    """Return a filter graph of one filter, for pictures like this one."""
    time_base = Fraction(picture.time_base or Fraction(1, 25))
    size = f"video_size={picture.width}x{picture.height}:pix_fmt={picture.format.name}"
    colors = f"colorspace={int(picture.colorspace)}:range={int(picture.color_range)}"
    return filter_chain(("buffer", f"{size}:time_base={time_base}:pixel_aspect=1/1:{colors}"), (name, how))
