"""What is finished of a film, beside its output: so that a run that was stopped by anything can go on.

``film.color.mp4`` has the folder ``.film.color.mp4.vidcolor`` while it is being made. In it lie a file of packets for
each finished segment, and ``journal.jsonl``: first a line that tells input, model and options, then one for each
segment, written after the segment itself is safe on the disk. A line that is torn ends the journal there; a segment
whose file is missing, or not what its line says, counts as not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from vidcolor.errors import OutputError, reason, remedy
from vidcolor.files import PHOTOS, has_suffix, replaced
from vidcolor.film.sequences.numbering import Sequence
from vidcolor.film.sequences.publishing import FRAMES, folder_of, listed
from vidcolor.pipeline.segments.cutting import Mark, Start

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows: two runs at once on one output are not noticed
    flock = None  # type: ignore[assignment]  # on one system it is a function

STRAIGHT = "straight"
"""The folder inside a journal's for frames that become numbered files, and that no segment is noted of."""
_ENDS = 1 << 20  # bytes at either end of the input that are compared


@dataclass(frozen=True)
class Segment:
    """A finished segment.

    Attributes:
        number: Of its file.
        start: Where it begins.
        frames: How many it has of its own.
        bytes, sha256: Of its file.
        following: Where the next segment begins; None after the last one.
        tally: What was counted while it was read.
        wanted: What was wanted of the frames that it sees, as :meth:`vidcolor.pipeline.grading.Grading.wanted` tells.
    """

    number: int
    start: Start
    frames: int
    bytes: int
    sha256: str
    following: Start | None
    tally: dict[str, float]
    wanted: dict[str, Any]

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Segment:
        """Return the segment that a line of the journal tells of."""
        start, following = (_start_from_json(fields.pop(name)) for name in ("start", "following"))
        if start is None:
            raise ValueError("it begins nowhere")
        return cls(**fields, start=start, following=following)

    @property
    def seen(self) -> tuple[int, int]:
        """Return the number of the first frame that decided its colors, and that of the frame after the last."""
        return seen_by(self.start, self.frames, self.following)


def seen_by(start: Start, frames: int, following: Start | None) -> tuple[int, int]:
    """Return the number of the first frame that a segment sees, context included, and that of the frame after the last.

    Args:
        frames: How many it has of its own.
        following: Where the next segment begins; None after the last one.
    """
    return start.frame - start.lead, start.frame + frames + (following.lead if following else 0)


def _start_from_json(fields: dict[str, Any] | None) -> Start | None:
    if fields is None:
        return None
    return Start(fields["number"], fields["lead"], tuple(Mark(**mark) for mark in fields["marks"]), fields["frame"])


