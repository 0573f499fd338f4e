"""The command line: parse, call one verb of a lower floor, print.

Results go to stdout, everything else to stderr. Heavy modules are imported inside the commands, so that
``--help`` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import typer.core

from vidcolor.cli.fields import (
    AsJson,
    DeviceName,
    ModelName,
    Precision,
    Saturation,
    Size,
    Smooth,
    Source,
    StreamNumber,
    parse_time,
)
from vidcolor.cli.terminal import print_json, progress_bar, say
from vidcolor.cli.training import evaluate, extract, train
from vidcolor.errors import OutputError, VidcolorError, reason


class Commands(typer.core.TyperGroup):
    """Ctrl-C tells what is kept; by itself typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            print(f"vidcolor: interrupted{': ' if stop.args else ''}{stop}", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    help="Colorize black-and-white film.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def colorize(
    sources: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Films, photographs, folders of them.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, or a folder; default: stem + .color beside INPUT.")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders at any depth.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", "-y", help="Replace an output that exists.")] = False,
    model: ModelName = "fast",
    device: DeviceName = "auto",
    precision: Precision = "auto",
    size: Size = 0,
    batch_size: Annotated[
        int, typer.Option(min=0, max=1024, help="Frames the network takes at once; 0: automatic.")
    ] = 0,
    start: Annotated[
        float, typer.Option(parser=parse_time, metavar="TIME", help="Begin here: 12.5, 1:02 or 00:01:02.500.")
    ] = 0.0,
    duration: Annotated[
        float | None, typer.Option(parser=parse_time, metavar="TIME", help="Stop after this long.")
    ] = None,
    saturation: Saturation = 1.0,
    smooth: Smooth = 0.85,
    codec: Annotated[str, typer.Option(metavar="NAME", help="Video encoder; default: the container's usual one.")] = "",
    crf: Annotated[int | None, typer.Option(min=0, max=63, help="Quality of the encoder; lower is better.")] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Speed of the encoder.")] = "",
    pix_fmt: Annotated[
        str, typer.Option("--pix-fmt", metavar="NAME", help="Pixel format; default: the film's depth, 4:2:0.")
    ] = "",
    stream: StreamNumber = None,
    deinterlace: Annotated[
        Literal["auto", "on", "off"], typer.Option(help="auto: frames marked as interlaced that show combing.")
    ] = "auto",
    hwaccel: Annotated[
        str, typer.Option(metavar="NAME", help="Device that decodes, as in cuda; default: the processor.")
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings as errors: damage, streams lost.")] = False,
    resume: Annotated[
        bool, typer.Option(help="Keep finished parts beside the output, so that a stopped run can go on.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Colorize films and photographs, keeping their luma, timing and sound.

    Of several, those that are done already are skipped, and one that fails does not stop the rest.
    """
    from vidcolor.pipeline.batch import are_several, colorize_one
    from vidcolor.settings import RunSettings, ShotSettings

    settings = RunSettings(
        model=model, device=device, precision=precision, size=size, batch_size=batch_size, start=start,
        duration=duration, codec=codec, crf=crf, preset=preset, pix_fmt=pix_fmt, stream=stream,
        deinterlace=deinterlace, hwaccel=hwaccel, strict=strict, resume=resume,
    )  # fmt: skip
    shot = ShotSettings(saturation=saturation, smooth=smooth)
    if are_several(sources):
        colorize_many(sources, output, recursive, overwrite, settings, shot, as_json)
        return
    with progress_bar(sources[0].name) as progress:
        result = colorize_one(
            sources[0], output, overwrite=overwrite, settings=settings, shot=shot, progress=progress, report=say
        )
    for note in result.notes:
        say(f"note: {note}")
    for warning in result.warnings:
        say(f"warning: {warning}")
    if as_json:
        print_json(asdict(result))
    else:
        speed = f"{result.frames} frames in {result.seconds:.1f} s, {result.fps:.1f} fps"
        print(f"{result.output}  ({speed}, {result.model} on {result.device})")


def colorize_many(
    sources: list[Path],
    output: Path | None,
    recursive: bool,
    overwrite: bool,
    settings: Any,
    shot: Any,
    as_json: bool,
) -> None:
    """Several inputs, then a table; exit code 1 when one failed."""
    from vidcolor.pipeline.batch import colorize_all, find_inputs

    inputs = find_inputs(sources, recursive=recursive)
    if output is not None and output.is_file():
        raise OutputError(f"cannot write {output}", "several inputs need a folder", "Name one with -o")
    outcomes: list[Any] = []
    for source, root in inputs:
        with progress_bar(source.name) as progress:
            (outcome,) = colorize_all(
                [(source, root)], output, taken=[o.job.output for o in outcomes], overwrite=overwrite,
                settings=settings, shot=shot, progress=progress, report=say,
            )  # fmt: skip
        outcomes.append(outcome)
        for warning in outcome.result.warnings if outcome.result else ():
            say(f"warning: {source}: {warning}")
    if as_json:
        print_json([{**asdict(outcome), "status": outcome.status} for outcome in outcomes])
    else:
        for outcome in outcomes:
            print(f"{outcome.status:>7}  {outcome.job.source}  {outcome.error or outcome.job.output}")
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def preview(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="A PNG: grey beside color.")],
    at: Annotated[float, typer.Option(parser=parse_time, metavar="TIME", help="Which frame of a film.")] = 0.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", "-y", help="Replace an output that exists.")] = False,
    model: ModelName = "fast",
    device: DeviceName = "auto",
    precision: Precision = "auto",
    size: Size = 0,
    saturation: Saturation = 1.0,
) -> None:
    """Colorize one frame of a film, or a still picture: grey beside color."""
    from vidcolor.pipeline.preview import preview as run

    run(
        source, output, at=at, overwrite=overwrite, model=model, device=device, precision=precision, size=size,
        saturation=saturation,
    )  # fmt: skip
    print(output)


@app.command()
def info(
    source: Source,
    stream: StreamNumber = None,
    shots: Annotated[bool, typer.Option("--shots", help="List the shots too; takes a pass over the film.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what a film is made of."""
    from vidcolor.film.reader import probe

    found = asdict(probe(source, stream))
    if shots:
        from vidcolor.pipeline.shotlist import list_shots

        with progress_bar(source.name) as progress:
            found["shots"] = [asdict(shot) for shot in list_shots(source, progress)]
    if as_json:
        print_json(found)
        return
    streams, tags, listed = found.pop("streams"), found.pop("tags"), found.pop("shots", [])
    for key, value in {**found, **tags}.items():
        print(f"{key.replace('_', ' '):>14}  {value}")
    for other in streams:
        number = f"stream {other.pop('index')}"
        print(f"{number:>14}  {' '.join(str(value) for value in other.values() if value)}")
    for place, shot in enumerate(listed, 1):
        begins = f"{shot['begins']} of {shot['transition']} frames" if shot["transition"] else shot["begins"]
        span = f"from {shot['seconds']:.3f} s, {shot['duration']:.3f} s, {shot['frames']} frames"
        print(f"{f'shot {place}':>14}  frame {shot['frame']}, {span}, {begins}")


@app.command()
def models(as_json: AsJson = False) -> None:
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
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print(f"{row['name']}  {row['encoder']}, {row['parameters'] / 1e6:.1f} M parameters, {row['megabytes']} MB")


for command in (train, extract, evaluate):
    app.command()(command)


def main() -> None:
    """Run the command line; expected failures become one line on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")  # names of files may be any bytes
    try:
        app()
    except VidcolorError as error:
        if os.environ.get("VIDCOLOR_DEBUG"):
            raise
        print(f"vidcolor: error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if os.environ.get("VIDCOLOR_DEBUG") or not error.filename:
            raise
        # A folder that cannot be searched, a name that is too long: met before anything was opened.
        print(f"vidcolor: error: cannot open {error.filename}: {reason(error)}.", file=sys.stderr)
        sys.exit(1)
