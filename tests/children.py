"""Processes of vidcolor for tests that kill, interrupt or connect them, or look at what it imports.

They are forked from one process that has imported the large libraries, once for all tests: to import these takes
seconds. Nothing of vidcolor is imported there, so each process imports of it what a new one would.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pytest

if not hasattr(os, "fork"):
    pytest.skip("needs fork", allow_module_level=True)

CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["numpy", "cv2", "PIL.Image", "av", "torch", "timm", "typer", "rich", "pytest"])


class Ended(NamedTuple):
    """How a process ended: its exit code (below 0: the signal that killed it), and what it wrote."""

    code: int | None
    out: bytes
    err: bytes


class Child:
    """A ``vidcolor`` command in a process, with real pipes as its stdin, stdout and stderr.

    Args:
        arguments: The command's.
        code: Runs instead of the command, as Python's -c does it.
        cwd: Where it works.
        data: What comes in on stdin.
        environment: Variables that it sees beside those of the tests.
        leads: It leads a group of processes of its own.
    """

    def __init__(
        self,
        *arguments: object,
        cwd: Path = Path(),
        code: str = "",
        data: bytes = b"",
        environment: dict[str, str] | None = None,
        leads: bool = False,
    ) -> None:
        theirs: list[Connection] = []
        ours: list[Connection] = []
        for descriptor in range(3):
            read, write = CHILDREN.Pipe(duplex=False)
            theirs.append(write if descriptor else read)
            ours.append(read if descriptor else write)
        self._data, (self.stdin, self.stdout, self.stderr) = data, ours
        how = (theirs, [str(a) for a in arguments], code, cwd.absolute(), environment or {}, leads)
        self.process = CHILDREN.Process(target=_work, args=how)
        self.process.start()
        for end in theirs:
            end.close()

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to the process, or to the group that it leads."""
        assert self.process.pid
        (os.killpg if group else os.kill)(self.process.pid, number)

    def ended(self, timeout: float = 120, reads: int = -1) -> Ended:
        """Feed it, wait for its end, and return what it wrote.

        Args:
            timeout: Seconds after which it is killed.
            reads: Bytes of its stdout that are read before the pipe is closed; -1: all.
        """
        with ThreadPoolExecutor(3) as threads:
            threads.submit(_feed, self.stdin, self._data)
            said, told = threads.submit(_read, self.stdout, reads), threads.submit(_read, self.stderr)
            self.process.join(timeout)
            self.process.kill()
            self.process.join()
            return Ended(self.process.exitcode, said.result(), told.result())


def _feed(end: Connection, data: bytes) -> None:
    with open(os.dup(end.fileno()), "wb") as pipe:
        end.close()
        with suppress(BrokenPipeError):
            pipe.write(data)


def _read(end: Connection, count: int = -1) -> bytes:
    with open(os.dup(end.fileno()), "rb") as pipe:
        end.close()
        return pipe.read(count)


def _work(
    streams: list[Connection], arguments: list[str], code: str, cwd: Path, environment: dict[str, str], leads: bool
) -> None:
    """What the process does: what ``python -m vidcolor`` or ``python -c`` does."""
    multiprocessing.set_start_method(None, force=True)  # as in a process that Python starts, not one of a fork server
    # The background jobs of a shell ignore it, and so would the processes of tests that run in one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if leads:
        os.setsid()
    for descriptor, end in enumerate(streams):
        os.dup2(end.fileno(), descriptor)
        end.close()
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, closefd=False) for n, mode in enumerate("rww"))
    os.environ.update(environment)
    os.chdir(cwd)
    if code:
        exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
        return
    sys.argv = ["vidcolor", *arguments]
    from vidcolor.cli.app import main

    main()
