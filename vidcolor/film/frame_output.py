"""Frames on their way to their names: written in threads, noted in lists, and published when all are there.

Until then they lie in a folder of their own, and older files of their names stay. What has been written is noted in
lists, a file for each finished segment.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vidcolor.errors import OutputError, writing
from vidcolor.film.frame import Frame
from vidcolor.film.frame_files import FrameFiles, FrameWriter

WRITERS = 2  # threads that paint and pack frames; each holds a frame of full size
_LIST = "vidcolor frames 1"


@dataclass(frozen=True)
class Written:
    """A file as it was when its frame was written.

    Attributes:
        modified: When, in nanoseconds.
    """

    name: str
    bytes: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> Written:
        """Return what a file is like now."""
        state = path.stat()
        return cls(path.name, state.st_size, state.st_mtime_ns)


class FrameEncoder:
    """Frames with their chroma in, files out (push / flush); several are painted and packed at the same time."""

    def __init__(self, files: FrameFiles, folder: Path) -> None:
        self._writer = FrameWriter(files, folder)
        self._threads = ThreadPoolExecutor(WRITERS, "frame-writer")
        self._waiting: deque[Future[Written]] = deque()

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int = 0) -> list[Written]:
        """Begin to write a frame, and return the files of frames before that are done.

        Raises:
            OutputError: the place cannot be written.
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
        """Return the files that are done, in their order, so that at most so many are waited for."""
        done = []
        while self._waiting and (len(self._waiting) > most or self._waiting[0].done()):
            done.append(self._waiting.popleft().result())
        return done


class FrameList:
    """Notes the files of a segment, and brings them to the disk; ``digest`` and ``bytes`` tell of the list itself."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.digest = hashlib.sha256()
        self.bytes = 0
        self._folder, self._unsafe = folder, list[Path]()
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close()
        self._write({"format": _LIST})

    def push(self, written: Sequence[Written]) -> None:
        """Note files that are written, in their order."""
        for each in written:
            self._write(asdict(each))
            self._unsafe.append(self._folder / each.name)

    def sync(self) -> None:
        """Return when the files and their list lie on the disk."""
        for path in (*self._unsafe, self._folder):
            _sync(path)
        self._unsafe.clear()
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the list."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        self._file.write(data)
        self.digest.update(data)
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


def listed(path: Path) -> Iterator[Written]:
    """Yield the files that a list notes."""
    with open(path, encoding="utf-8") as file:
        if json.loads(next(file, "{}")).get("format") != _LIST:
            raise ValueError(f"{path} is no list of frames")
        for line in file:
            yield Written(**json.loads(line))


def is_there(written: Written, *folders: Path) -> bool:
    """Return whether a file is still as it was written, in one of some folders."""
    for folder in folders:
        with suppress(OSError):
            if Written.of(folder / written.name) == written:
                return True
    return False


class FrameOutput:
    """Gives frames their final names when all are written: what a FilmWriter is for a container.

    A context manager. When the block ends with an error, nothing has got its final name.

    Args:
        path: Of the sequence, with its number as %06d.
        files: How the frames are written.
        folder: Where they are until then, on the same disk.
        sealed: Called with the first frame's file just before the first of all gets its name.

    Attributes:
        accept: Called when all is written; it may still refuse.
        warnings: What files of this kind do not hold.
    """

    def __init__(
        self, path: Path, files: FrameFiles, folder: Path, *, sealed: Callable[[Path], None] = lambda part: None
    ) -> None:
        self.path, self.encoding, self.warnings = path, files, list[str]()
        self.accept: Callable[[], None] = lambda: None
        self._folder, self._sealed = folder, sealed
        self._written: list[Written] = []
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
        """Do nothing: each frame is a file of its own, and there is nothing to find out before the work."""

    def encoder(self) -> FrameEncoder:
        """Return an encoder whose files are to be given to write()."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._encoder = FrameEncoder(self.encoding, self._folder)
        return self._encoder

    def write(self, written: Iterable[Written]) -> None:
        """Take the files of frames, in any order."""
        self._written += written

    def _publish(self) -> None:
        final = self.path.parent
        new = [each.name for each in self._written if not is_there(each, final)]
        if not self._written:
            raise OutputError(f"cannot write {self.path}", "there are no frames", "Check --start and --duration")
        first = self._written[0].name
        if first in new:
            self._sealed(self._folder / first)
        # The first one last: where it is, all are.
        for name in (*(name for name in new if name != first), *(name for name in new if name == first)):
            os.replace(self._folder / name, final / name)
        _sync(final)
