"""A station: a process on some machine of a cluster that plans films and makes segments, whatever film they are of.

It keeps its network, and what is prepared for the film it was at last. Where it does not see a film or the folder of
its parts, it fetches the film and sends the parts.
"""

from __future__ import annotations

import platform
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from vidcolor.errors import OutputError, UnfitError, writing
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.distributed.parts import Parts, Receipt
from vidcolor.pipeline.distributed.plan import Plan, source_identity, with_paths
from vidcolor.pipeline.distributed.planner import Outline, begin_plan
from vidcolor.pipeline.distributed.ranges import Range, Reading, read_range
from vidcolor.pipeline.distributed.transfer import Cache, Keeper
from vidcolor.pipeline.distributed.worker import Worker
from vidcolor.settings import RunSettings, ShotSettings


@dataclass(frozen=True)
class Request:
    """A film that is to be planned.

    Attributes:
        suffix: Of the film that is to be written.
        known: An earlier plan, which may do.
        lengths: As in the plan; None: the usual ones.
        readers: Stations that could read parts of it at the same time.
    """

    film: Path
    suffix: str
    run: RunSettings
    shot: ShotSettings
    known: Plan | None = None
    lengths: tuple[int, int] | None = None
    readers: int = 0


class Station:
    """Plans films and makes segments.

    Args:
        keeper: Of the files on the machine that the films are on; None: they must be seen from here.
        cache: A folder for what is fetched from there; stations of one machine share it.
        shares: Whether what the keeper's machine has may be seen from here too; else all is fetched and sent.
    """

    def __init__(self, keeper: Keeper | None = None, cache: Path | None = None, *, shares: bool = True) -> None:
        self.host = platform.node()
        self._cache = Cache(keeper, cache) if keeper and cache else None
        self._shares = shares
        self._seen: set[tuple[Path, str]] = set()
        self._predictors: dict[object, Predictor] = {}
        self._worker: Worker | None = None

    def plan(self, request: Request) -> Plan | Outline:
        """Plan a film, or outline it for several readers, by the paths that the request knows its files by.

        Raises:
            VidcolorError: as begin_plan does.
        """
        film, run, known = self._reached(request.film), with_paths(request.run, self._reached), request.known
        found = begin_plan(
            film, request.suffix, run, request.shot, lengths=request.lengths, most=request.readers,
            known=known and replace(known, run=with_paths(known.run, self._reached)),
        )  # fmt: skip
        if isinstance(found, Plan):
            return found.told_as(request.film, request.run)
        return replace(found, plan=found.plan.told_as(request.film, request.run))

    def read(self, request: Request, part: Range) -> Reading:
        """Read a range of a film that was outlined.

        Raises:
            VidcolorError: the film cannot be read there.
        """
        return read_range(self._reached(request.film), request.run, part)

    def make(self, plan: Plan, number: int, folder: Path) -> Receipt:
        """Make a segment.

        Args:
            folder: Of the plan's parts, where the film is.

        Raises:
            UnfitError: this machine cannot do it as planned; OutputError: the disk is full, or the encoder fails.
        """
        worker = self._at(plan)
        segment, parts = plan.segment(number), Parts(folder, plan)
        if self._sees(parts, plan):
            return worker.make(segment, parts)
        if self._cache is None:
            raise UnfitError(f"cannot write into {folder}", f"{self.host} does not see it", "Share the folder")
        with writing(self._cache.folder):
            self._cache.folder.mkdir(parents=True, exist_ok=True)
            temporary = tempfile.TemporaryDirectory(dir=self._cache.folder, prefix="made-")
        with temporary as made:
            own = Parts(Path(made), plan)
            try:
                receipt = worker.make(segment, own)
            except OutputError as error:
                if isinstance(error.__cause__, OSError):  # the disk of this machine, not that of the film
                    raise UnfitError(f"on {self.host}, {error.what}", error.why, error.remedy) from error
                raise
            with writing(folder):
                for file in own.files(number):  # the receipt after the packets
                    self._cache.send(file, parts.unique(file.name), folder / file.name)
        return receipt

    def close(self) -> None:
        """Remove what was fetched."""
        if self._cache:
            self._cache.clear()

    def _at(self, plan: Plan) -> Worker:
        if self._worker is None or self._worker.plan.digest != plan.digest:
            here = replace(plan, film=self._film_of(plan), run=with_paths(plan.run, self._reached))
            how = (plan.identity["model"], str(here.run.model), here.run.device, here.run.precision)
            self._worker = Worker(here, self._predictors.get(how))
            self._predictors = {how: self._worker.predictor}
        return self._worker

    def _film_of(self, plan: Plan) -> Path:
        """Return the film of a plan as this machine has it."""
        if self._cache is None:
            return plan.film
        try:
            is_here = self._shares and source_identity(plan.film) == plan.identity["input"]
        except UnfitError:
            is_here = False
        return plan.film if is_here else self._cache.fetch(plan.film)

    def _reached(self, path: Path) -> Path:
        return path if self._cache is None or (self._shares and path.exists()) else self._cache.fetch(path)

    def _sees(self, parts: Parts, plan: Plan) -> bool:
        """Return whether the folder of a plan's parts is seen from here: it holds a copy of the plan."""
        key = (parts.folder, plan.digest)
        if self._shares and key not in self._seen and parts.is_claimed():
            self._seen.add(key)
        return key in self._seen
