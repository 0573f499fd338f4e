"""The commands of those who color: films and photographs colorized, previewed, and told about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidcolor.cli.cluster import colorize_on_cluster
from vidcolor.cli.dry_run import dry_run
from vidcolor.cli.fields import Only
from vidcolor.cli.process import heavy_imports
from vidcolor.cli.rows import print_row, size_of, tell
from vidcolor.cli.shots import PAGE, make_page
from vidcolor.cli.terminal import Terminal
from vidcolor.cli.values import parse_time
from vidcolor.errors import OutputError
from vidcolor.settings import FILES, LOOK, WHAT, ClusterSettings, FileSettings, RunSettings, ShotSettings

if TYPE_CHECKING:
    from vidcolor.pipeline.result import Outcome

Source = Annotated[Path, typer.Argument(metavar="INPUT", help="A film, a sequence, a photograph.", show_default=False)]


def colorize(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT",
            help="Films, sequences, photographs, folders of them; - is a film from stdin.",
            show_default=False,
        ),
    ],
    run: RunSettings,
    shot: ShotSettings,
    files: FileSettings,
    cluster: ClusterSettings,
    terminal: Terminal,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            rich_help_panel=FILES,
            help="A file, a folder, or - for stdout; default: stem + .color beside INPUT.",
        ),
    ] = None,
) -> None:
    """Colorize films and photographs: luma, timing and sound stay.

    Of several, those that are done already are skipped, and one that fails does not stop the rest.
    """
    with heavy_imports():
        from vidcolor.pipeline.batch import colorize as colorize_one
        from vidcolor.pipeline.inputs import are_several

    if files.dry_run:
        if not dry_run(sources, output, run, shot, files, terminal):
            raise typer.Exit(1)
        return
    if cluster.ray:
        colorize_on_cluster(sources, output, run, shot, files, cluster, terminal)
        return
    if are_several(sources):
        colorize_many(sources, output, run, shot, files, terminal)
        return
    (source,) = sources
    if output is not None and str(output) == "-":
        terminal.leave_stdout()
    with terminal.steps_of(source) as step:
        result = colorize_one(
            source, output, overwrite=files.overwrite, settings=run, shot=shot, progress=step, report=terminal.say
        )
    terminal.finished(result)


def colorize_many(
    sources: Sequence[Path],
    output: Path | None,
    run: RunSettings,
    shot: ShotSettings,
    files: FileSettings,
    terminal: Terminal,
) -> None:
    """Colorize several inputs, each told as it is done; exit code 1 when one failed."""
    from vidcolor.pipeline.batch import colorize_all
    from vidcolor.pipeline.inputs import find_inputs, passed_over

    inputs = find_inputs(sources, recursive=files.recursive)
    if output is not None and (output.is_file() or str(output) == "-"):
        raise OutputError(f"cannot write {output}", "several inputs need a folder", "Name one with -o")
    for line in passed_over(sources, recursive=files.recursive):
        terminal.say(f"note: {line}")
    outcomes: list[Outcome] = []
    at_work: list[Path] = []
    with terminal.progress({str(source): size_of(source) for source, _ in inputs}) as progress:

        def begin(source: Path) -> None:
            at_work[:] = [source]
            progress.begin(str(source))

        try:
            for outcome in colorize_all(
                inputs, output, overwrite=files.overwrite, settings=run, shot=shot, begin=begin,
                progress=progress.step, report=terminal.say,
            ):  # fmt: skip
                outcomes.append(outcome)
                at_work.clear()
                progress.end(skipped=outcome.status == "skipped")
                tell(outcome, terminal)
        except KeyboardInterrupt as stop:
            for source in at_work:
                print_row(terminal, "stopped", source, str(stop) or "it was at work")
            left = len(inputs) - len(outcomes) - len(at_work)
            terminal.say(f"{left} of {len(inputs)} inputs were not begun; the same command goes on")
            raise
        finally:
            if terminal.settings.json:
                terminal.result([{**asdict(outcome), "status": outcome.status} for outcome in outcomes])
    counts = Counter(outcome.status for outcome in outcomes)
    if len(outcomes) > 1:
        told = ", ".join(f"{counts[status]} {status}" for status in ("done", "skipped", "failed") if counts[status])
        terminal.say(f"note: {len(outcomes)} files: {told}")
    if counts["failed"]:
        raise typer.Exit(1)


def preview(
    sources: Annotated[
        list[Path], typer.Argument(metavar="INPUT", help="Films, photographs, folders of them.", show_default=False)
    ],
    run: Annotated[
        RunSettings,
        Only(
            *("model", "size", "fps", "transfer", "stream", "deinterlace", "shots", "reference", "hints"),
            *("lut", "lut_luma", "device", "precision", "hwaccel"),
        ),
    ],
    shot: Annotated[ShotSettings, Only("mode", "saturation", "temperature", "tint", "strength")],
    files: Annotated[FileSettings, Only("overwrite", "recursive")],
    terminal: Terminal,
    output: Annotated[
        Path | None,
        typer.Option(
            *("--output", "-o"),
            metavar="PATH",
            rich_help_panel=FILES,
            help="A picture: grey beside color; default: stem + .preview.png beside INPUT.",
        ),
    ] = None,
    page: Annotated[Path | None, PAGE] = None,
    at: Annotated[
        list[float],
        typer.Option(
            parser=parse_time,
            metavar="TIME",
            rich_help_panel=WHAT,
            help="Which frame of a film; repeat it for more.",
            show_default=False,
        ),
    ] = [],  # noqa: B006  # typer takes a list for a repeated option, and copies it
    every: Annotated[
        float | None,
        typer.Option(parser=parse_time, metavar="TIME", rich_help_panel=WHAT, help="One frame in so much time."),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            min=0, max=400, metavar="N", rich_help_panel=WHAT, help="Of so many of the longest shots; 0: 24, one each."
        ),
    ] = 0,
    compare: Annotated[
        str,
        typer.Option(
            metavar="NAME=VALUES", rich_help_panel=LOOK, help="Side by side: saturation=0.8,1,1.2 or model=, size=."
        ),
    ] = "",
) -> None:
    """Show what films and photographs will look like, grey beside color.

    Without a time, one frame of each of the longest shots.
    """
    if page and (output or at or every is not None or count or compare or len(sources) > 1):
        why = "a page shows every shot of one film, and is made alone"
        raise OutputError(f"cannot write {page}", why, "Leave out what is said of pictures")
    if page:
        make_page(sources[0], page, run, shot, files, terminal)
        return
    with heavy_imports():
        from vidcolor.pipeline.preview.samples import Choice
        from vidcolor.pipeline.preview.sheets import preview as make

    with terminal.steps_of(sources[0]) as step:
        found = make(
            sources, output, choice=Choice(tuple(at), every, count), compare=compare, recursive=files.recursive,
            overwrite=files.overwrite, settings=run, shot=shot, progress=step,
        )  # fmt: skip
    for note in found.notes:
        terminal.say(f"note: {note}")
    for line in found.failed:
        terminal.warn(line)
    terminal.result(asdict(found), *(() if terminal.settings.quiet else (str(found.output),)))
    if found.failed:
        raise typer.Exit(1)


def info(
    source: Source,
    run: Annotated[RunSettings, Only("stream", "fps")],
    terminal: Terminal,
    shots: Annotated[
        bool, typer.Option("--shots", rich_help_panel=WHAT, help="List the shots too; takes a pass over the film.")
    ] = False,
) -> None:
    """Tell what a film is made of."""
    from vidcolor.film.reader import probe

    found = asdict(probe(source, run.stream, fps=run.rate))
    if shots:
        from vidcolor.pipeline.shotlist.survey import survey

        with terminal.steps_of(source) as step:
            found["shots"] = survey(source, stream=run.stream, fps=run.rate, progress=step).rows()
    terminal.result(found, *(() if terminal.settings.json else described_film(found)))


def described_film(found: dict[str, Any]) -> list[str]:
    """Return what is known of a film as lines to read."""
    streams, tags, shots = found.pop("streams"), found.pop("tags"), found.pop("shots", [])
    joins = found.pop("clock")["joins"]
    lines = [f"{key.replace('_', ' '):>14}  {value}" for key, value in {**found, **tags}.items()]
    lines += [f"{'clock jumps':>14}  at {float(join['begins'] + join['shift']):.3f} s, closed" for join in joins]
    for stream in streams:
        number = f"stream {stream.pop('index')}"
        lines.append(f"{number:>14}  {' '.join(str(value) for value in stream.values() if value)}")
    for place, shot in enumerate(shots, 1):
        begins = f"{shot['begins']} of {shot['transition']} frames" if shot["transition"] else shot["begins"]
        extent = f"from {shot['seconds']:.3f} s, {shot['duration']:.3f} s, {shot['frames']} frames"
        lines.append(f"{f'shot {place}':>14}  frame {shot['frame']}, {extent}, {begins}")
    return lines


def models(terminal: Terminal) -> None:
    """List the bundled models."""
    from vidcolor.network.checkpoint import bundled_models, load_model

    rows: list[dict[str, Any]] = []
    for name, path in bundled_models().items():
        model = load_model(name)
        rows.append(
            {
                "name": name,
                "encoder": model.config.encoder,
                "parameters": sum(p.numel() for p in model.network.parameters()),
                "size": model.config.size,
                "still_size": model.config.short_side(still=True),
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "sha256": model.sha256,
            }
        )
    terminal.result(
        rows,
        *(f"{r['name']}  {r['encoder']}, {r['parameters'] / 1e6:.1f} M parameters, {r['megabytes']} MB" for r in rows),
    )
