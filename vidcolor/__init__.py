"""vidcolor: colorize black-and-white film.

>>> import vidcolor
>>> vidcolor.colorize("film.mp4", "film.color.mp4")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidcolor.data.extraction import Extraction, extract
    from vidcolor.errors import VidcolorError
    from vidcolor.evaluation.measurement import Evaluation, evaluate
    from vidcolor.film.reader import probe
    from vidcolor.network.checkpoint import Model, load_model
    from vidcolor.network.config import NetworkConfig
    from vidcolor.pipeline.batch import colorize
    from vidcolor.pipeline.colorizer import Colorizer
    from vidcolor.pipeline.result import Result
    from vidcolor.settings import (
        EvaluateSettings,
        ExtractSettings,
        FileSettings,
        RunSettings,
        ShotSettings,
        TrainSettings,
    )
    from vidcolor.training.train import train

    __version__: str

# Loaded on first use: importing vidcolor must not cost the seconds that torch takes.
_HOMES = {
    "Colorizer": "pipeline.colorizer",
    "Evaluation": "evaluation.measurement",
    "EvaluateSettings": "settings",
    "ExtractSettings": "settings",
    "Extraction": "data.extraction",
    "FileSettings": "settings",
    "Model": "network.checkpoint",
    "NetworkConfig": "network.config",
    "Result": "pipeline.result",
    "RunSettings": "settings",
    "ShotSettings": "settings",
    "TrainSettings": "settings",
    "VidcolorError": "errors",
    "colorize": "pipeline.batch",
    "evaluate": "evaluation.measurement",
    "extract": "data.extraction",
    "load_model": "network.checkpoint",
    "probe": "film.reader",
    "train": "training.train",
}

__all__ = [
    "Colorizer",
    "EvaluateSettings",
    "Evaluation",
    "ExtractSettings",
    "Extraction",
    "FileSettings",
    "Model",
    "NetworkConfig",
    "Result",
    "RunSettings",
    "ShotSettings",
    "TrainSettings",
    "VidcolorError",
    "colorize",
    "evaluate",
    "extract",
    "load_model",
    "probe",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # written once, in pyproject.toml
        from importlib.metadata import version

        return version("vidcolor")
    if name not in _HOMES:
        raise AttributeError(f"module 'vidcolor' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"vidcolor.{_HOMES[name]}"), name)
