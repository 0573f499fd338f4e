"""Films colorized on a cluster: one display for all of them, and a table at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vidcolor.cli.process import QUIET_LIBRARIES
from vidcolor.cli.rows import size_of, tell
from vidcolor.cli.terminal import Terminal, span
from vidcolor.errors import InputError, OutputError
from vidcolor.settings import ClusterSettings, FileSettings, RunSettings, ShotSettings

if TYPE_CHECKING:
    from vidcolor.pipeline.distributed.parts import Receipt
    from vidcolor.pipeline.result import Job, Outcome

ADDRESS = re.compile(r"auto|local|(ray://)?[\w.-]+:\d+|(ray://)?\[[\da-fA-F:.]+\]:\d+")


def with_address(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which --ray has a value, where none was given: "auto"."""
    found: list[str] = []
    for place, argument in enumerate(arguments):
        found.append(argument)
        if argument == "--ray" and not ADDRESS.fullmatch((*arguments, "")[place + 1]):
            found.append("auto")
    return found


def colorize_on_cluster(
    sources: Sequence[Path],
    output: Path | None,
    run: RunSettings,
    shot: ShotSettings,
    files: FileSettings,
    cluster: ClusterSettings,
    terminal: Terminal,
) -> None:
    """Colorize films on a Ray cluster, each told as it is done; exit code 1 when one failed."""
    from vidcolor.pipeline.batch import colorize_all, output_beside, planned
    from vidcolor.pipeline.distributed.farm import colorize_on_ray
    from vidcolor.pipeline.distributed.tasks import Report
    from vidcolor.pipeline.inputs import are_several, find_inputs, is_photograph, passed_over
    from vidcolor.pipeline.result import Job
    from vidcolor.pipeline.target import check_target

    several = are_several(sources)
    outcomes: list[Outcome] = []

    def ended(outcome: Outcome) -> None:
        outcomes.append(outcome)
        progress.end(str(outcome.source), skipped=outcome.status == "skipped")
        if several:
            tell(outcome, terminal)

    def jobs() -> Iterator[Job]:
        written: set[Path] = set()
        for source, root in inputs:
            found = planned(source, root, output, files.overwrite, written)
            if isinstance(found, Job):
                yield found
            else:
                ended(found)

    if several:
        everything = find_inputs(sources, recursive=files.recursive)
        if output is not None and output.is_file():
            raise OutputError(f"cannot write {output}", "several inputs need a folder", "Name one with -o")
        for line in passed_over(sources, recursive=files.recursive):
            terminal.say(f"note: {line}")
        inputs = [each for each in everything if not is_photograph(each[0])]
        photographs = [each for each in everything if is_photograph(each[0])]
    else:
        (source,) = sources
        if str(source) == "-" or str(output) == "-":
            raise InputError("cannot use --ray with a pipe", "workers open the film themselves", "Store it in a file")
        inputs, photographs = [(source, source.parent)], []
        target = output_beside(source, output) if output is None or output.is_dir() else output
        check_target(source, target, files.overwrite)

    with terminal.films_progress({str(source): size_of(source) for source, _ in inputs}) as progress:

        def made(film: Path, frames: int, receipt: Receipt) -> None:
            progress.made(str(film), frames)
            known = {name: value for name, value in asdict(receipt).items() if name != "plan"}
            terminal.event("segment", **{**known, "file": str(film)})

        def note(film: Path, line: str) -> None:
            terminal.warn(line, film if film.name else "")

        report = Report(lambda film, frames, done: progress.planned(str(film), frames, done), made, note)
        wanted = list(jobs()) if several else [Job(source, target)]
        for outcome in colorize_on_ray(
            wanted, cluster, settings=run, shot=shot, environment=QUIET_LIBRARIES, report=report
        ):
            ended(outcome)
    for outcome in colorize_all(photographs, output, overwrite=files.overwrite, settings=run, shot=shot):
        outcomes.append(outcome)
        tell(outcome, terminal)
    _conclude(outcomes, several, terminal)


def _conclude(outcomes: Sequence[Outcome], several: bool, terminal: Terminal) -> None:
    if not several and outcomes[0].result:
        terminal.finished(outcomes[0].result)
    elif not several:
        terminal.fail(outcomes[0].error)
    elif terminal.settings.json:
        terminal.result([{**asdict(outcome), "status": outcome.status} for outcome in outcomes])
    elif not terminal.settings.quiet:
        terminal.show(_table(outcomes))
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _table(outcomes: Sequence[Outcome]) -> str:
    from vidcolor.report.tables import Table

    rows = []
    for outcome in outcomes:
        result = outcome.result
        numbers = [f"{result.frames}", f"{result.resumed}", span(result.seconds)] if result else ["-"] * 3
        rows.append([str(outcome.source), outcome.status, *numbers])
    return Table(("film", "", "frames", "from before", "time"), rows).markdown()
