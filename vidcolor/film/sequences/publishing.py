"""Frames on their way to their names: written in threads, noted in lists, and published when all are there.

Until then they lie in a folder of their own, and older files of their names stay. What has been written is noted in
lists, a file for each finished segment.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vidcolor.errors import OutputError, writing
from vidcolor.film.frame import Frame
from vidcolor.film.sequences.writing import FrameFiles, FrameWriter

FRAMES = "frames"  # the folder beside lists in which each has one
WRITERS = 2  # threads that paint and pack frames; each holds a frame of full size
_LIST = "vidcolor frames 1"


@dataclass(frozen=True)
class Written:
    """A file as it was when its frame was written.

    Attributes:
        size: In bytes.
        modified: When, in nanoseconds.
    """

    name: str
    size: int
    modified: int

    @property
    def is_keyframe(self) -> bool:
        """Return that it needs no others, as of packets."""
        return True

    @classmethod
    def of(cls, path: Path) -> Written:
        """Return what a file is like now."""
        state = path.stat()
        return cls(path.name, state.st_size, state.st_mtime_ns)

    def is_there(self, *folders: Path) -> bool:
        """Return whether the file is still as it was written, in one of some folders."""
        for folder in folders:
            with suppress(OSError):
                if Written.of(folder / self.name) == self:
                    return True
        return False


class FrameEncoder:
    """Takes frames with their chroma and gives files (push / flush); several are painted and packed at the same time.

    Args:
        files: How frames become files.
        folder: Where to.
    """

    def __init__(self, files: FrameFiles, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = FrameWriter(files, folder)
        self._threads = ThreadPoolExecutor(WRITERS, "frame-writer")
        self._waiting: deque[Future[Written]] = deque()

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int = 0) -> list[Written]:
        """Begin to write a frame, and return the files of frames before that are done.

        Args:
            frame: Of a film.
            chroma: Its Cb and Cr, of its full size.
            place: How many frames of the film come before it.

        Raises:
            OSError: the place cannot be written.
        """
        done = self._finished(WRITERS)
        self._waiting.append(self._threads.submit(self._write, frame, chroma, place))
        return done

    def flush(self) -> list[Written]:
        """Return the files that were still being written; nothing can be pushed afterwards."""
        try:
            return self._finished(0)
        finally:
            self.close()

    def close(self) -> None:
        """Wait for what is being written."""
        self._threads.shutdown()

    def _write(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int) -> Written:
        return Written.of(self._writer.write(frame, chroma, place))

    def _finished(self, most: int) -> list[Written]:
        """Return files in their order, until at most so many are waited for."""
        done = []
        while self._waiting and (len(self._waiting) > most or self._waiting[0].done()):
            done.append(self._waiting.popleft().result())
        return done


class FrameSegment:
    """Writes the frames of a segment, and a list of their files.

    Args:
        files: How frames become files.
        path: Of the list; ``digest`` and ``bytes`` tell of that. The frames go into a folder that belongs to it.
    """

    def __init__(self, files: FrameFiles, path: Path) -> None:
        self.bytes = 0
        self._hash = hashlib.sha256()
        self._folder, self._written = folder_of(path), list[Written]()
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close()
        self._encoder = FrameEncoder(files, self._folder)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the list as hexadecimal digits."""
        return self._hash.hexdigest()

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int) -> None:
        """Write a frame; as FrameEncoder does."""
        self._written += self._encoder.push(frame, chroma, place)

    def finish(self) -> None:
        """Return when all files and their list lie on the disk.

        Raises:
            OSError: the disk is full.
        """
        self._written += self._encoder.flush()
        self._note({"format": _LIST})
        for written in self._written:
            _sync(self._folder / written.name)
            self._note(asdict(written))
        _sync(self._folder)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()

    def close(self) -> None:
        """Close the list; what is being written is waited for."""
        self._encoder.close()
        self._file.close()

    def _note(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        self._file.write(data)
        self._hash.update(data)
        self.bytes += len(data)


def _sync(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder on Windows
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def folder_of(path: Path) -> Path:
    """Return the folder of the frames that a list notes, until they get their names."""
    return path.parent / FRAMES / path.stem


def listed(path: Path) -> Iterator[Written]:
    """Yield the files that the list of a segment notes.

    Raises:
        ValueError: it is no such list.
    """
    with open(path, encoding="utf-8") as file:
        if json.loads(next(file, "{}")).get("format") != _LIST:
            raise ValueError(f"{path} is no list of frames")
        for line in file:
            yield Written(**json.loads(line))


class FrameOutput:
    """Gives frames their final names when all are written, as a FilmWriter does with a film.

    A context manager. When the block ends with an error, nothing has got its final name.

    Args:
        path: Of the sequence, with its number as %06d.
        files: How the frames are written.
        folder: Where those that are pushed are until then, on the same disk.
        sealed: Called with the first frame's file just before any gets its name.

    Attributes:
        accept: Called when all is written and told of in ``warnings``; it may still refuse.
    """

    def __init__(
        self, path: Path, files: FrameFiles, folder: Path, *, sealed: Callable[[Path], None] = lambda part: None
    ) -> None:
        self.path, self.warnings = path, list[str]()
        self.accept: Callable[[], None] = lambda: None
        self._files, self._folder, self._sealed = files, folder, sealed
        self._written: list[tuple[Path, Written]] = []  # with the folders that they are in
        self._encoder: FrameEncoder | None = None

    def __enter__(self) -> FrameOutput:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._encoder is not None:
            self._encoder.close()
        if kind is None:
            self.accept()
            with writing(self.path):
                self._publish()

    def rehearse(self) -> None:
        """Find out nothing: each frame is a file of its own, and what does not fit shows with the first."""

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int) -> None:
        """Write a frame; as FrameEncoder does.

        Raises:
            OutputError: the disk is full.
        """
        with writing(self.path):
            self._encoder = self._encoder or FrameEncoder(self._files, self._folder)
            self._written += [(self._folder, each) for each in self._encoder.push(frame, chroma, place)]

    def flush(self) -> None:
        """Take the end of the frames."""
        if self._encoder is not None:
            with writing(self.path):
                self._written += [(self._folder, each) for each in self._encoder.flush()]

    def take(self, lists: Sequence[Path]) -> None:
        """Take frames that have been written already, by the lists of their segments."""
        for path in lists:
            self._written += [(folder_of(path), each) for each in listed(path)]

    def _publish(self) -> None:
        final = self.path.parent
        if not self._written:
            raise OutputError(f"cannot write {self.path}", "there are no frames", "Check --start and --duration")
        new = [folder / each.name for folder, each in self._written if not each.is_there(final)]
        first = self._written[0][0] / self._written[0][1].name
        if first in new:
            self._sealed(first)
        # The first one last: where it is, all are.
        for file in sorted(new, key=lambda file: file == first):
            os.replace(file, final / file.name)
        _sync(final)
