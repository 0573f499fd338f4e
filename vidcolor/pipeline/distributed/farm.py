"""Films colorized by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from vidcolor.errors import InputError, VidcolorError
from vidcolor.pipeline.distributed.joiner import Arrivals, join
from vidcolor.pipeline.distributed.parts import COPY, Parts
from vidcolor.pipeline.distributed.plan import Plan, read_plan
from vidcolor.pipeline.distributed.planner import with_whole_paths
from vidcolor.pipeline.distributed.schedule import Schedule, parts_folder
from vidcolor.pipeline.distributed.station import Request
from vidcolor.pipeline.distributed.tasks import Report
from vidcolor.pipeline.result import Job, Outcome, Result
from vidcolor.pipeline.segments import cutting as segments
from vidcolor.settings import ClusterSettings, RunSettings, ShotSettings


def colorize_on_ray(
    jobs: Iterable[Job],
    cluster: ClusterSettings,
    *,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    environment: Mapping[str, str] | None = None,
    report: Report | None = None,
) -> Iterator[Outcome]:
    """Colorize films on a Ray cluster; yield what became of each as soon as it is known.

    Finished segments lie beside each output until it is joined, so that the same call goes on where one was stopped.

    Args:
        jobs: Films with outputs that may be written, or replaced.
        settings: Of the run; ``threads`` are the cores of each worker. shot: how shots look.
        environment: Variables that the workers' processes start with.
        report: Told on the way.

    Raises:
        VidcolorError: Ray is not installed or not reached, or no machine is left to do the work.
        KeyboardInterrupt: its text tells what is kept.
    """
    run, look = settings or RunSettings(), shot or ShotSettings()
    if find_spec("ray") is None:
        raise VidcolorError("cannot use --ray", "Ray is not installed", "pip install 'vidcolor[ray]'")
    if run.only:
        raise InputError("cannot use --only with --ray", "a few shots are no work for a cluster", "Leave out --ray")
    from vidcolor.pipeline.distributed import connection
    from vidcolor.pipeline.distributed.cluster import Needs, RayCrew

    is_own = connection.connect(cluster.ray)
    try:
        device = run.device if run.device != "auto" else "cuda" if connection.has_gpus() else "cpu"
        decided = replace(with_whole_paths(run), device=device, threads=run.threads or connection.usual_cores())
        needs = Needs(decided.threads, 0.0 if device == "cpu" else cluster.gpu_share, cluster.workers)

        def request(job: Job) -> Request:
            return Request(
                job.source.absolute(), job.output.suffix, decided, look, _known(job),
                (segments.usual_length(bool(run.shots)), segments.LONGEST),
            )  # fmt: skip

        def joined(job: Job, plan: Plan, folder: Path, arrivals: Arrivals | None) -> Result:
            plan = replace(plan, path=folder / COPY)
            result = join(plan, folder, job.output, overwrite=True, strict=run.strict, arrivals=arrivals)
            Parts(folder, plan).remove()
            return result

        with RayCrew(needs, environment, shares=cluster.share_files) as crew:
            yield from Schedule(jobs, crew, request, joined, report or Report()).outcomes()
    finally:
        if is_own:
            connection.leave()


def _known(job: Job) -> Plan | None:
    """Return the plan of a run that was stopped."""
    try:
        return read_plan(parts_folder(job.output) / COPY)
    except InputError:
        return None
