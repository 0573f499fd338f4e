"""Every error that vidcolor raises on purpose, as one tree.

    VidcolorError            what failed, why, and what to do about it
    |-- InputError           the source cannot be read, or holds no picture
    |-- OutputError          the target cannot be written, or the codec and container do not fit
    |-- DeviceError          the accelerator asked for is absent or out of memory
    |-- CheckpointError      weights that are missing, damaged or of another network
    |-- DataError            training or evaluation data that cannot be used
    |-- UnfitError           this machine differs from those that a film's plan was made for
    `-- PartsError           parts of a film that are missing or damaged when it is joined

The command line turns any of them into one line on stderr and an exit code: 1, and of the last two 3 and 4.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import ClassVar

# What helps when a file cannot be written; anything else is the disk's own trouble.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR})


class VidcolorError(Exception):
    """An expected failure, told in three short parts.

    Args:
        what: What failed, as a phrase: "cannot open film.mp4".
        why: The cause, as a phrase: "no such file".
        remedy: What the reader can do, as a sentence without its full stop. May be empty.
    """

    exit_code: ClassVar[int] = 1
    """What the command line ends with."""

    def __init__(self, what: str, why: str, remedy: str = "") -> None:
        # All three go to Exception.args, so that the error survives pickling between worker processes.
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        line = f"{self.what}: {self.why.rstrip('.')}."
        return f"{line} {self.remedy.rstrip('.')}." if self.remedy else line


class InputError(VidcolorError):
    """The source cannot be read, or holds no picture."""


class OutputError(VidcolorError):
    """The target cannot be written, or the codec and container do not fit."""


class DeviceError(VidcolorError):
    """The accelerator asked for is absent or out of memory."""


class CheckpointError(VidcolorError):
    """Weights that are missing, damaged or of another network."""


class DataError(VidcolorError):
    """Training or evaluation data that cannot be used."""


class UnfitError(VidcolorError):
    """This machine cannot do the work of a plan: its model, its versions or its copy of the film are others."""

    exit_code = 3


class PartsError(VidcolorError):
    """Parts of a film that are missing or damaged when it is joined."""

    exit_code = 4
    segments: tuple[int, ...] = ()
    """Their numbers."""


def reason(error: BaseException) -> str:
    """Return why the system refused something, as a phrase: "no space left on device".

    Args:
        error: An OSError, or an error of libav or of another library that speaks for one.
    """
    text = str(getattr(error, "strerror", None) or error)
    if text[:2].istitle():  # a sentence of its own; GPU stays GPU
        text = text[0].lower() + text[1:]
    return text or type(error).__name__


def remedy(error: BaseException) -> str:
    """Return what helps when a file could not be written."""
    number = getattr(error, "errno", None)
    if number in _FULL or "no space left" in str(error).lower():  # safetensors tells its errors as texts alone
        return "Free some space"
    if number in _CLOSED:
        return "Choose another folder"
    return "Choose a shorter name" if number == errno.ENAMETOOLONG else "Check the disk, or choose another folder"


@contextmanager
def reading(path: PathLike[str] | str) -> Iterator[None]:
    """Turn an OSError of the block into an InputError about a file or folder that is read.

    Raises:
        InputError: what cannot be opened, and why.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot open {path}", reason(error), "Check the path") from error


@contextmanager
def writing(path: PathLike[str] | str) -> Iterator[None]:
    """Turn an OSError of the block into an OutputError about a file or folder that is written there.

    Raises:
        OutputError: what cannot be written, why, and what helps.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}", reason(error), remedy(error)) from error
