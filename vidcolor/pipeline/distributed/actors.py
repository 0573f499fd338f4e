"""What runs as actors of Ray: a station on each machine, and the keeper of the files of the machine that was asked."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.planner import Outline
from vidcolor.pipeline.distributed.ranges import Range, Reading
from vidcolor.pipeline.distributed.station import Request, Station
from vidcolor.pipeline.distributed.tasks import LostError
from vidcolor.pipeline.distributed.transfer import LocalKeeper, State

LIBRARIES = ("vidcolor", "torch", "av", "numpy", "ray")


@ray.remote(num_cpus=0, max_concurrency=4)
class KeeperActor(LocalKeeper):
    """The keeper of the files of the machine that was asked for the films."""


class _FarKeeper:
    """That keeper, as stations on other machines see it."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def state(self, path: Path) -> State | None:
        """Return the state of a file; None when there is none."""
        found: State | None = got(self._actor.state.remote(path))
        return found

    def read(self, path: Path, offset: int) -> bytes:
        """Return at most a piece of a file."""
        return bytes(got(self._actor.read.remote(path, offset)))

    def write(self, part: Path, offset: int, piece: bytes) -> None:
        """Put a piece into a file that is not whole yet."""
        got(self._actor.write.remote(part, offset, piece))

    def finish(self, part: Path, path: Path, sha256: str) -> bool:
        """Give a file its name if it is what was sent; return whether it is."""
        return bool(got(self._actor.finish.remote(part, path, sha256)))

    def discard(self, part: Path) -> None:
        """Remove a file that will not be finished."""
        got(self._actor.discard.remote(part))


@ray.remote
class StationActor:
    """A station on some machine of the cluster."""

    def __init__(self, keeper: Any, cache: str, shares: bool) -> None:
        self._station = Station(_FarKeeper(keeper) if keeper else None, Path(gettempdir()) / cache, shares=shares)

    def hello(self) -> tuple[str, dict[str, str]]:
        """Return the machine's name, and what is installed there."""
        return self._station.host, {name: version(name) for name in LIBRARIES}

    def plan(self, request: Request) -> Plan | Outline:
        """Plan a film, or outline it."""
        return self._station.plan(request)

    def read(self, request: Request, part: Range) -> Reading:
        """Read a range of a film."""
        return self._station.read(request, part)

    def make(self, plan: Plan, number: int, folder: Path) -> Any:
        """Make a segment; return its receipt."""
        return self._station.make(plan, number, folder)

    def close(self) -> None:
        """Remove what was fetched."""
        self._station.close()


def got(answer: Any) -> Any:
    """Return what an actor has answered.

    Raises:
        LostError: it has died; else what it has raised itself.
    """
    try:
        return ray.get(answer)
    except RayTaskError as error:
        cause = getattr(error, "cause", None)
        raise cause if isinstance(cause, Exception) else error from None
    except RayError as error:  # the actor, or an object that was lost with its machine or had no room
        raise LostError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
