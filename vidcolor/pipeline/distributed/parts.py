"""The folder of a film's finished parts: for each segment a file of packets, and a receipt that tells what is in it.

Any number of workers write there, on any number of machines. A file gets its name when it is whole; a receipt is
written after its packets are safe on the disk, and counts only if it fits them. A segment that is made twice is the
same to the byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidcolor.errors import InputError, OutputError, reading, writing
from vidcolor.pipeline.distributed.plan import Plan, PlannedSegment, read_plan

COPY = "plan.json"  # of the plan, in the folder of its parts
_BLOCK = 1 << 20  # bytes that are read at once


@dataclass(frozen=True)
class Receipt:
    """What was made of a segment.

    Attributes:
        plan: The digest of its plan.
        bytes, sha256: Of its packets' file.
        seconds: That it took.
        host, processor: Where.
        warnings: What had to be done otherwise than asked.
    """

    plan: str
    segment: int
    frames: int
    bytes: int
    sha256: str
    seconds: float
    host: str
    processor: str
    warnings: tuple[str, ...] = ()


class Parts:
    """The finished parts of one plan, in a folder of their own."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self._plan = folder, plan

    def packets(self, number: int) -> Path:
        """Return the file of a segment's packets."""
        return self.folder / f"{number:05}.packets"

    def claim(self) -> None:
        """Make the folder this plan's own; a copy of the plan tells whose it is.

        Raises:
            OutputError: it holds parts of another plan, or cannot be written.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        copy = self.folder / COPY
        with suppress(InputError):  # absent, or torn by a full disk
            self._refuse_another(read_plan(copy))
            return
        part = self.unique(COPY)
        self._plan.write(part)
        with writing(copy):
            os.replace(part, copy)

    def is_claimed(self) -> bool:
        """Return whether the folder is seen from here, and this plan's own."""
        with suppress(InputError):
            return read_plan(self.folder / COPY).digest == self._plan.digest
        return False

    def files(self, number: int) -> tuple[Path, Path]:
        """Return the files of a segment, the packets before their receipt."""
        return self.packets(number), self._receipt(number)

    def forget(self, number: int) -> None:
        """Take back the receipt of a segment, which is to be made again.

        Raises:
            OutputError: the folder cannot be written.
        """
        with writing(self.folder):
            self._receipt(number).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _refuse_another(self, other: Plan) -> None:
        if other.digest == self._plan.digest:
            return
        if other.film != self._plan.film:
            why = f"it holds parts of another film, {other.film}"
        else:
            changed = [*other.differences(self._plan.identity)] or ["other segments"]
            why = f"it holds parts of another plan: {', '.join(changed)}"
        raise OutputError(f"cannot put parts into {self.folder}", why, "Use a folder of its own for each plan")

    def unique(self, name: str) -> Path:
        """Return a hidden name that no other process uses, for what is not whole yet."""
        return self.folder / f".{name}.{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}.part"

    def receipt(self, number: int) -> Receipt | None:
        """Return what was made of a segment; None when its part is missing or does not fit its receipt.

        Only sizes are compared: :meth:`is_whole` reads the packets.
        """
        try:
            found = Receipt(**_read(self._receipt(number)))
            found = Receipt(**{**asdict(found), "warnings": tuple(found.warnings)})
            fits = found.plan == self._plan.digest and found.segment == number
            size = self.packets(number).stat().st_size
        except (OSError, ValueError, TypeError):
            return None
        wanted = self._plan.segment(number).frames
        return found if fits and found.frames == wanted and found.bytes == size else None

    def record(self, receipt: Receipt) -> None:
        """Note a segment whose packets are safe on the disk.

        Raises:
            OSError: the disk is full.
        """
        part = self.unique(f"{receipt.segment:05}.json")
        try:
            with open(part, "w", encoding="utf-8") as file:
                file.write(json.dumps(asdict(receipt)) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._receipt(receipt.segment))
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def is_whole(self, receipt: Receipt) -> bool:
        """Return whether a segment's packets are those that were written; reads all of them.

        Raises:
            InputError: they cannot be read.
        """
        digest = hashlib.sha256()
        path = self.packets(receipt.segment)
        with reading(path), open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest() == receipt.sha256

    def missing(self, segments: Iterable[PlannedSegment] | None = None) -> list[int]:
        """Return the numbers of the segments that have yet to be made."""
        wanted = self._plan.segments if segments is None else segments
        return [segment.number for segment in wanted if self.receipt(segment.number) is None]

    def _receipt(self, number: int) -> Path:
        return self.folder / f"{number:05}.json"


def as_ranges(numbers: Iterable[int]) -> str:
    """Return numbers as they are written for --segments: 0-3,7 for 0, 1, 2, 3 and 7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_bytes()))
