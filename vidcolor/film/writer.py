"""Containers out: the picture's packets with every other stream of the source, copied packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from vidcolor.errors import OutputError, reason, remedy
from vidcolor.files import part_of, publish, written_through
from vidcolor.film.avi import set_starts
from vidcolor.film.codecs import CONTAINERS, COUNTING, MATROSKA, MOVIES
from vidcolor.film.encode import Encoding, VideoEncoder
from vidcolor.film.frame import VideoInfo
from vidcolor.film.matroska import set_sample_aspect
from vidcolor.film.streams import StreamCopies


class FilmWriter:
    """Writes one film: the picture from packets, the other streams from the source.

    A context manager. The film is written beside its final name and renamed when the block ends well;
    when it ends with an error, nothing of it stays. The source is opened a second time here, so that
    reader and writer stay independent.

    Args:
        path: The film's final name.
        info: The source.
        encoding: That of the picture's packets.
        start, duration: The part of the source that is written, in seconds of its own time.
        sealed: Called with the finished file just before it gets its final name.

    Attributes:
        accept: Called when all is written and told of in ``warnings``; it may still refuse the film.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        encoding: Encoding,
        *,
        start: float = 0.0,
        duration: float | None = None,
        sealed: Callable[[Path], None] = lambda part: None,
    ) -> None:
        self.path = path
        self.encoding = encoding
        self.warnings: list[str] = []
        self.accept: Callable[[], None] = lambda: None
        self._target = written_through(path)
        self._part = part_of(self._target)
        self._info = info
        self._sealed = sealed
        first = float(info.begin * info.time_base)
        # Sound may begin before the picture; only a cut film begins at a time of its own.
        self._begin = first + start if start else float("-inf")
        self._end = first + start + duration if duration is not None else float("inf")
        self._shift = self._lead(first + start if start else None)
        self._counts = path.suffix.lower() in COUNTING
        self._begun = False
        self._container: Any = None
        self._copies: StreamCopies | None = None

    def __enter__(self) -> FilmWriter:
        try:
            with self._failures():
                self._open()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            with self._failures():
                copies = self._copies
                assert copies is not None
                copies.copy_until(self._end)
                self._container.close()
                self.warnings = copies.warnings
                copies.close()
                if copies.starts:
                    set_starts(self._part, copies.starts)
                info = self._info
                matroska = self.path.suffix.lower() in MATROSKA
                if info.sample_aspect != 1 and matroska and not set_sample_aspect(self._part, info):
                    self.warnings.append(f"the shape of the pixels, {info.sample_aspect}, is not kept")
                self.accept()
                publish(self._part, self._target, self._sealed)
        except BaseException:
            self._discard()
            raise

    def rehearse(self) -> None:
        """Write the container's header and throw it away: what does not fit shows before any work is done.

        Raises:
            OutputError: codec, container and folder do not fit each other.
        """
        with self._failures():
            try:
                self._open()
            finally:
                self._discard()
        self.warnings.clear()

    def _lead(self, cut: float | None) -> float:
        """Seconds before the film's first frame that would be shown as a blank.

        MP4 and its kin play what lies before the first time. The clocks of transport and program streams begin
        anywhere, and a cut film begins late; Matroska's players begin where the film does.
        """
        if self.path.suffix.lower() not in MOVIES:
            return 0.0
        if cut is not None:
            return cut
        return self._info.clock_start if self._info.container in ("mpegts", "mpeg") else 0.0

    def encoder(self) -> VideoEncoder:
        """The encoder that the container's header was written with."""
        return VideoEncoder(self.encoding, self._stream.codec_context)

    def write(self, packets: Iterable[Any]) -> None:
        """Take packets of the picture, in decoding order.

        Raises:
            OutputError: the disk is full.
        """
        with self._failures():
            assert self._copies is not None
            for packet in packets:
                if self._counts and not self._begun:
                    first = packet.pts * Fraction(packet.time_base)
                    self._copies.begin_at(first, Fraction(self.encoding.time_base))
                    self._shift = float(first)
                self._begun = True
                self._copies.copy_until(float(packet.dts * packet.time_base))
                moved = round(self._shift / packet.time_base)
                packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
                packet.stream = self._stream
                self._container.mux(packet)

    def _discard(self) -> None:
        for container in (self._container, self._copies):
            if container is not None:
                with suppress(FFmpegError, OSError, ValueError):
                    container.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what libav raises into one error about the film's own name."""
        try:
            yield
        except (FFmpegError, OSError, ValueError) as error:
            why, to_do = reason(error), "Choose another codec, container or folder"
            if "invalid argument" in why:
                why = f"{self.encoding.codec} does not fit {self.path.suffix}, or does not take these settings"
            elif "operation not permitted" in why:  # what encoders on devices say; folders say "permission denied"
                why = f"{self.encoding.codec} finds no device, or no driver for it"
            elif isinstance(error, OSError):
                to_do = remedy(error)
            raise OutputError(f"cannot write {self.path}", why, to_do) from error

    def _open(self) -> None:
        info = self._info
        # faststart puts the index first: browsers play before the whole film has arrived.
        suffix = self.path.suffix.lower()
        muxing = {"movflags": "+faststart"} if suffix in MOVIES else {}
        muxing["fflags"] = "+bitexact"  # no random numbers in the container: a film comes out the same each time
        # A name with a colon would be taken for a protocol.
        self._container = av.open(f"file:{self._part}", "w", format=CONTAINERS[suffix].muxer, options=muxing)
        stream = self._container.add_stream(self.encoding.codec, rate=info.rate)
        self.encoding.configure(stream.codec_context)
        stream.time_base = self.encoding.time_base
        if info.rotation or info.mirrored:
            stream.set_display_rotation(info.rotation, hflip=info.mirrored)
        self._stream = stream
        self._copies = StreamCopies(self._container, stream, info, suffix, self._begin, self._end, self._shift)
        self.warnings = self._copies.warnings
        self._container.start_encoding()
