"""Films through pipes: a container that is read once, while it arrives.

YUV4MPEG2 and NUT can be read and written from their first byte to their last, without a seek. What lies in a film
beside its picture is kept until the picture that it belongs to is written.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from vidcolor.errors import InputError, OutputError, reason
from vidcolor.film.containers.container import EVEN_PIPE, MAX_PIXELS, choose_stream, told
from vidcolor.film.containers.decode import Damage, pictures

STANDARD = Path("-")  # stdin or stdout
STDIN, STDOUT = 0, 1  # their descriptors
SUFFIXES = {EVEN_PIPE: ".y4m", "nut": ".nut"}  # of the containers that go through pipes
_CHOOSE = "A pipe brings YUV4MPEG2 or NUT, as ffmpeg -f nut writes it; of all others name the file"


def is_pipe(path: Path | str) -> bool:
    """Return whether a name stands for stdin or stdout."""
    return str(path) == str(STANDARD)


def address(descriptor: int) -> str:
    """Return what libav calls a descriptor."""
    return f"pipe:{descriptor}"


def open_pipe(descriptor: int = STDIN) -> InputContainer:
    """Return the container that comes through a pipe, open for reading.

    Raises:
        InputError: nobody writes into it, or it is of another format.
    """
    what = f"cannot open {STANDARD}"
    if os.isatty(descriptor):
        raise InputError(what, "stdin is a terminal", "Pipe a film into it, as ffmpeg -f nut - writes one")
    options = {"protocol_whitelist": "pipe", "max_pixels": str(MAX_PIXELS)}
    try:
        container = av.open(address(descriptor), options=options, metadata_errors="surrogateescape")
    except FFmpegError as error:
        raise InputError(what, told(error), _CHOOSE) from error
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise InputError(what, why, _CHOOSE) from error
    if container.format.name not in SUFFIXES:
        name = container.format.name
        container.close()
        raise InputError(what, f"{name} has to be read in more than one place", _CHOOSE)
    return container


def check_stdout() -> None:
    """Refuse to write a film where nobody could read it.

    Raises:
        OutputError: stdout is a terminal.
    """
    if os.isatty(STDOUT):
        why, remedy = "stdout is a terminal", "Pipe it into a program, or name a file with -o"
        raise OutputError(f"cannot write {STANDARD}", why, remedy)


class Arriving:
    """A film while it arrives: its pictures for one reader, the packets of all other streams for another.

    The two may be read in different threads.

    Args:
        container: From open_pipe.
        number: Stream of the picture; None takes the first that is no cover.
        damage: What goes wrong is counted here.
        ahead: Pictures that are decoded at once, to learn what the film is.

    Attributes:
        stream: That of the picture.
        first: The pictures that are decoded.
        early: The first packets of the other streams.
    """

    def __init__(self, container: InputContainer, number: int | None, damage: Damage, ahead: int) -> None:
        self.container = container
        self.stream = choose_stream(STANDARD, container, number)
        self.early: dict[int, list[Packet[Stream]]] = {}
        self._waiting: deque[Packet[Stream]] = deque()
        self._wanted: set[int] | None = None
        decoded = pictures(container, self.stream, None, damage, demux=self._of_picture)
        self.first = list(islice(decoded, ahead))
        self._pictures = chain(self.first, decoded)

    def pictures(self) -> Iterator[VideoFrame]:
        """Return the decoded pictures, those of ``first`` among them; they come once."""
        return self._pictures

    def want(self, streams: set[int]) -> None:
        """Tell which of the other streams will be taken; packets of the rest go."""
        self._wanted = streams

    def take(self) -> Packet[Stream] | None:
        """Return the next packet of the other streams; None where there is none yet, or no more."""
        return self._waiting.popleft() if self._waiting else None

    def _of_picture(self) -> Iterator[Packet[Stream]]:
        """Yield the packets of the picture, and lay those of other streams aside."""
        for packet in self.container.demux():
            number = packet.stream.index
            if number == self.stream.index:
                yield packet
            elif self._wanted is None:
                self.early.setdefault(number, []).append(packet)
                self._waiting.append(packet)
            elif number in self._wanted:
                self._waiting.append(packet)
