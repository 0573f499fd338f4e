"""The command line: parse, call one verb of a lower floor, print.

Results go to stdout, everything else to stderr. Heavy modules are imported inside the commands, so that
``--help`` answers at once.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vidcolor.errors import OutputError, VidcolorError

app = typer.Typer(
    help="Colorize black-and-white film.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[Path, typer.Argument(metavar="INPUT", help="A film.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ModelName = Annotated[str, typer.Option("--model", "-m", metavar="NAME|PATH", help="Bundled model, or a checkpoint.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Precision = Annotated[Literal["auto", "fp32", "bf16", "fp16"], typer.Option(help="Number type of the network.")]
Size = Annotated[int, typer.Option(min=0, max=2048, help="Short side of the network's picture; 0: the model's own.")]
Saturation = Annotated[float, typer.Option(min=0, max=5, help="Factor on the colors; 1 is calibrated.")]


def parse_time(text: str | float) -> float:
    """12.5, 1:02 or 00:01:02.500 as seconds. (Typer passes defaults through the parser too.)"""
    parts = str(text).split(":")
    try:
        if not 1 <= len(parts) <= 3:
            raise ValueError
        values = [float(p) for p in parts]
        if not all(map(math.isfinite, values)):
            raise ValueError
        if any(v < 0 for v in values) or any(v >= 60 for v in values[1:]) or any(v != int(v) for v in values[:-1]):
            raise ValueError
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time; write 12.5, 1:02 or 00:01:02.500") from None
    seconds = 0.0
    for value in values:
        seconds = seconds * 60 + value
    return seconds


Time = Annotated[float, typer.Option(parser=parse_time, metavar="TIME")]


@app.command()
def colorize(
    source: Source,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: INPUT's stem + .color + suffix.")
    ] = None,
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
    codec: Annotated[str, typer.Option(metavar="NAME", help="Video encoder; default: the container's usual one.")] = "",
    crf: Annotated[int | None, typer.Option(min=0, max=63, help="Quality of the encoder; lower is better.")] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Speed of the encoder.")] = "",
    as_json: AsJson = False,
) -> None:
    """Colorize a film, keeping its luma, timing and sound."""
    from vidcolor.pipeline import Options
    from vidcolor.pipeline import colorize as run

    options = Options(
        model=model, device=device, precision=precision, size=size, batch_size=batch_size, start=start,
        duration=duration, saturation=saturation, codec=codec, crf=crf, preset=preset,
    )  # fmt: skip
    with progress_bar(source.name) as progress:
        result = run(source, output, overwrite=overwrite, options=options, progress=progress)
    for warning in result.warnings:
        say(f"warning: {warning}")
    if as_json:
        print_json(asdict(result))
    else:
        speed = f"{result.frames} frames in {result.seconds:.1f} s, {result.fps:.1f} fps"
        print(f"{result.output}  ({speed}, {result.model} on {result.device})")


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
    from vidcolor.preview import preview as run

    if output.exists() and not overwrite:
        raise OutputError(f"cannot write {output}", "it exists", "Use -y to overwrite it")
    run(source, output, at=at, model=model, device=device, precision=precision, size=size, saturation=saturation)
    print(output)


@app.command()
def info(source: Source, as_json: AsJson = False) -> None:
    """Tell what a film is made of."""
    from vidcolor.decode import probe

    found = asdict(probe(source))
    if as_json:
        print_json(found)
        return
    streams = found.pop("streams")
    tags = found.pop("tags")
    for key, value in {**found, **tags}.items():
        print(f"{key.replace('_', ' '):>14}  {value}")
    for stream in streams:
        number = f"stream {stream.pop('index')}"
        print(f"{number:>14}  {' '.join(str(value) for value in stream.values() if value)}")


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the bundled models."""
    from vidcolor.checkpoint import bundled_models, load_model

    rows: list[dict[str, Any]] = []
    for name, path in bundled_models().items():
        model = load_model(name)
        rows.append(
            {
                "name": name,
                "encoder": model.config.encoder,
                "parameters": sum(p.numel() for p in model.network.parameters()),
                "size": model.config.size,
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "sha256": model.sha256,
            }
        )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print(f"{row['name']}  {row['encoder']}, {row['parameters'] / 1e6:.1f} M parameters, {row['megabytes']} MB")


@app.command()
def train(
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA...", help="Folders of photos, photos, tar shards.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run; a run that lies there goes on.")],
    val: Annotated[
        list[Path] | None, typer.Option(help="Validation data; default: a share of DATA is held out.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="Photos a step.")] = 32,
    sizes: Annotated[str, typer.Option(metavar="N,N", help="Crop sizes in pixels, multiples of 32.")] = "128",
    loss: Annotated[
        Literal["regression", "mse", "classification"], typer.Option(help="What is minimized.")
    ] = "regression",
    encoder: Annotated[str, typer.Option(metavar="NAME", help="timm backbone of the encoder.")] = "mobilenetv2_100",
    encoder_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="timm state dict it starts from.")
    ] = None,
    lr: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 2e-3,
    film: Annotated[float, typer.Option(min=0, max=1, help="Share of pictures aged like old film; 0 is off.")] = 0.7,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read photos.")] = 0,
    device: DeviceName = "auto",
) -> None:
    """Train a network on photos."""
    from vidcolor.colorizer import choose_device
    from vidcolor.network import NetworkConfig
    from vidcolor.training import TrainConfig
    from vidcolor.training import train as run

    config = TrainConfig(
        epochs=epochs, batch_size=batch_size, sizes=parse_sizes(sizes), loss=loss, lr=lr, film=film, seed=seed,
        workers=workers,
    )  # fmt: skip
    network = NetworkConfig(
        encoder=encoder,
        encoder_options={"pad_type": "same"} if encoder.startswith("mobilenetv2") else {},
        head="classification" if loss == "classification" else "regression",
    )
    with training_bar() as progress:
        result = run(
            data, output, network=network, config=config, val=val or (), encoder_weights=encoder_weights,
            device=choose_device(device), report=say, progress=progress,
        )  # fmt: skip
    if result.broken:
        say(f"warning: {len(result.broken)} photos do not decode: {', '.join(result.broken[:5])}")
    print(result.checkpoint)


def parse_sizes(text: str) -> tuple[int, ...]:
    """128,160 as (128, 160)."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if any(size < 32 or size % 32 for size in sizes):
        raise typer.BadParameter(f"{text!r}: write multiples of 32, as in 128,160", param_hint="--sizes")
    return sizes


def say(line: str) -> None:
    """A line for the reader, beside the results."""
    print(f"vidcolor: {line}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    print(json.dumps(value, default=str))


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with frames, fps and time left; nothing at all when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, fps="")

        def update(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total or None, fps=f"{speed:.1f} fps" if speed else "")

        yield update


@contextmanager
def training_bar() -> Iterator[Callable[[dict[str, float]], None]]:
    """Loss and images per second, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda values: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("training") as status:
        yield lambda v: status.update(
            f"epoch {v['epoch'] + 1:.0f}, step {v['step']:.0f}, loss {v['loss']:.4f}, "
            f"{v['images_per_second']:.0f} images/s"
        )


def main() -> None:
    """Run the command line; expected failures become one line on stderr and exit code 1."""
    try:
        app()
    except VidcolorError as error:
        if os.environ.get("VIDCOLOR_DEBUG"):
            raise
        print(f"vidcolor: error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("vidcolor: interrupted", file=sys.stderr)
        sys.exit(130)
