"""Colored frames recorded as segments, each by an encoder of its own, as files of packets that a journal knows."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vidcolor.errors import OutputError, reason, remedy
from vidcolor.film.encoding.encode import Encoding
from vidcolor.film.encoding.packets import PacketSegment
from vidcolor.film.sequences.publishing import FrameSegment
from vidcolor.film.sequences.writing import FrameFiles
from vidcolor.pipeline.segments.cutting import Start, Step
from vidcolor.pipeline.segments.journal import Journal, Segment, seen_by

_LOG = logging.getLogger(__name__)


class Recorder:
    """Takes a film's steps in order (push / finish) and starts a new encoder with each segment.

    A context manager; what is finished stays when it ends with an error, the segment at work does not. An encoder
    gives out its last frames in a thread of its own, while the next one takes in its first.

    Args:
        output: The film's final name, for messages.
        wanted: Gives what is wanted of the frames from one number to the one before another.
        tally: What had been counted before the first step.
    """

    def __init__(
        self,
        journal: Journal,
        encoding: Encoding | FrameFiles,
        output: Path,
        wanted: Callable[[int, int], dict[str, Any]],
        tally: Mapping[str, float],
    ) -> None:
        self._journal, self._encoding, self._output, self._wanted = journal, encoding, output, wanted
        self._start: Start | None = None
        self._tally = self._told = dict(tally)  # and what the journal has been told of it
        self._current: Recording | None = None
        self._finishing: Future[None] | None = None
        self._finisher = ThreadPoolExecutor(1, "finisher")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._finisher.shutdown()
        if self._current is not None:
            self._current.discard()

    def push(self, step: Step, chroma: Sequence[NDArray[Any]], tally: dict[str, float]) -> None:
        """Encode a step's frame; its chroma planes are of the encoding's size.

        Args:
            tally: What has been counted up to this frame.

        Raises:
            OutputError: the disk is full, or the encoder fails.
        """
        with self._failures():
            if self._current is None or self._start is not step.start:
                self._hand_over(step.start)
                path = self._journal.packets(step.start.number)
                self._current, self._start = Recording(path, path.with_suffix(".part"), self._encoding), step.start
            self._current.push(step, chroma)
            self._tally = tally

    def finish(self, following: Start | None = None) -> None:
        """Take the end of the steps; return when the last segment is safe.

        Args:
            following: Where the next segment begins; None when the film has ended.
        """
        with self._failures():
            self._hand_over(following)
            self._await()

    def _hand_over(self, following: Start | None) -> None:
        if self._current is not None and self._start is not None:
            self._await()
            recording, self._current = self._current, None
            self._finishing = self._finisher.submit(self._finish, recording, self._start, following, self._tally)

    def _await(self) -> None:
        if self._finishing is not None:
            self._finishing.result()

    def _finish(self, recording: Recording, start: Start, following: Start | None, tally: dict[str, float]) -> None:
        try:
            found = recording.finish()
            told, self._told = self._told, tally
            self._journal.record(
                Segment(
                    number=start.number,
                    start=start,
                    frames=found.frames,
                    bytes=found.bytes,
                    sha256=found.sha256,
                    following=following,
                    tally={name: count - told.get(name, 0) for name, count in tally.items()},
                    wanted=self._wanted(*seen_by(start, found.frames, following)),
                )
            )
            _LOG.info(
                "segment %d: frames %d, shots %d, %d kB, %.1f s",
                *(start.number + 1, found.frames, recording.shots, found.bytes // 1000, recording.seconds),
            )
        except BaseException:
            recording.discard()
            raise

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kept = ". The same command goes on where it stopped" if self._journal.segments else ""
            raise OutputError(f"cannot write {self._output}", reason(error), remedy(error) + kept) from error


@dataclass(frozen=True)
class Recorded:
    """What a segment's packets are, or the list of its frames, once all is safe on the disk."""

    frames: int
    bytes: int
    sha256: str


def segment_file(encoding: Encoding | FrameFiles, path: Path) -> PacketSegment | FrameSegment:
    """Return what a segment is written with: its packets into a file, or frames beside it and a list of them into it.

    Raises:
        OSError: the place cannot be written; OutputError: the encoder does not take the settings.
    """
    if isinstance(encoding, FrameFiles):
        return FrameSegment(encoding, path)
    return PacketSegment(encoding, path)


class Recording:
    """A segment that is being encoded, into a file that gets its name when it is whole (push / finish).

    Args:
        path: The file of its packets.
        part: The name until then, in the same folder.
    """

    def __init__(self, path: Path, part: Path, encoding: Encoding | FrameFiles) -> None:
        self._path, self._part, self._frames, self.shots = path, part, 0, 0
        self._began = time.monotonic()
        self._file = segment_file(encoding, part)

    @property
    def seconds(self) -> float:
        """How long ago it was begun."""
        return time.monotonic() - self._began

    def push(self, step: Step, chroma: Sequence[NDArray[Any]]) -> None:
        """Encode a step's frame; its chroma planes are of the encoding's size.

        Raises:
            OSError: the disk is full; OutputError: the encoder fails.
        """
        self._file.push(step.frame, chroma, step.number)
        self._frames += 1
        self.shots += step.starts_shot

    def finish(self) -> Recorded:
        """Bring all packets to the disk, under the segment's name.

        Raises:
            OSError: the disk is full; OutputError: the encoder fails.
        """
        self._file.finish()
        os.replace(self._part, self._path)
        return Recorded(self._frames, self._file.bytes, self._file.digest)

    def discard(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
