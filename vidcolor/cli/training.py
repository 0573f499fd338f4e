"""The commands of those who train: footage into photos, photos into a model, a model measured, and exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vidcolor.cli.fields import Given, Only, text_of
from vidcolor.cli.terminal import Terminal
from vidcolor.settings import (
    FILES,
    NETWORK,
    VALIDATION,
    Described,
    EvaluateSettings,
    ExtractSettings,
    FileSettings,
    RunSettings,
    ShotSettings,
    StartSettings,
    TrainSettings,
)

if TYPE_CHECKING:
    from vidcolor.network.config import NetworkConfig


def network_settings() -> type:
    """Return the class whose settings say what a network is made of."""
    from vidcolor.network.config import NetworkConfig

    return NetworkConfig


def preset_default(each: Described) -> str:
    """Return the default of a training option: one value, or that of each preset where they differ."""
    from vidcolor.training.presets import PRESETS

    values = {}
    for name, preset in PRESETS.items():
        home = preset.training if hasattr(preset.training, each.name) else preset.network
        values[name] = text_of(getattr(home, each.name))
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{name} {value or 'none'}" for name, value in values.items())


def train(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA", help="Folders of photos and films, photos, tar shards, films.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", rich_help_panel=FILES,
            help="Folder of the run; a run that lies there goes on.",
        ),
    ],
    *,
    preset: Annotated[
        Literal["modern", "paper"],
        typer.Option(
            metavar="modern|paper", rich_help_panel=NETWORK,
            help="Network and settings: FusionNet, or Deep Koalarization as in its paper. Options change single ones.",
        ),
    ] = "modern",
    starts: Annotated[
        list[str] | None,
        typer.Option(
            "--start", metavar="NAME|PATH", rich_help_panel=NETWORK,
            help="Bundled model or checkpoint to go on from; several: the mean of their weights.",
        ),
    ] = None,
    val: Annotated[
        list[Path] | None,
        typer.Option(metavar="DATA", rich_help_panel=VALIDATION, help="Data to validate on; default: a share of DATA."),
    ] = None,
    network: Annotated[dict[str, Any], Given(network_settings, preset_default)],
    settings: Annotated[dict[str, Any], Given(lambda: TrainSettings, preset_default)],
    start: StartSettings,
    run: Annotated[RunSettings, Only("device")],
    terminal: Terminal,
) -> None:  # fmt: skip
    """Train a network on photos, and on the best frames of films."""
    from vidcolor.training.presets import PRESETS
    from vidcolor.training.train import train as run_training

    if starts:
        refuse_decided(f"--start {starts[0]}", network, "encoder", "decoder", "extractor")
    if preset == "paper":
        given = {**network, **settings, "encoder_weights": start.encoder_weights}
        refuse_decided(
            "--preset paper", given, "encoder", "encoder_weights", "dropout", "drop_path", "palette", "refine"
        )
    config = replace(PRESETS[preset].training, **settings)
    with terminal.training() as progress:
        result = run_training(
            data, output, network=network_of(PRESETS[preset].network, config, network, start.encoder_weights),
            settings=config, val=val or (), start=starts or (), device=run.device, report=terminal.say,
            progress=progress, **asdict(start),
        )  # fmt: skip
    if result.scores is None:  # not the first of several processes
        return
    if result.broken:
        terminal.warn(f"{len(result.broken)} photos do not decode: {', '.join(result.broken[:5])}")
    terminal.say(f"best epoch {result.best_epoch + 1} of {result.epochs}: {result.scores}")
    for what in ("best.safetensors", "last.safetensors", "curves.png", "samples", "metrics.jsonl", "steps.jsonl"):
        terminal.say(f"see {result.folder / what}")
    terminal.result(asdict(result), *(() if terminal.settings.quiet else (str(result.checkpoint),)))


def network_of(
    preset: NetworkConfig, settings: TrainSettings, given: Mapping[str, Any], encoder_weights: Path | None
) -> NetworkConfig:
    """Return the network that the options ask for, with all that follows from them."""
    from vidcolor.network.checkpoint import classifier_width

    head = "classification" if settings.loss == "classification" else "regression"
    network = preset.with_(head=head, hints=preset.hints if settings.hints else 0, **given)
    if network.extractor == "none":
        network = network.with_(extractor="")
    if network.encoder != preset.encoder:
        padding = {"pad_type": "same"} if network.encoder.startswith("mobilenetv2") else {}
        network = network.with_(semantics=0, encoder_options=padding)
    if encoder_weights:  # what its classifier read is pretrained too
        network = network.with_(semantics=classifier_width(encoder_weights))
    return network


def refuse_decided(by: str, given: Mapping[str, Any], *names: str) -> None:
    """Refuse options that another one makes meaningless: they are no silent nothing."""
    if chosen := [f"--{name.replace('_', '-')}" for name in names if given.get(name)]:
        raise typer.BadParameter(f"{by} decides about this", param_hint=", ".join(chosen))


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

    with terminal.steps_of("extract") as step:
        found = run(films, output, overwrite=files.overwrite, settings=settings, progress=step)
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
    run: Annotated[RunSettings, Only("model", "device", "precision", "size", "fps", "transfer", "looks")],
    shot: Annotated[ShotSettings, Only("saturation", "smooth")],
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
    from vidcolor.evaluation.gallery import Gallery
    from vidcolor.evaluation.measurement import evaluate as measure
    from vidcolor.evaluation.report import prepare_report, write_report
    from vidcolor.evaluation.tables import describe

    if report:
        prepare_report(report)
    gallery = Gallery() if report else None
    with terminal.steps_of("evaluating") as step:
        found = measure(data, settings=settings, run=run, shot=shot, gallery=gallery, progress=step)
    for warning in found.warnings:
        terminal.warn(warning)
    terminal.result(found.to_dict(), describe(found))
    if report and gallery:
        terminal.say(f"report: {write_report(report, found, gallery)}")


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A bundled model, or a checkpoint.", show_default=False)
    ],
    files: Annotated[FileSettings, Only("overwrite")],
    terminal: Terminal,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="PATH", rich_help_panel=FILES, help="Default: its name + .onnx in this folder."
        ),
    ] = None,
) -> None:
    """Write a model as an ONNX file, for other programs.

    Its inputs are L* and, where the model takes them, hints; its output is ab. The pictures may be of any size in
    multiples of the network's stride, mostly 32.
    """
    from vidcolor.network.checkpoint import load_model
    from vidcolor.network.export import export_onnx
    from vidcolor.pipeline.target import check_target

    target = output or Path(f"{Path(model).stem}.onnx")
    check_target(Path(model), target, files.overwrite)
    loaded = load_model(model)
    terminal.say(f"{target}: exporting takes about a minute")
    export_onnx(loaded, target)
    size = target.stat().st_size
    terminal.result(
        {"output": str(target), "model": loaded.name, "sha256": loaded.sha256, "bytes": size},
        *(() if terminal.settings.quiet else (f"{target}  ({loaded.name}, {size / 1e6:.1f} MB)",)),
    )
