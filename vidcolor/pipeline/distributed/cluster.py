"""A crew of workers on a Ray cluster: stations as actors, as many as each machine has room for."""

from __future__ import annotations

import logging
import re
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from vidcolor.errors import DeviceError, UnfitError, VidcolorError
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.schedule import LostError, News, Task, Worker
from vidcolor.pipeline.distributed.station import Request, Station
from vidcolor.pipeline.distributed.transfer import LocalKeeper, State

LOOK = 2.0  # seconds between two looks at which machines there are
REACH = 5.0  # seconds after which an address that does not answer is given up
FAREWELL = 5.0  # seconds that stations have to remove what they fetched
PLANS = 8  # that are held for workers at once
FAILED_STARTS = 3  # in a row, after which no station is expected to start any more
MOST_CORES = 4  # that a worker takes when nothing is said: with more, decoder, network and encoder leave some idle
LIBRARIES = ("vidcolor", "torch", "av", "numpy", "ray")


@ray.remote(num_cpus=0, max_concurrency=4)
class _KeeperActor(LocalKeeper):
    """The keeper of the files of the machine that was asked for the films."""


class _FarKeeper:
    """That keeper, as stations on other machines see it."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def state(self, path: Path) -> State | None:
        """Return the state of a file; None when there is none."""
        found: State | None = _got(self._actor.state.remote(path))
        return found

    def read(self, path: Path, offset: int) -> bytes:
        """Return at most a piece of a file."""
        return bytes(_got(self._actor.read.remote(path, offset)))

    def write(self, part: Path, offset: int, piece: bytes) -> None:
        """Put a piece into a file that is not whole yet."""
        _got(self._actor.write.remote(part, offset, piece))

    def finish(self, part: Path, path: Path, sha256: str) -> bool:
        """Give a file its name if it is what was sent; return whether it is."""
        return bool(_got(self._actor.finish.remote(part, path, sha256)))

    def discard(self, part: Path) -> None:
        """Remove a file that will not be finished."""
        _got(self._actor.discard.remote(part))


@ray.remote
class _StationActor:
    """A station on some machine of the cluster."""

    def __init__(self, keeper: Any, cache: Path, shares: bool) -> None:
        self._station = Station(_FarKeeper(keeper) if keeper else None, cache, shares=shares)

    def hello(self) -> tuple[str, dict[str, str]]:
        """Return the machine's name, and what is installed there."""
        return self._station.host, {name: version(name) for name in LIBRARIES}

    def plan(self, request: Request) -> Plan:
        """Plan a film."""
        return self._station.plan(request)

    def make(self, plan: Plan, number: int, folder: Path) -> Any:
        """Make a segment; return its receipt."""
        return self._station.make(plan, number, folder)

    def close(self) -> None:
        """Remove what was fetched."""
        self._station.close()


@dataclass(frozen=True)
class Needs:
    """What each worker takes of its machine.

    Attributes:
        cores: Of the processor.
        gpus: Of a GPU, 0.25 for a quarter of one; 0: it computes on the processor.
        most: Workers at most; 0: as many as there is room for.
    """

    cores: int
    gpus: float = 0.0
    most: int = 0


@dataclass
class _Member:
    """An actor of the crew."""

    actor: Any
    node: str
    host: str = ""
    is_ready: bool = False
    task: Task | None = None


