"""The commands of those who color: films and photographs colorized, previewed, and told about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidcolor.cli.dry_run import dry_run
from vidcolor.cli.fields import Only
from vidcolor.cli.shots import PAGE, make_page
from vidcolor.cli.terminal import Terminal
from vidcolor.cli.values import parse_time
from vidcolor.errors import OutputError
from vidcolor.settings import FILES, WHAT, FileSettings, RunSettings, ShotSettings

if TYPE_CHECKING:
    from vidcolor.pipeline.result import Outcome

Source = Annotated[Path, typer.Argument(metavar="INPUT", help="A film, a sequence, a photograph.", show_default=False)]


def colorize(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT", help="Films, photographs, folders of them; - is a film from stdin.", show_default=False
        ),
    ],
    run: RunSettings,
    shot: ShotSettings,
    files: FileSettings,
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
    from vidcolor.pipeline.batch import colorize as colorize_one
    from vidcolor.pipeline.inputs import are_several

    if files.dry_run:
        if not dry_run(sources, output, run, shot, files, terminal):
            raise typer.Exit(1)
        return
    if are_several(sources):
        colorize_many(sources, output, run, shot, files, terminal)
        return
    (source,) = sources
    if output is not None and str(output) == "-":
        terminal.leave_stdout()
    with terminal.progress({str(source): 1}) as progress:
        progress.begin(str(source))
        result = colorize_one(
            source, output, overwrite=files.overwrite, settings=run, shot=shot, progress=progress.step,
            report=terminal.say,
        )  # fmt: skip
        progress.end()
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


def tell(outcome: Outcome, terminal: Terminal) -> None:
    """Say what became of one input of several."""
    source, result = outcome.job.source, outcome.result
    for note in result.notes if result else ():
        terminal.say(f"note: {source}: {note}")
    for warning in result.warnings if result else ():
        terminal.warn(warning, source)
    if outcome.error:
        terminal.event("failed", error=outcome.error)
    else:
        found = asdict(result) if result else {"output": outcome.job.output}
        terminal.event("finished" if result else "skipped", **found)
    print_row(terminal, outcome.status, source, outcome.error or str(outcome.job.output))


def print_row(terminal: Terminal, status: str, source: Path, text: str) -> None:
    """Print a line of a batch's table; to be quiet is to print failures alone."""
    if not terminal.settings.json and (status == "failed" or not terminal.settings.quiet):
        terminal.show(f"{status:>7}  {source}  {text}")


def size_of(path: Path) -> int:
    """Return the bytes of a file: how much work it is, beside others."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def preview(
    source: Source,
    run: Annotated[
        RunSettings,
        Only(
            *("model", "size", "fps", "transfer", "stream", "deinterlace", "shots", "reference", "hints"),
            *("lut", "lut_luma", "device", "precision", "hwaccel"),
        ),
    ],
    shot: Annotated[ShotSettings, Only("mode", "saturation", "temperature", "tint", "strength")],
    files: Annotated[FileSettings, Only("overwrite")],
    terminal: Terminal,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", rich_help_panel=FILES, help="A picture: grey beside color."),
    ] = None,
    page: Annotated[Path | None, PAGE] = None,
    at: Annotated[
        float, typer.Option(parser=parse_time, metavar="TIME", rich_help_panel=WHAT, help="Which frame of a film.")
    ] = 0.0,
) -> None:
    """Show a frame of a film, or a photograph, grey beside color."""
    if page and (output or at):
        raise OutputError(f"cannot write {page}", "a page shows every shot, and is made alone", "Leave out -o and --at")
    if page:
        make_page(source, page, run, shot, files, terminal)
        return
    if output is None:
        raise OutputError(f"cannot preview {source}", "nothing is to be written", "Name a picture with -o")
    if run.shots or run.reference or run.hints:
        why = "lists of shots, references and hints are shown on a page"
        raise OutputError(f"cannot write {output}", why, "Use --page instead of -o")
    from vidcolor.pipeline.preview import preview as make

    make(source, output, at=at, overwrite=files.overwrite, settings=run, shot=shot)
    terminal.result({"output": output}, *(() if terminal.settings.quiet else (str(output),)))


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

        with terminal.progress({str(source): 1}) as progress:
            progress.begin(str(source))
            found["shots"] = survey(source, stream=run.stream, fps=run.rate, progress=progress.step).rows()
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
