"""The commands of those who train: footage into photos, photos into a model, a model measured."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vidcolor.cli.fields import Only
from vidcolor.cli.terminal import Terminal
from vidcolor.cli.values import parse_channels, parse_sizes, refuse_decided
from vidcolor.settings import FILES, EvaluateSettings, ExtractSettings, FileSettings, RunSettings, ShotSettings


def train(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA", help="Folders of photos and films, photos, tar shards, films.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run; a run that lies there goes on.")],
    terminal: Terminal,
    val: Annotated[
        list[Path] | None, typer.Option(help="Validation data; default: a share of DATA is held out.")
    ] = None,
    preset: Annotated[
        Literal["modern", "paper"],
        typer.Option(help="Network and settings: FusionNet, or Deep Koalarization as in its paper."),
    ] = "modern",
    epochs: Annotated[int | None, typer.Option(min=1, help="Modern 10, paper 70.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Photos a step. Modern 32, paper 40.")] = None,
    sizes: Annotated[str, typer.Option(metavar="N,N", help="Crop sizes in pixels, multiples of 32.")] = "128",
    still_size: Annotated[
        int, typer.Option(min=0, max=2048, help="Short side at which the model sees single pictures; 0: its own.")
    ] = 0,
    loss: Annotated[
        Literal["regression", "mse", "psnr", "perceptual", "classification"] | None,
        typer.Option(help="What is minimized. Modern regression, paper mse."),
    ] = None,
    gradient: Annotated[
        float, typer.Option(min=0, help="Weight of a loss on the differences of ab between neighbours.")
    ] = 0.0,
    steadiness: Annotated[
        float,
        typer.Option(min=0, help="Weight of the distance of two views of a photo; each batch has half as many."),
    ] = 0.0,
    features: Annotated[
        float, typer.Option(min=0, help="Weight of the distance to true pictures, as sets, in a classifier's features.")
    ] = 0.0,
    feature_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="timm state dict of that classifier, MobileNetV2.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="timm backbone of the encoder. Modern mobilenetv2_100.")
    ] = None,
    encoder_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="timm state dict it starts from.")
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Frozen timm classifier, or none. Paper inception_resnet_v2.")
    ] = None,
    extractor_weights: Annotated[
        str, typer.Option(metavar="hub|FILE", help="Its weights: timm's from the hub, or a timm state dict.")
    ] = "hub",
    start: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH", help="Bundled model or checkpoint to go on from; several: the mean of their weights."
        ),
    ] = None,
    decoder: Annotated[
        str | None, typer.Option(metavar="N,N,N", help="Channels of its steps. Modern 256,128,96, paper 128,64,32.")
    ] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="Peak learning rate. Modern 0.002, paper 0.0012.")] = None,
    encoder_lr: Annotated[float, typer.Option(min=0, help="A pretrained encoder's share of it.")] = 0.3,
    weight_decay: Annotated[
        float | None, typer.Option(min=0, help="AdamW's; Adam's in the paper. Modern 0.01, paper 0.000001.")
    ] = None,
    dropout: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the channels before the fusion that are silenced at random.")
    ] = 0.0,
    drop_path: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of pictures that skip residual blocks of the encoder.")
    ] = 0.0,
    schedule: Annotated[
        Literal["cosine", "constant"] | None,
        typer.Option(help="How it goes down after the warm-up. Modern cosine, paper constant."),
    ] = None,
    smallest_crop: Annotated[
        float | None,
        typer.Option(min=0.1, max=1, help="Side of the smallest crop, of the short side. Modern 0.6, paper 1."),
    ] = None,
    film: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of pictures aged like old film. Modern 0.7, paper 0.")
    ] = None,
    enlarged: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of batches enlarged from smaller pictures. Modern 0.3, paper 0."),
    ] = None,
    sharpness: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of pictures made softer or sharper. Modern 0.5, paper 0.")
    ] = None,
    borders: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of pictures given a neutral border. Modern 0.1, paper 0.")
    ] = None,
    blanks: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of neutral pictures of nothing. Modern 0.03, paper 0.")
    ] = None,
    hints: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of pictures with hints; 0: a network without. Modern 0.65, paper 0."),
    ] = None,
    palette: Annotated[
        int, typer.Option(min=0, max=256, help="Learned colors for each picture beside the features; 0: none.")
    ] = 0,
    colorfulness: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the truth's to calibrate to; 0: do not. Modern 0.62, paper 0."),
    ] = None,
    patience: Annotated[
        int, typer.Option(min=0, help="Epochs without a better validation loss before stopping early; 0: never.")
    ] = 0,
    validate_every: Annotated[int, typer.Option(min=1, help="Epochs from one validation to the next.")] = 1,
    precision: Annotated[Literal["auto", "fp32", "bf16"], typer.Option(help="Number type of the network.")] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[
        int, typer.Option(min=-1, help="Processes that read photos; -1: all cores but two beside a GPU, none on a CPU.")
    ] = -1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.", envvar="VIDCOLOR_DEVICE")] = "auto",
) -> None:
    """Train a network on photos, and on the best frames of films."""
    from vidcolor.network.checkpoint import classifier_width
    from vidcolor.network.device import choose_device
    from vidcolor.training.presets import PRESETS
    from vidcolor.training.train import train as run

    if start:
        refuse_decided(f"--start {start[0]}", {"--encoder": encoder, "--decoder": decoder, "--extractor": extractor})
    if preset == "paper":
        modern = {"--encoder": encoder, "--encoder-weights": encoder_weights}
        refuse_decided("--preset paper", {**modern, "--dropout": dropout, "--drop-path": drop_path})
    config = replace(
        PRESETS[preset].training,
        sizes=parse_sizes(sizes), encoder_lr=encoder_lr, dropout=dropout, drop_path=drop_path, patience=patience,
        validate_every=validate_every,
        gradient=gradient, steadiness=steadiness, features=features, precision=precision, seed=seed, workers=workers,
        **given(
            epochs=epochs, batch_size=batch_size, smallest_crop=smallest_crop, loss=loss, lr=lr,
            weight_decay=weight_decay, schedule=schedule, film=film, enlarged=enlarged, sharpness=sharpness,
            borders=borders, blanks=blanks, hints=hints, colorfulness=colorfulness,
        ),
    )  # fmt: skip
    network = PRESETS[preset].network.with_(
        head="classification" if config.loss == "classification" else "regression",
        palette=palette,
        **given(
            encoder=encoder, decoder=parse_channels(decoder) if decoder else None, hints=0 if hints == 0 else None
        ),
    )  # fmt: skip
    if encoder and encoder != PRESETS[preset].network.encoder:
        network = network.with_(
            semantics=0, encoder_options={"pad_type": "same"} if encoder.startswith("mobilenetv2") else {}
        )
    if encoder_weights:  # what its classifier read is pretrained too
        network = network.with_(semantics=classifier_width(encoder_weights))
    if extractor:
        network = network.with_(extractor="" if extractor == "none" else extractor)
    with terminal.training() as progress:
        result = run(
            data, output, network=network, config=config, val=val or (), encoder_weights=encoder_weights,
            extractor_weights=extractor_weights, start=start or (), still_size=still_size,
            feature_weights=feature_weights, device=choose_device(device), report=terminal.say, progress=progress,
        )  # fmt: skip
    if result.scores is None:  # not the first of several processes
        return
    if result.broken:
        terminal.warn(f"{len(result.broken)} photos do not decode: {', '.join(result.broken[:5])}")
    terminal.say(f"best epoch {result.best_epoch + 1} of {result.epochs}: {result.scores}")
    for what in ("best.safetensors", "last.safetensors", "curves.png", "samples", "metrics.jsonl", "steps.jsonl"):
        terminal.say(f"see {result.folder / what}")
    terminal.result(asdict(result), str(result.checkpoint))


def given(**values: Any) -> dict[str, Any]:
    """The options that were given; the preset decides about the others."""
    return {name: value for name, value in values.items() if value is not None}


def extract(
    films: Annotated[
        list[Path], typer.Argument(metavar="FILM", help="Color films, folders of films.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", rich_help_panel=FILES, help="A new folder for train/, val/, manifest.csv."
        ),
    ],
    settings: ExtractSettings,
    files: Annotated[FileSettings, Only("overwrite")],
    terminal: Terminal,
) -> None:
    """Take the best frames of color films as photos for training."""
    from vidcolor.data.extraction import extract as run

    with terminal.progress({"extract": 1}) as progress:
        progress.begin("extract")
        found = run(films, output, overwrite=files.overwrite, settings=settings, progress=progress.step)
    for warning in found.warnings:
        terminal.warn(warning)
    dropped = ", ".join(f"{number} {reason}" for reason, number in found.dropped.items())
    terminal.say(f"{found.frames} frames of {found.films} films in {found.seconds:.1f} s; dropped: {dropped or 'none'}")
    line = f"{found.output}  ({found.train} frames for training, {found.val} for validation)"
    terminal.result(asdict(found), *(() if terminal.settings.quiet else (line,)))


def evaluate(
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA", help="Photos, tar shards, color films, folders of them.", show_default=False),
    ],
    run: Annotated[RunSettings, Only("model", "device", "precision", "size", "looks")],
    shot: ShotSettings,
    settings: EvaluateSettings,
    terminal: Terminal,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", rich_help_panel=FILES, help="Write a page with tables, plots and pictures into this folder."
        ),
    ] = None,
) -> None:
    """Measure a model on color pictures: how near it comes.

    Photos and films are turned grey, colorized, and compared with what they were.
    """
    from vidcolor.evaluation.gallery import Album
    from vidcolor.evaluation.measurement import evaluate as measure
    from vidcolor.evaluation.report import prepare_report, write_report
    from vidcolor.evaluation.tables import describe

    if report:
        prepare_report(report)
    album = Album() if report else None
    with terminal.progress({"evaluating": 1}) as progress:
        progress.begin("evaluating")
        found = measure(data, settings=settings, run=run, shot=shot, album=album, progress=progress.step)
    for warning in found.warnings:
        terminal.warn(warning)
    terminal.result(found.to_dict(), describe(found))
    if report and album:
        terminal.say(f"report: {write_report(report, found, album)}")
