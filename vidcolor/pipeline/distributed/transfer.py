"""Files that travel between machines without a shared disk: in pieces, so that no memory ever holds a film.

One keeper stands beside the films and the parts. Stations on other machines ask it for pieces of a film, and give it
the pieces of a part; it checks a part as a whole before that gets its name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vidcolor.errors import OutputError, UnfitError, reason, remedy

try:
    from fcntl import LOCK_EX, flock
except ImportError:  # Windows: two stations of one machine may fetch the same file twice
    flock = None  # type: ignore[assignment]

PIECE = 8 << 20  # bytes that travel at once
KEPT = 3  # files of each machine's cache that stay, beside those in use: a station moves on from film to film


@dataclass(frozen=True)
class State:
    """What tells whether a file is still the one that was fetched."""

    size: int
    modified: int


class Keeper(Protocol):
    """Reads and writes files where the films are; each call moves one piece at most."""

    def state(self, path: Path) -> State | None:
        """Return the state of a file; None when there is none."""

    def read(self, path: Path, offset: int) -> bytes:
        """Return at most a piece of a file."""

    def write(self, part: Path, offset: int, piece: bytes) -> None:
        """Put a piece into a file that is not whole yet."""

    def finish(self, part: Path, path: Path, sha256: str) -> bool:
        """Give a file its name if it is what was sent."""

    def discard(self, part: Path) -> None:
        """Remove a file that will not be finished."""


class LocalKeeper:
    """The keeper of this machine's files."""

    def state(self, path: Path) -> State | None:
        """Return the state of a file; None when there is none."""
        try:
            found = path.stat()
        except OSError:
            return None
        return State(found.st_size, found.st_mtime_ns)

    def read(self, path: Path, offset: int) -> bytes:
        """Return at most a piece of a file."""
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def write(self, part: Path, offset: int, piece: bytes) -> None:
        """Put a piece into a file that is not whole yet."""
        with open(part, "r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(piece)

    def finish(self, part: Path, path: Path, sha256: str) -> bool:
        """Give a file its name if it is what was sent; return whether it is."""
        digest = hashlib.sha256()
        with open(part, "r+b") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            part.unlink()
            return False
        os.replace(part, path)
        return True

    def discard(self, part: Path) -> None:
        """Remove a file that will not be finished."""
        with suppress(OSError):
            part.unlink(missing_ok=True)


class Cache:
    """Files of the keeper's machine, as they are needed on this one.

    Args:
        folder: Where; stations of one machine share it.
    """

    def __init__(self, keeper: Keeper, folder: Path) -> None:
        self.folder, self._keeper = folder, keeper

    def fetch(self, path: Path) -> Path:
        """Return a copy of a file, which is fetched if it is not here yet.

        Raises:
            UnfitError: the keeper has no such file, or this machine no room for it.
        """
        state = self._keeper.state(path)
        if state is None:
            raise UnfitError(f"cannot open {path}", "no machine of the cluster sees it", "Check the path")
        key = hashlib.sha256(f"{path} {state.size} {state.modified}".encode()).hexdigest()[:16]
        copy = self.folder / key / path.name
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with _alone(copy.parent / ".lock"):
                if not copy.exists():
                    self._make_room(copy.parent)
                    self._copy(path, state, copy)
                os.utime(copy.parent)
        except OSError as error:
            why = f"it does not fit into {self.folder}: {reason(error)}"
            raise UnfitError(f"cannot fetch {path}", why, remedy(error)) from error
        return copy

    def send(self, own: Path, part: Path, path: Path) -> None:
        """Bring a finished file of this machine to the keeper's.

        Args:
            own: The file here.
            part: The name on the keeper's machine until it is whole; path: its name then.

        Raises:
            OSError: the disk is full; OutputError: it did not arrive as it was.
        """
        digest, offset = hashlib.sha256(), 0
        try:
            with open(own, "rb") as file:
                while piece := file.read(PIECE):
                    self._keeper.write(part, offset, piece)
                    digest.update(piece)
                    offset += len(piece)
            is_whole = self._keeper.finish(part, path, digest.hexdigest())
        except BaseException:
            self._keeper.discard(part)
            raise
        if not is_whole:
            raise OutputError(f"cannot write {path}", "it arrived with other bytes", "Check the network")

    def clear(self) -> None:
        """Remove all that was fetched."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _copy(self, path: Path, state: State, copy: Path) -> None:
        part = copy.with_name(f".{copy.name}.part")
        try:
            with open(part, "wb") as file:
                while (done := file.tell()) < state.size:
                    piece = self._keeper.read(path, done)
                    if not piece:
                        break
                    file.write(piece)
            if self._keeper.state(path) != state:
                raise UnfitError(f"cannot fetch {path}", "it changed meanwhile", "Start again")
            os.replace(part, copy)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def _make_room(self, beside: Path) -> None:
        """Remove what was used longest ago; a film that somebody still reads is fetched again."""
        others = sorted(
            (folder for folder in self.folder.iterdir() if folder != beside), key=lambda folder: folder.stat().st_mtime
        )
        for folder in others[: max(0, len(others) - KEPT)]:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other stations of this machine out of the block."""
    if flock is None:
        yield
        return
    with open(lock, "w") as file:
        flock(file, LOCK_EX)
        yield
