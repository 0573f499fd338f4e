"""Processes of vidcolor for tests that kill, interrupt or connect them.

They are forked from one process that has imported vidcolor before, once for all tests: to import it takes seconds.
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
CHILDREN.set_forkserver_preload(["vidcolor.cli.app", "vidcolor.pipeline.batch", "vidcolor.training.train"])


class Ended(NamedTuple):
    """How a process ended: its exit code (below 0: the signal that killed it), and what it wrote."""

    code: int | None
    out: bytes
    err: bytes


class Child:
    """A ``vidcolor`` command in a process, with real pipes as its stdin, stdout and stderr.

    Args:
        arguments: The command's.
        cwd: Where it works.
        data: What comes in on stdin.
        environment: Variables that it sees beside those of the tests.
        leads: It leads a group of processes of its own.
    """

    def __init__(
        self,
        *arguments: object,
        cwd: Path,
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
        how = (theirs, [str(a) for a in arguments], cwd, environment or {}, leads)
        self.process = CHILDREN.Process(target=_command, args=how)
        self.process.start()
        for end in theirs:
            end.close()

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to the process, or to the group that it leads."""
        assert self.process.pid
        (os.killpg if group else os.kill)(self.process.pid, number)

    def ended(self, timeout: float = 120) -> Ended:
        """Feed it, wait for its end, and return what it wrote."""
        with ThreadPoolExecutor(3) as threads:
            threads.submit(_feed, self.stdin, self._data)
            said, told = (threads.submit(_all_of, end) for end in (self.stdout, self.stderr))
            self.process.join(timeout)
            self.process.kill()
            self.process.join()
            return Ended(self.process.exitcode, said.result(), told.result())


def _feed(end: Connection, data: bytes) -> None:
    with open(os.dup(end.fileno()), "wb") as pipe:
        end.close()
        with suppress(BrokenPipeError):
            pipe.write(data)


def _all_of(end: Connection) -> bytes:
    with open(os.dup(end.fileno()), "rb") as pipe:
        end.close()
        return pipe.read()


def _command(
    streams: list[Connection], arguments: list[str], cwd: Path, environment: dict[str, str], leads: bool
) -> None:
    """What the process does: what ``python -m vidcolor`` does."""
    if leads:
        os.setsid()
    for descriptor, end in enumerate(streams):
        os.dup2(end.fileno(), descriptor)
        end.close()
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, closefd=False) for n, mode in enumerate("rww"))
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = ["vidcolor", *arguments]
    from vidcolor.cli.app import main

    main()
