"""The essence of packets: what an encoder gave, whatever form a container has brought it into.

Encoders put start codes before the NAL units of H.264 and H.265; MP4 and Matroska put lengths in their place
(ISO/IEC 14496-15, 5.3). AV1 begins each picture with a temporal delimiter, which the same containers leave out (AV1 in
ISOBMFF, 2.4). All else stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import av

_START = b"\0\0\1"
_LENGTH = 4  # bytes before each unit; libav's muxers write no other
_DELIMITER = b"\x12\0"  # an OBU of type 2 that has a size, of 0
_UNITS = ("h264", "hevc")


class Essence:
    """Brings packets of one stream from the encoder's form into a bare one, and back from the container's.

    Args:
        encoder: Name of the encoder, as in libx264.
    """

    def __init__(self, encoder: str) -> None:
        self._codec = av.codec.Codec(encoder, "w").canonical_name

    def of_encoder(self, data: bytes) -> bytes:
        """Return the essence of a packet as the encoder gave it: with lengths, and without delimiters."""
        if self._codec in _UNITS:
            return b"".join(len(unit).to_bytes(_LENGTH, "big") + unit for unit in _units(data))
        if self._codec == "av1":
            return data.removeprefix(_DELIMITER)
        return data

    def of_container(self, data: bytes, header: bytes) -> bytes:
        """Return the essence of a packet as a container held it.

        Args:
            header: The stream's, which tells whether lengths stand before the units.
        """
        return data if self._codec in _UNITS and _has_lengths(header) else self.of_encoder(data)

    def for_encoder(self, data: bytes, header: bytes) -> bytes:
        """Return a packet that a container held as an encoder could have given it.

        Raises:
            ValueError: it is damaged.
        """
        if not (self._codec in _UNITS and _has_lengths(header)):
            return data
        parts, place = [], 0
        while place < len(data):
            end = place + _LENGTH + int.from_bytes(data[place : place + _LENGTH], "big")
            if end > len(data):
                raise ValueError("a unit goes on after the end of its packet")
            parts.append(b"\0" + _START + data[place + _LENGTH : end])
            place = end
        return b"".join(parts)


def _has_lengths(header: bytes) -> bool:
    """Return whether a header is that of ISO/IEC 14496-15; the other begins with a start code."""
    return header[:1] == b"\1"


def _units(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units between start codes (ITU-T H.264, annex B)."""
    begin = data.find(_START)
    while begin >= 0:
        begin += len(_START)
        following = data.find(_START, begin)
        end = len(data) if following < 0 else following - (data[following - 1] == 0)
        yield data[begin:end]
        begin = following
