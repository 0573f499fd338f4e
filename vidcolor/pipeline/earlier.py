"""The film that an earlier run has made by a list of shots, and what is known of its segments.

Beside ``film.color.mp4`` lies ``film.color.mp4.json``: what decided the film as a whole, and for each segment its
place, what was wanted of its frames, and a digest of its packets. With it, a run by an edited list takes over the
segments that the edit does not touch. A film that somebody has changed since is noticed by the digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidcolor.errors import InputError, OutputError, writing
from vidcolor.files import replaced
from vidcolor.film.encoding.encode import Encoding
from vidcolor.film.encoding.finished import FinishedPicture
from vidcolor.pipeline.chain import Piece
from vidcolor.pipeline.segments.journal import Segment

_FORM = 1  # of the file


def record_of(film: Path) -> Path:
    """Return the file that tells of a film's segments."""
    return film.with_name(f"{film.name}.json")


@dataclass(frozen=True)
class Earlier:
    """What is known of a film that an earlier run has made.

    Attributes:
        film: The film.
        identity: What decided it as a whole, as :func:`vidcolor.pipeline.film.identity_of` tells.
        bytes: Its size.
        begin: The pts of its first frame, as it was encoded.
        header: Its encoder's, in hexadecimal digits.
        segments: In the order of the film; their digests are those of the packets' essence.
    """

    film: Path
    identity: dict[str, Any]
    bytes: int
    begin: int
    header: str
    segments: tuple[Segment, ...]

    @classmethod
    def read(cls, film: Path) -> Earlier | None:
        """Return what is known of a film; None when nothing is, or the film is not there or of another size."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(record_of(film).read_text(encoding="utf-8"))
            if told["form"] != _FORM or film.stat().st_size != told["bytes"]:
                return None
            starts = [{"number": place, **each["start"]} for place, each in enumerate(told["segments"])]
            segments = tuple(
                Segment.from_json({**each, "number": place, "bytes": 0, "start": start, "following": following})
                for place, (each, start, following) in enumerate(
                    zip(told["segments"], starts, [*starts[1:], None], strict=True)
                )
            )
            return cls(film, dict(told["film"]), told["bytes"], told["begin"], told["header"], segments)
        return None

    def write(self) -> None:
        """Write it beside the film.

        Raises:
            OutputError: it cannot be written.
        """
        head = {"form": _FORM, "film": self.identity, "bytes": self.bytes, "begin": self.begin, "header": self.header}
        lines = [json.dumps(_told(each)) for each in self.segments]
        text = json.dumps(head)[:-1] + ', "segments": [\n' + ",\n".join(lines) + "\n]}\n"
        path = record_of(self.film)
        with writing(path), replaced(path) as part:
            part.write_text(text, encoding="utf-8")

    def differences(self, identity: Mapping[str, Any]) -> list[str]:
        """Return what was different when the film was made."""
        return [key for key in {**self.identity, **identity} if self.identity.get(key) != identity.get(key)]

    def check(self, identity: Mapping[str, Any]) -> None:
        """Refuse to make the film anew with other options, unasked.

        Raises:
            OutputError: it was made with others.
        """
        if others := self.differences(identity):
            why = f"it was made with another {', '.join(others)}"
            remedy = "Use -y to color all of it anew, or choose another name with -o"
            raise OutputError(f"cannot write {self.film}", why, remedy)

    def pieces(self, encoding: Encoding) -> list[Piece]:
        """Read the film through, and return the segments that lie in it as they were written.

        Args:
            encoding: That of the film's picture.
        """
        picture = FinishedPicture(self.film, encoding, self.begin, bytes.fromhex(self.header))
        found = []
        with suppress(InputError):  # it is no film any more: none of its segments is there
            for segment, packets in zip(self.segments, picture.runs([s.frames for s in self.segments]), strict=False):
                if packets.digest == segment.sha256:
                    found.append(Piece(segment, packets))
        return found


def _told(segment: Segment) -> dict[str, Any]:
    """Return what is not told by a segment's place among the others."""
    found = asdict(segment)
    for name in ("number", "bytes", "following"):
        del found[name]
    del found["start"]["number"]
    return found


def forget_record(film: Path) -> None:
    """Remove what is told of the segments of a film that is no longer there; a file of somebody else's stays."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        if "segments" in json.loads(record_of(film).read_text(encoding="utf-8")):
            record_of(film).unlink()