class RayCrew:
    """Workers on the cluster that this process is connected to. A context manager.

    Args:
        needs: What each worker takes.
        environment: Variables that their processes start with.
        shares: Whether machines may read films and write parts by the same paths as this one.
    """

    def __init__(self, needs: Needs, environment: Mapping[str, str] | None = None, *, shares: bool = True) -> None:
        self._needs, self._environment, self._shares = needs, dict(environment or {}), shares
        self._members: dict[int, _Member] = {}
        self._waiting: dict[Any, int] = {}  # what is asked of members, by the answer that is to come
        self._plans: OrderedDict[str, Any] = OrderedDict()
        self._unfit: dict[str, str] = {}  # machines that get no more work, and why
        self._looked, self._wanted, self._born, self._failed = 0.0, 1, 0, 0
        self._trouble = ""
        self._mine = {name: version(name) for name in LIBRARIES}
        self._cache = Path("/tmp" if Path("/tmp").is_dir() else ".") / f"vidcolor-{secrets.token_hex(6)}"
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._keeper = _KeeperActor.options(scheduling_strategy=here).remote()  # type: ignore[attr-defined]

    def __enter__(self) -> RayCrew:
        return self

    def __exit__(self, *_: object) -> None:
        ends = [member.actor.close.remote() for member in self._members.values() if member.is_ready and not member.task]
        if ends:
            ray.wait(ends, num_returns=len(ends), timeout=FAREWELL)
        for actor in (*(member.actor for member in self._members.values()), self._keeper):
            ray.kill(actor)
        self._members.clear()

    def idle(self) -> Iterable[Worker]:
        """Return the workers that wait for a task."""
        ready = [(n, m) for n, m in self._members.items() if m.is_ready and m.task is None]
        return [number for number, member in ready if member.node not in self._unfit]

    def start(self, worker: Worker, task: Task) -> None:
        """Give a worker something to do."""
        member = self._members[worker]
        member.task = task
        if task.plan is None:
            answer = member.actor.plan.remote(task.request)
        else:
            answer = member.actor.make.remote(self._held(task.plan), task.number, task.folder)
        self._waiting[answer] = worker

    def news(self, patience: float) -> list[News]:
        """Return what has ended, after waiting for so many seconds at most.

        Raises:
            VidcolorError: no worker is left, and none can come.
        """
        self._look_around()
        if not self._waiting:
            time.sleep(patience if not self._members else 0.0)
            return []
        ready, _ = ray.wait(list(self._waiting), num_returns=1, timeout=patience)
        if ready:  # and what else has come meanwhile
            ready, _ = ray.wait(list(self._waiting), num_returns=len(self._waiting), timeout=0)
        found = []
        for answer in ready:
            number = self._waiting.pop(answer)
            member = self._members[number]
            task, member.task = member.task, None
            value = _answer_of(answer)
            if isinstance(value, LostError):
                del self._members[number]
                self._looked = 0.0  # another one may take its place
            if task is None:
                self._greet(member, value)
            else:
                found.append(News(number, task, value))
        return found

    def dismiss(self, worker: Worker) -> None:
        """Give a worker's machine nothing more to do."""
        if worker in self._members:
            self._leave_out(self._members[worker].node, "it is unfit")

    def wanted(self, tasks: int) -> None:
        """Take how many tasks could be done at the same time."""
        self._wanted = tasks

    def _held(self, plan: Plan) -> Any:
        """Return a plan in the object store; put there once for all its segments."""
        if plan.digest not in self._plans:
            self._plans[plan.digest] = ray.put(plan)
        self._plans.move_to_end(plan.digest)
        while len(self._plans) > PLANS:
            self._plans.popitem(last=False)
        return self._plans[plan.digest]

    def _look_around(self) -> None:
        """Have stations on all machines that have room for them."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        if self._failed >= FAILED_STARTS and not any(member.is_ready for member in self._members.values()):
            raise UnfitError("cannot start workers", self._trouble, "Install the same versions on all machines")
        nodes = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        fit = {node: self._room(resources) for node, resources in nodes.items() if node not in self._unfit}
        if not any(fit.values()) and not any(member.task for member in self._members.values()):
            self._complain(nodes)
        most = min(self._needs.most or sum(fit.values()), self._wanted)
        for node, room in fit.items():
            own = sum(member.node == node for member in self._members.values())
            for _ in range(min(room - own, most - len(self._members))):
                self._hire(node)

    def _room(self, resources: Mapping[str, float]) -> int:
        """Return how many workers a machine takes."""
        room = int(resources.get("CPU", 0) // self._needs.cores)
        return min(room, int(resources.get("GPU", 0) // self._needs.gpus)) if self._needs.gpus else room

    def _complain(self, nodes: Mapping[str, Mapping[str, float]]) -> None:
        what = "cannot go on"
        if self._unfit:
            raise UnfitError(what, f"no machine is left: {'; '.join(self._unfit.values())}", "Make them alike")
        cores = max((resources.get("CPU", 0) for resources in nodes.values()), default=0)
        gpus = f" and {self._needs.gpus:g} GPU" if self._needs.gpus else ""
        why = f"no machine of the cluster has {self._needs.cores} cores{gpus} for a worker; the largest has {cores:g}"
        raise DeviceError("cannot start workers", why, "Try a smaller --threads")

    def _hire(self, node: str) -> None:
        where = NodeAffinitySchedulingStrategy(node, soft=False)
        actor = _StationActor.options(  # type: ignore[attr-defined]
            num_cpus=self._needs.cores, num_gpus=self._needs.gpus, scheduling_strategy=where,
            runtime_env={"env_vars": self._environment},
        ).remote(self._keeper, self._cache, self._shares)  # fmt: skip
        self._born += 1
        self._members[self._born] = _Member(actor, node)
        self._waiting[actor.hello.remote()] = self._born

    def _greet(self, member: _Member, value: Any) -> None:
        """Take a new member, unless it did not start or has other versions."""
        if isinstance(value, Exception):
            self._failed += 1
            self._trouble = str(value)
            if not isinstance(value, LostError):
                self._leave_out(member.node, str(value))
            return
        self._failed = 0
        member.host, theirs = value
        others = [
            f"{name} {theirs[name]} instead of {mine}" for name, mine in self._mine.items() if theirs[name] != mine
        ]
        if others:
            self._leave_out(member.node, f"{member.host} has {', '.join(others)}")
        member.is_ready = True

    def _leave_out(self, node: str, why: str) -> None:
        self._unfit.setdefault(node, why)
        for number in [n for n, m in self._members.items() if m.node == node and m.task is None]:
            ray.kill(self._members.pop(number).actor)
            self._waiting = {answer: n for answer, n in self._waiting.items() if n != number}


def connect(address: str) -> bool:
    """Connect this process to a cluster; return whether it has to be left again.

    Args:
        address: As Ray takes it; "auto" is the cluster that this machine belongs to, or else one of this machine alone.

    Raises:
        VidcolorError: nobody answers there, or it has other versions.
    """
    if ray.is_initialized():
        return False
    if found := re.fullmatch(r"(?:ray://)?(\[[^]]+\]|[^:/]+):(\d+)", address):
        try:
            socket.create_connection((found[1].strip("[]"), int(found[2])), REACH).close()
        except OSError as error:
            why = f"nobody answers there ({error.strerror or error})"
            raise VidcolorError(
                f"cannot reach Ray at {address}", why, "Check the address; ray status shows it"
            ) from error
    own = {} if address == "auto" else {"address": address}
    log = logging.getLogger("ray")  # what matters comes as exceptions
    log.addHandler(logging.NullHandler())
    log.propagate = False
    try:
        ray.init(**own, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, ImportError, RayError) as error:
        why = str(error).strip().partition("\n")[0]
        raise VidcolorError(f"cannot reach Ray at {address}", why, "Check the address; ray status shows it") from error
    return True


def leave() -> None:
    """Leave the cluster; one of this machine alone ends."""
    ray.shutdown()


def has_gpus() -> bool:
    """Return whether some machine of the cluster has a GPU."""
    return any(node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"])


def usual_cores() -> int:
    """Return how many cores a worker takes when nothing is said: so many that each machine has room for one."""
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min([MOST_CORES, *(cores for cores in machines if cores)]))


def _answer_of(answer: Any) -> Any:
    """Return what an actor has answered, or the exception that it has met."""
    try:
        return _got(answer)
    except Exception as error:
        return error


def _got(answer: Any) -> Any:
    """Return what an actor has answered.

    Raises:
        LostError: it has died; else what it has raised itself.
    """
    try:
        return ray.get(answer)
    except RayTaskError as error:
        cause = getattr(error, "cause", None)
        raise cause if isinstance(cause, Exception) else error from None
    except RayActorError as error:
        raise LostError(_first_line(error)) from error
    except RayError as error:  # an object that was lost with its machine, or had no room
        raise LostError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
