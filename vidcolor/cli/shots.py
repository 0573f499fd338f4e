"""What looks at a film shot by shot: its shots listed, a list checked, a page on which both are seen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vidcolor.cli.fields import Only
from vidcolor.cli.terminal import Terminal
from vidcolor.settings import FILES, FileSettings, RunSettings, ShotSettings

PAGE = typer.Option(
    "--page", metavar="PATH", rich_help_panel=FILES, help="A page (.html) on which every shot is seen and corrected."
)


def shots(
    source: Annotated[
        Path, typer.Argument(metavar="FILM", help="A film; with --check, a list of its shots.", show_default=False)
    ],
    run: Annotated[RunSettings, Only("stream", "fps")],
    files: Annotated[FileSettings, Only("overwrite")],
    terminal: Terminal,
    output: Annotated[
        Path | None,
        typer.Option(
            *("--output", "-o"),
            metavar="PATH",
            rich_help_panel=FILES,
            help="The list, a table (CSV); default: stem + .shots.csv beside FILM.",
        ),
    ] = None,
    edl: Annotated[
        bool, typer.Option("--edl", rich_help_panel=FILES, help="An edit decision list (CMX3600) too.")
    ] = False,
    otio: Annotated[
        bool, typer.Option("--otio", rich_help_panel=FILES, help="A timeline of OpenTimelineIO too: vidcolor[otio].")
    ] = False,
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="FILM",
            rich_help_panel=FILES,
            help="Say what is wrong with a list of this film: .csv, .edl, .otio.",
        ),
    ] = None,
) -> None:
    """List the shots of a film in a table to edit, with a sheet of pictures."""
    if check:
        told(source, check, run, terminal)
        return
    from vidcolor.pipeline.shotlist.listing import list_shots

    with terminal.steps_of(source) as step:
        found = list_shots(
            source, output, edl=edl, otio=otio, stream=run.stream, fps=run.rate, overwrite=files.overwrite,
            progress=step,
        )  # fmt: skip
    for note in found.notes:
        terminal.say(f"note: {note}")
    line = f"{found.output}  ({found.shots} shots, {found.frames} frames; {', '.join(map(str, found.sheets))})"
    terminal.result(asdict(found), *(() if terminal.settings.quiet else (line, *map(str, found.lists))))


def told(path: Path, film: Path, run: RunSettings, terminal: Terminal) -> None:
    """Print what is wrong with a list; exit code 1 when something is."""
    from vidcolor.pipeline.shotlist.check import check_list

    with terminal.steps_of(film) as step:
        found = check_list(path, film, step, fps=run.rate)
    lines = [*(f"{path}: {problem}" for problem in found.problems), *(f"note: {remark}" for remark in found.remarks)]
    if not found.problems:
        lines.append(f"{path} is right: {found.shots} shots of {film}")
    terminal.result(asdict(found), *lines)
    if found.problems:
        raise typer.Exit(1)


def make_page(
    film: Path, page: Path, run: RunSettings, shot: ShotSettings, files: FileSettings, terminal: Terminal
) -> None:
    """Write a page of a film's shots, and print a line about it."""
    from vidcolor.pipeline.shotpage.page import write_page

    with terminal.steps_of(film) as step:
        found = write_page(film, page, overwrite=files.overwrite, settings=run, shot=shot, progress=step)
    line = f"{found.output}  ({found.shots} shots, {found.bytes / 1e6:.1f} MB)"
    terminal.result(asdict(found), *(() if terminal.settings.quiet else (line,)))
