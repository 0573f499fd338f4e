"""The commands of farms: a film planned, worked on any number of machines, joined."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.fields import Only
from vidcolor.cli.terminal import Terminal
from vidcolor.settings import FILES, MACHINE, WHAT, FileSettings, RunSettings, ShotSettings, described

CORES_A_READER = 4  # a decoder works in threads of its own; with fewer cores for each, several are no faster
ALONE = ("only", "strict", "resume", "pipe", "keep_color")  # settings that say nothing to a plan
PLANNED = tuple(each.name for each in described(RunSettings) if each.name not in ALONE)
PlanFile = Annotated[
    Path, typer.Argument(metavar="PLAN", help="A plan, as vidcolor plan writes it.", show_default=False)
]
PartsFolder = Annotated[
    Path,
    typer.Option(
        metavar="DIR", rich_help_panel=FILES, help="The folder of this plan's parts, the same for all workers."
    ),
]
Film = Annotated[
    Path | None,
    typer.Option(metavar="PATH", rich_help_panel=FILES, help="Where this machine sees the film; default: as planned."),
]


def plan(
    source: Annotated[Path, typer.Argument(metavar="FILM", help="A film.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PLAN", rich_help_panel=FILES, help="The plan, a JSON file.")
    ],
    run: Annotated[RunSettings, Only(*PLANNED)],
    shot: ShotSettings,
    files: Annotated[FileSettings, Only("overwrite")],
    terminal: Terminal,
    container: Annotated[
        str,
        typer.Option(
            metavar="SUFFIX", rich_help_panel=FILES, help="What the joined film's name ends in; default: as colorize."
        ),
    ] = "",
) -> None:
    """Lay a film out in segments for work on many machines."""
    from vidcolor.film.cores import usable_cores
    from vidcolor.pipeline.distributed.planner import make_plan
    from vidcolor.pipeline.target import check_target

    check_target(source, output, files.overwrite)
    readers = usable_cores() // CORES_A_READER
    with terminal.steps_of(source) as step:
        found = make_plan(source, suffix=container, settings=run, shot=shot, readers=readers, progress=step)
    found.write(output)
    last = len(found.segments) - 1
    result = {"plan": output, "segments": last + 1, "frames": found.frames, "digest": found.digest}
    terminal.event("finished", **result)
    line = f"{output}  (segments 0 to {last}, {found.frames} frames, {found.suffix})"
    terminal.result(result, *(() if terminal.settings.quiet else (line,)))


def work(
    source: PlanFile,
    parts: PartsFolder,
    terminal: Terminal,
    segments: Annotated[
        str,
        typer.Option(
            metavar="N,N-N", rich_help_panel=WHAT, help="Which segments, counted from 0: 12,15-17; default: all."
        ),
    ] = "",
    film: Film = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="PATH", rich_help_panel=FILES, help="Where this machine sees the planned checkpoint."),
    ] = None,
    device: Annotated[
        str,
        typer.Option(metavar="NAME", rich_help_panel=MACHINE, help="Which device of the planned kind, as in cuda:1."),
    ] = "",
) -> None:
    """Make segments of a planned film; those that are there already stay."""
    from vidcolor.pipeline.distributed.parts import Receipt
    from vidcolor.pipeline.distributed.plan import read_plan
    from vidcolor.pipeline.distributed.worker import work as make
    from vidcolor.pipeline.shotlist.shot import parse_numbers

    found = read_plan(source).moved_to(film, model or "", device)
    numbers = parse_numbers(segments, "segment") if segments else None

    def made(receipt: Receipt) -> None:
        terminal.event("segment", **{key: value for key, value in asdict(receipt).items() if key != "plan"})

    with terminal.steps_of(found.film) as step:
        done = make(found, parts, numbers, progress=step, made=made)
    for warning in done.warnings:
        terminal.warn(warning)
    terminal.event("finished", **asdict(done))
    line = f"{parts}  ({len(done.made)} segments made, {len(done.present)} there already, {done.frames} frames)"
    terminal.result(asdict(done), *(() if terminal.settings.quiet else (line,)))


def join(
    source: PlanFile,
    parts: PartsFolder,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", rich_help_panel=FILES, help="The film in color.")
    ],
    run: Annotated[RunSettings, Only("strict")],
    files: Annotated[FileSettings, Only("overwrite")],
    terminal: Terminal,
    film: Film = None,
) -> None:
    """Join the parts of a planned film with its sound."""
    from vidcolor.pipeline.distributed.joiner import join as put_together
    from vidcolor.pipeline.distributed.plan import read_plan

    found = read_plan(source).moved_to(film)
    with terminal.steps_of(found.film) as step:
        result = put_together(found, parts, output, overwrite=files.overwrite, strict=run.strict, progress=step)
    terminal.finished(result)
