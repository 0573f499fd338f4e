"""The commands of those who train: footage into photos, photos into a model, a model measured."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vidcolor.cli.fields import (
    AsJson,
    DeviceName,
    ModelName,
    Precision,
    Saturation,
    Size,
    Smooth,
    parse_channels,
    parse_sizes,
    refuse_decided,
)
from vidcolor.cli.terminal import print_json, progress_bar, say, training_bar


def train(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...", help="Folders of photos and films, photos, tar shards, films.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run; a run that lies there goes on.")],
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
    colorfulness: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the truth's to calibrate to; 0: do not. Modern 0.62, paper 0."),
    ] = None,
    patience: Annotated[
        int, typer.Option(min=0, help="Epochs without a better validation loss before stopping early; 0: never.")
    ] = 0,
    precision: Annotated[Literal["auto", "fp32", "bf16"], typer.Option(help="Number type of the network.")] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[
        int, typer.Option(min=-1, help="Processes that read photos; -1: up to 8 beside a GPU, none on a CPU.")
    ] = -1,
    device: DeviceName = "auto",
) -> None:
    """Train a network on photos, and on the best frames of films."""
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
        precision=precision, seed=seed, workers=workers,
        **given(
            epochs=epochs, batch_size=batch_size, smallest_crop=smallest_crop, loss=loss, lr=lr,
            weight_decay=weight_decay, schedule=schedule, film=film, enlarged=enlarged, sharpness=sharpness,
            borders=borders, blanks=blanks, colorfulness=colorfulness,
        ),
    )  # fmt: skip
    network = PRESETS[preset].network.with_(
        head="classification" if config.loss == "classification" else "regression",
        **given(encoder=encoder, decoder=parse_channels(decoder) if decoder else None),
    )
    if encoder and encoder != PRESETS[preset].network.encoder:
        network = network.with_(
            semantics=0, encoder_options={"pad_type": "same"} if encoder.startswith("mobilenetv2") else {}
        )
    if extractor:
        network = network.with_(extractor="" if extractor == "none" else extractor)
    with training_bar() as progress:
        result = run(
            data, output, network=network, config=config, val=val or (), encoder_weights=encoder_weights,
            extractor_weights=extractor_weights, start=start or (), still_size=still_size, device=choose_device(device),
            report=say, progress=progress,
        )  # fmt: skip
    if result.scores is None:  # not the first of several processes
        return
    if result.broken:
        say(f"warning: {len(result.broken)} photos do not decode: {', '.join(result.broken[:5])}")
    say(f"best epoch {result.best_epoch + 1} of {result.epochs}: {result.scores}")
    for what in ("best.safetensors", "last.safetensors", "curves.png", "samples", "metrics.jsonl", "steps.jsonl"):
        say(f"see {result.folder / what}")
    print(result.checkpoint)


def given(**values: Any) -> dict[str, Any]:
    """The options that were given; the preset decides about the others."""
    return {name: value for name, value in values.items() if value is not None}


def extract(
    films: Annotated[
        list[Path], typer.Argument(metavar="FILM...", help="Color films, folders of films.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for train/, val/, manifest.csv.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", "-y", help="Replace frames that were extracted.")] = False,
    per_shot: Annotated[
        int, typer.Option(min=1, max=99, help="Most frames kept of a shot, and of 20 seconds of a long one.")
    ] = 3,
    max_side: Annotated[int, typer.Option(min=64, max=8192, help="Longest side of the pictures, in pixels.")] = 640,
    val_share: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of the shots held out for validation, whole.")
    ] = 0.1,
    as_json: AsJson = False,
) -> None:
    """Take the best frames of color films as photos for training."""
    from vidcolor.data.extraction import extract as run
    from vidcolor.settings import ExtractSettings

    settings = ExtractSettings(per_shot=per_shot, max_side=max_side, val_share=val_share)
    with progress_bar("extract") as progress:
        found = run(films, output, overwrite=overwrite, settings=settings, progress=progress)
    for warning in found.warnings:
        say(f"warning: {warning}")
    if as_json:
        print_json(asdict(found))
        return
    dropped = ", ".join(f"{number} {reason}" for reason, number in found.dropped.items())
    print(f"{found.output}  ({found.train} frames for training, {found.val} for validation)")
    say(f"{found.frames} frames of {found.films} films in {found.seconds:.1f} s; dropped: {dropped or 'none'}")


def evaluate(
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...", help="Photos, tar shards, color films, folders of them.", show_default=False),
    ],
    model: ModelName = "fast",
    device: DeviceName = "auto",
    precision: Precision = "auto",
    size: Size = 0,
    saturation: Saturation = 1.0,
    calibration: Annotated[
        bool, typer.Option(help="The color strength stored in the checkpoint; without it the network's own.")
    ] = True,
    smooth: Smooth = 0.85,
    degrade: Annotated[
        Literal["none", "film"], typer.Option(help="What is done to the grey pictures: film ages them.")
    ] = "none",
    limit: Annotated[
        int, typer.Option(min=0, help="At most so many photos, evenly chosen, and frames of each film; 0: all.")
    ] = 0,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page with tables, plots and pictures into this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model: color turned grey, colorized, compared with the truth."""
    from vidcolor.evaluation.gallery import Album
    from vidcolor.evaluation.measurement import evaluate as run
    from vidcolor.evaluation.report import prepare_report, write_report
    from vidcolor.evaluation.tables import describe
    from vidcolor.settings import EvaluateSettings, RunSettings, ShotSettings

    settings = EvaluateSettings(calibration=calibration, degrade=degrade, limit=limit)
    how = RunSettings(model=model, device=device, precision=precision, size=size)
    shot = ShotSettings(saturation=saturation, smooth=smooth)
    if report:
        prepare_report(report)
    album = Album() if report else None
    with progress_bar("evaluating") as progress:
        found = run(data, settings=settings, run=how, shot=shot, album=album, progress=progress)
    for warning in found.warnings:
        say(f"warning: {warning}")
    if as_json:
        print_json(found.to_dict())
    else:
        print(describe(found))
    if report and album:
        say(f"report: {write_report(report, found, album)}")
