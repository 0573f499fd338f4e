"""Presets: the paper's numbers, and the options that override single ones."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import save_file

import vidcolor
from vidcolor.cli.app import main
from vidcolor.cli.fields import text_of
from vidcolor.network.config import NetworkConfig
from vidcolor.settings import Described, TrainSettings, described
from vidcolor.training.presets import PRESETS


class Asked(Exception):  # noqa: N818  # no error: it carries what the command line asked for
    """Stops the command where training would begin."""


def asked(monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[NetworkConfig, TrainSettings, dict[str, Any]]:
    """What the command line hands to train()."""

    def train(*_: Any, network: NetworkConfig, settings: TrainSettings, **rest: Any) -> None:
        raise Asked(network, settings, rest)

    monkeypatch.setattr("vidcolor.training.train.train", train)
    monkeypatch.setattr(sys, "argv", ["vidcolor", "train", "photos", "-o", "run", *options])
    with pytest.raises(Asked) as found:
        main()
    network, config, rest = found.value.args
    return network, config, rest


def test_defaults_are_those_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options the command line trains what vidcolor.train() does."""
    parameters = inspect.signature(vidcolor.train).parameters
    network, config, rest = asked(monkeypatch)
    assert (network, config) == (parameters["network"].default, parameters["settings"].default)
    assert rest["extractor_weights"] == "hub"


def test_paper_preset_is_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published settings: Adam, 0.0012, 1e-6, batches of 40, 70 epochs, squared error, nothing else."""
    network, config, _ = asked(monkeypatch, "--preset", "paper")
    assert (network.architecture, network.extractor) == ("koalarization", "inception_resnet_v2")
    assert (network.fusion, network.decoder, network.head) == (256, (128, 64, 32), "regression")
    assert (config.optimizer, config.lr, config.weight_decay) == ("adam", 0.0012, 1e-6)
    assert (config.batch_size, config.epochs, config.loss, config.schedule) == (40, 70, "mse", "constant")
    assert not any((config.warmup_steps, config.clip_norm, config.ema, config.colorfulness))
    assert not any((config.film, config.borders, config.blanks))
    assert (config.smallest_crop, config.mirror) == (1.0, False)


def test_options_override_a_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is named changes; classification gets its head; none means no extractor."""
    network, config, rest = asked(
        monkeypatch, "--preset", "paper", "--batch-size", "8", "--loss", "classification", "--extractor", "none",
        "--film", "0.5", "--patience", "3",
    )  # fmt: skip
    preset = PRESETS["paper"]
    assert config == replace(preset.training, batch_size=8, loss="classification", film=0.5, patience=3)
    assert network == preset.network.with_(head="classification", extractor="")
    network, _, rest = asked(
        monkeypatch, "--preset", "paper", "--extractor", "resnet18", "--extractor-weights", "r.safetensors"
    )
    assert (network.extractor, rest["extractor_weights"]) == ("resnet18", "r.safetensors")


def another(each: Described, value: Any) -> Any:
    """Another value for a setting."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return next(choice for choice in get_args(each.kind) if choice != value)
    if isinstance(value, tuple):
        return (96, 160)
    high = each.setting.high
    return 0.25 if high and high <= 1 else type(value)((each.setting.low or 0) + 3)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_training_setting_is_an_option_that_wins_over_a_preset(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever a preset says: what is given on the command line is what is trained."""
    preset = PRESETS[name].training
    values = {each.name: another(each, getattr(preset, each.name)) for each in described(TrainSettings)}
    if name == "paper":  # refused there: the network has nothing to drop
        del values["dropout"], values["drop_path"]
    options = []
    for key, value in values.items():
        flag = key.replace("_", "-")
        options += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", text_of(value)]
    assert asked(monkeypatch, "--preset", name, *options)[1] == replace(preset, **values)


def test_the_help_shows_the_defaults_of_both_presets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where they differ both are told, where they agree one value is."""
    monkeypatch.setattr(sys, "argv", ["vidcolor", "train", "--help"])
    with pytest.raises(SystemExit):
        main()
    text = " ".join(capsys.readouterr().out.split())
    modern, paper = (PRESETS[name].training for name in ("modern", "paper"))
    assert f"default: modern {modern.epochs}, paper {paper.epochs}]" in text
    assert f"default: modern {modern.lr:g}, paper {paper.lr:g}]" in text
    assert f"default: {modern.val_limit}]" in text
    assert "default: modern yes, paper no]" in text


@pytest.mark.parametrize(
    ("options", "decided"),
    [
        (["--start", "fast", "--encoder", "resnet18"], "--encoder"),
        (["--start", "fast", "--decoder", "1,2"], "--decoder"),
        (["--preset", "paper", "--encoder", "resnet18"], "--encoder"),
    ],
)
def test_options_without_an_effect_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], decided: str
) -> None:
    """What a preset or a model decides is not silently ignored."""
    monkeypatch.setattr(sys, "argv", ["vidcolor", "train", "photos", "-o", "run", *options])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert decided in capsys.readouterr().err


def test_classifier_features_follow_the_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the classifier of pretrained weights read is taken along at its width; weights without one have none."""
    file = tmp_path / "backbone.safetensors"
    for width in (12, 0):
        save_file({"conv_head.weight": torch.zeros(width, 3, 1, 1)} if width else {"other": torch.zeros(1)}, file)
        network, _, _ = asked(monkeypatch, "--encoder", "tf_efficientnet_lite0", "--encoder-weights", str(file))
        assert (network.semantics, network.encoder_options) == (width, {})
    assert asked(monkeypatch, "--encoder", "tf_efficientnet_lite0")[0].semantics == 0
    assert asked(monkeypatch, "--encoder", "mobilenetv2_050")[0].encoder_options == {"pad_type": "same"}


def test_networks_take_hints_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the modern preset; a share of none makes a network without, and the paper's knows none."""
    network, config, _ = asked(monkeypatch)
    assert (network.hints, config.hints) == (32, 0.65)
    network, config, _ = asked(monkeypatch, "--hints", "0", "--palette", "16", "--gradient", "0.5", "--refine", "2")
    assert (network.hints, network.palette, config.hints, config.gradient) == (0, 16, 0.0, 0.5)
    assert network.refine == 2
    assert asked(monkeypatch, "--preset", "paper")[0].hints == 0