class Journal:
    """The finished segments of one film.

    A context manager. Nothing is written before :meth:`claim`, which keeps other runs from the same output. The files
    of the segments are not looked at before :meth:`begin`: they may be as large as the film.

    Args:
        output: The film's final name.
    """

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(f".{output.name}.vidcolor")
        self.segments: list[Segment] = []
        self.identity: dict[str, Any] = {}
        self._output = output
        self._path = self.folder / "journal.jsonl"
        self._is_numbered = has_suffix(output, PHOTOS)
        self._sealed: dict[str, Any] | None = None
        self._file: IO[str] | None = None
        self._lock: int | None = None

    def __enter__(self) -> Journal:
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _read(self) -> None:
        self.segments, self.identity, self._sealed = [], {}, None
        lines = _whole_lines(self._path)
        with suppress(KeyError, TypeError, ValueError, IndexError):
            self.identity = dict(lines[0]["film"])
            self._sealed = next((dict(line["sealed"]) for line in lines if "sealed" in line), None)
            for line in (line for line in lines if "segment" in line):
                self.segments.append(Segment.from_json(line["segment"]))

    @property
    def frames(self) -> int:
        """Return how many are finished."""
        return sum(segment.frames for segment in self.segments)

    @property
    def next_number(self) -> int:
        """Return the number of the next file."""
        return max((segment.number + 1 for segment in self.segments), default=0)

    @property
    def is_published(self) -> bool:
        """Return whether the film that has the output's name now is the one that this journal was kept for."""
        if self._sealed is None:
            return False
        film = self._output.with_name(self._sealed["name"])
        return film.exists() and self._sealed == _seal(film, film.name)

    @property
    def may_replace(self) -> bool:
        """Return whether what has the output's name is this journal's own, or, of numbered files, had begun to be."""
        return self.is_published or (self._is_numbered and self._sealed is not None)

    def packets(self, number: int) -> Path:
        """Return the file of a segment's packets."""
        return self.folder / f"{number:05}.packets"

    def differences(self, identity: Mapping[str, Any]) -> list[str]:
        """Return what was different when the finished segments were made."""
        return [key for key in {**self.identity, **identity} if self.identity.get(key) != identity.get(key)]

    def claim(self) -> None:
        """Keep other runs from the output until this one ends, and read what the last one left.

        Raises:
            OutputError: the folder cannot be written, or another run is at work there.
        """
        with self._failures():
            while True:
                self.folder.mkdir(exist_ok=True)
                with suppress(FileNotFoundError):  # another run has just ended, and removed it
                    self._lock = _lock(self.folder)
                    break
        self._read()

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Open the journal for writing; segments that are finished and whole are taken over if the film is the same.

        Raises:
            OutputError: the folder cannot be written.
        """
        with self._failures():
            if self.differences(identity):
                self.clear()
            self.segments = [segment for segment in self.segments if self._is_whole(segment)]
            self.identity = dict(identity)
            # Written anew: whatever is torn in the old one goes, and a reader sees the old one or the new one.
            lines = [{"film": self.identity}, *({"segment": asdict(segment)} for segment in self.segments)]
            with replaced(self._path) as part:
                part.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - closed on exit
            self._sync()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        what = f"cannot write {self.folder}"
        try:
            yield
        except BlockingIOError as error:
            raise OutputError(what, "another run is at work on this film", "Wait until it ends") from error
        except OSError as error:
            raise OutputError(what, reason(error), remedy(error)) from error

    def clear(self) -> None:
        """Remove all finished segments."""
        self.segments = []
        self._empty()

    def forget(self) -> None:
        """Start afresh with the same film."""
        self._close_file()
        self.clear()
        self.begin(self.identity)

    def record(self, segment: Segment) -> None:
        """Note a segment whose file lies on the disk.

        Raises:
            OSError: the disk is full.
        """
        self._write({"segment": asdict(segment)})
        self.segments.append(segment)

    def seal(self, film: Path) -> None:
        """Note the whole film just before it gets its final name; nothing without :meth:`begin`."""
        if self._file is not None:
            name = film.name if self._is_numbered else self._output.name  # frames have their names before
            self._write({"sealed": _seal(film, name)})

    def remove(self) -> None:
        """Leave nothing behind, unless another run is at work there."""
        try:
            if self._lock is None:
                self._lock = _lock(self.folder)
        except OSError:
            return
        self._close_file()
        self._empty()
        with suppress(OSError):
            self.folder.rmdir()
        self._close()

    def _is_whole(self, segment: Segment) -> bool:
        path = self.packets(segment.number)
        if not path.is_file() or path.stat().st_size != segment.bytes:
            return False
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(_ENDS):
                digest.update(block)
        if digest.hexdigest() != segment.sha256:
            return False
        # Numbered files get their names one after the other: when that was stopped, some have theirs already.
        return not self._is_numbered or all(
            written.is_there(folder_of(path), self._output.parent) for written in listed(path)
        )

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._file is not None, "begin() comes first"
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        self._sync()

    def _sync(self) -> None:
        """Return when journal and names lie on the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())
        if self._lock is not None:
            os.fsync(self._lock)

    def _empty(self) -> None:
        for name in (FRAMES, STRAIGHT):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        # The journal last: as long as it is there, it tells what the rest is.
        for path in (*self.folder.glob("*.packets"), *self.folder.glob("*.part*"), self._path):
            path.unlink(missing_ok=True)

    def _close_file(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # a full disk has been told already
                self._file.close()
        self._file = None

    def _close(self) -> None:
        self._close_file()
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None


def film_identity(source: Path) -> dict[str, Any]:
    """Return what tells one input file from another: its size, its time, and its bytes at either end."""
    state = source.stat()
    digest = hashlib.sha256()
    with open(source, "rb") as file:
        digest.update(file.read(_ENDS))
        file.seek(max(0, state.st_size - _ENDS))
        digest.update(file.read(_ENDS))
    return {"bytes": state.st_size, "modified": state.st_mtime_ns, "ends": digest.hexdigest()}


def sequence_identity(sequence: Sequence) -> dict[str, Any]:
    """Return what tells one image sequence from another: the names, sizes and times of its files."""
    digest = hashlib.sha256()
    for path in sequence.paths:
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return {"frames": len(sequence), "files": digest.hexdigest()}


def _seal(film: Path, name: str) -> dict[str, Any]:
    """Return what stays when a file is renamed, and nobody else's file has."""
    state = film.stat()
    return {"name": name, "bytes": state.st_size, "modified": state.st_mtime_ns, "inode": state.st_ino}


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal up to the first that is torn."""
    lines = []
    with suppress(OSError, ValueError):
        for line in path.read_bytes().splitlines(keepends=True):
            found = json.loads(line)
            if not line.endswith(b"\n") or not isinstance(found, dict):
                break
            lines.append(found)
    return lines


def _lock(folder: Path) -> int | None:
    """Keep others from a folder until the returned descriptor is closed, by whatever end this process comes to.

    Raises:
        BlockingIOError: another run has it; FileNotFoundError: it is gone, or was while this one waited.
    """
    if flock is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        pass  # a file system without locks
    try:
        if os.fstat(descriptor).st_ino == folder.stat().st_ino:
            return descriptor
    except FileNotFoundError:
        pass
    os.close(descriptor)
    raise FileNotFoundError(folder)
