"""vidcolor: colorize black-and-white film.

>>> import vidcolor
>>> vidcolor.colorize("film.mp4", "film.color.mp4")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidcolor.checkpoint import Model, load_model
    from vidcolor.decode import probe
    from vidcolor.errors import VidcolorError
    from vidcolor.evaluation import Evaluation, EvaluationOptions, evaluate
    from vidcolor.extraction import Extraction, ExtractOptions, extract
    from vidcolor.network import NetworkConfig
    from vidcolor.pipeline import Options, Result, colorize
    from vidcolor.training import TrainConfig, train

__version__ = "0.1.0"

# Loaded on first use: importing vidcolor must not cost the seconds that torch takes.
_HOMES = {
    "Evaluation": "evaluation",
    "EvaluationOptions": "evaluation",
    "ExtractOptions": "extraction",
    "Extraction": "extraction",
    "Model": "checkpoint",
    "NetworkConfig": "network",
    "Options": "pipeline",
    "Result": "pipeline",
    "TrainConfig": "training",
    "VidcolorError": "errors",
    "colorize": "pipeline",
    "evaluate": "evaluation",
    "extract": "extraction",
    "load_model": "checkpoint",
    "probe": "decode",
    "train": "training",
}

__all__ = [
    "Evaluation",
    "EvaluationOptions",
    "ExtractOptions",
    "Extraction",
    "Model",
    "NetworkConfig",
    "Options",
    "Result",
    "TrainConfig",
    "VidcolorError",
    "colorize",
    "evaluate",
    "extract",
    "load_model",
    "probe",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vidcolor' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"vidcolor.{_HOMES[name]}"), name)
