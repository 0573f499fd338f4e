"""What the process is told before any library wakes up: waiting, threads, messages, and how names are printed.

This belongs to the command line alone: importing vidcolor changes nothing in a program of somebody else.
"""

from __future__ import annotations

import atexit
import codecs
import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Read by the libraries when they are imported, so they must stand before that. A user's own values win.
QUIET_LIBRARIES = {
    "OMP_WAIT_POLICY": "passive",  # torch's threads would spin while they wait, and take the cores from the codecs
    "OPENCV_FOR_THREADS_NUM": "1",  # OpenCV's own would fight with torch's and the codecs' for the same cores
    "OPENCV_LOG_LEVEL": "SILENT",  # its messages would stand between ours
    "SVT_LOG": "1",  # errors only: SVT-AV1 tells its settings on stderr otherwise
}


def is_debugging() -> bool:
    """Return whether errors shall come with their tracebacks, and the libraries' messages be seen."""
    return bool(os.environ.get("VIDCOLOR_DEBUG"))


def prepare() -> None:
    """Set up this process as a command: to be called before torch, OpenCV or libav are imported."""
    for name, value in QUIET_LIBRARIES.items():
        if not (is_debugging() and name in ("OPENCV_LOG_LEVEL", "SVT_LOG")):
            os.environ.setdefault(name, value)
    if is_debugging():
        from vidcolor.film.containers.container import show_messages

        show_messages()
    codecs.register_error("vidcolor", bytes_or_escapes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="vidcolor")


@contextmanager
def heavy_imports() -> Iterator[None]:
    """Import torch and all that comes with it in two thirds of the time.

    Its modules are half a million objects that stay. Python's search for garbage would go through them again and again
    while they are made, and once more at the very end.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.freeze)


def bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    r"""Give what a stream cannot encode: bytes of a file's name as they are, other characters as escapes (``\u0142``).

    A name may hold any bytes, and comes out as it went in; a console may know fewer characters than the name has.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    char, end = error.object[error.start], error.start + 1
    if "\udc80" <= char <= "\udcff":  # how Python keeps a byte that does not decode (PEP 383)
        return char.encode("utf-8", "surrogateescape"), end
    return char.encode("ascii", "backslashreplace").decode("ascii"), end
