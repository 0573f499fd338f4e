"""A crew of workers on a Ray cluster: stations as actors, as many as each machine has room for."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from vidcolor.errors import DeviceError, UnfitError, VidcolorError
from vidcolor.pipeline.distributed.actors import LIBRARIES, KeeperActor, StationActor, got
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.tasks import LostError, News, Task, Worker

LOOK = 2.0  # seconds between two looks at which machines there are
FAREWELL = 5.0  # seconds that stations have to remove what they fetched
PLANS = 8  # that are held for workers at once
FAILED_STARTS = 9  # in a row, after which no station is expected to start any more


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
        self._looked, self._wanted, self._most, self._born, self._failed = 0.0, 1, 1, 0, 0
        self._trouble = ""
        self._mine = {name: version(name) for name in LIBRARIES}
        self._cache = f"vidcolor-{secrets.token_hex(6)}"  # a folder in the temporary folder of each machine
        self._here = ray.get_runtime_context().get_node_id()
        here = NodeAffinitySchedulingStrategy(self._here, soft=False)
        self._keeper = KeeperActor.options(scheduling_strategy=here).remote()  # type: ignore[attr-defined]

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
        if task.part is not None:
            answer = member.actor.read.remote(task.request, task.part)
        elif task.plan is None:
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
                ray.kill(self._members.pop(number).actor)  # it may live, and only have lost what it asked for
                self._looked = 0.0  # another one may take its place
            if task is None:
                self._greet(member, value)
            else:
                found.append(News(number, task, value))
        return found

    def dismiss(self, worker: Worker, why: str) -> None:
        """Give a worker's machine nothing more to do; tell why when no machine is left."""
        if worker in self._members:
            self._leave_out(self._members[worker].node, why)

    def wanted(self, tasks: int) -> None:
        """Take how many tasks could be done at the same time."""
        self._wanted = tasks

    def room(self) -> int:
        """Return how many workers there may be; those that nobody wanted yet have not started."""
        return self._most

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
        if self._here not in nodes:
            why = "Ray on this machine has ended"
            raise VidcolorError("cannot go on", why, "Start it again with ray start; the same command goes on")
        fit = {node: self._room(resources) for node, resources in nodes.items() if node not in self._unfit}
        if not any(fit.values()) and not any(member.task for member in self._members.values()):
            self._complain(nodes)
        self._most = min(sum(fit.values()), self._needs.most or sum(fit.values()))
        for node, room in fit.items():
            own = sum(member.node == node for member in self._members.values())
            for _ in range(min(room - own, min(self._most, self._wanted) - len(self._members))):
                self._hire(node)

    def _room(self, resources: Mapping[str, float]) -> int:
        """Return how many workers a machine takes."""
        room = int(resources.get("CPU", 0) // self._needs.cores)
        return min(room, int(resources.get("GPU", 0) // self._needs.gpus)) if self._needs.gpus else room

    def _complain(self, nodes: Mapping[str, Mapping[str, float]]) -> None:
        what = "cannot go on"
        if self._unfit:
            reasons = "; ".join(dict.fromkeys(self._unfit.values()))
            raise UnfitError(what, f"no machine is left: {reasons}", "Make them alike")
        cores = max((resources.get("CPU", 0) for resources in nodes.values()), default=0)
        gpus = f" and {self._needs.gpus:g} GPU" if self._needs.gpus else ""
        why = f"no machine of the cluster has {self._needs.cores} cores{gpus} for a worker; the largest has {cores:g}"
        raise DeviceError("cannot start workers", why, "Try a smaller --threads")

    def _hire(self, node: str) -> None:
        where = NodeAffinitySchedulingStrategy(node, soft=False)
        actor = StationActor.options(  # type: ignore[attr-defined]
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


def _answer_of(answer: Any) -> Any:
    """Return what an actor has answered, or the exception that it has met."""
    try:
        return got(answer)
    except Exception as error:
        return error
