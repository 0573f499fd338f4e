"""How much of random color jitter the smoothing along motion takes out of real films.

    python benchmarks/jitter.py FOOTAGE [--sigma 8] [--frames 36]

FOOTAGE is a folder of color clips. They are turned grey and colorized; then once more with noise added to the ab that
the network gives, new in every frame: either in every pixel by itself, or one shift of the whole picture's color. What
the noise adds to the warp error is what smoothing must take away again.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidcolor.color.arrays import Plane
from vidcolor.evaluation import films
from vidcolor.evaluation.pictures import Setup
from vidcolor.files import COLOR_FILMS, named_files
from vidcolor.network.predictor import Predictor
from vidcolor.settings import DEFAULT_MODEL, RunSettings


class Jittering:
    """A predictor whose colors are never the same twice."""

    def __init__(self, predictor: Predictor, sigma: float, whole_picture: bool) -> None:
        self.model, self.stride = predictor.model, predictor.stride
        self._predictor, self._sigma, self._whole_picture = predictor, sigma, whole_picture
        self._noise = np.random.default_rng(0)

    def predict(self, lumas: Sequence[Plane], **keywords: Any) -> list[Plane]:
        planes = self._predictor.predict(lumas, **keywords)
        shape = (2, 1, 1) if self._whole_picture else planes[0].shape
        return [ab + self._noise.normal(0, self._sigma, shape).astype(np.float32) for ab in planes]


def warp_errors(
    path: Path, predictor: Predictor, frames: int, sigma: float, whole_picture: bool
) -> tuple[float, float]:
    """Of the film as the network gives it and smoothed, as shares of the truth's."""
    setup = Setup(Jittering(predictor, sigma, whole_picture), 0, 1.0, "none")  # type: ignore[arg-type]
    scores, _ = films.evaluate_film(path, setup, frames)
    return scores.scores.ratios["unsmoothed"].warp_error, scores.scores.ratios["colorized"].warp_error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--sigma", type=float, default=8.0, help="standard deviation, ab units")
    parser.add_argument("--frames", type=int, default=36, help="of each clip")
    parser.add_argument("-m", "--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    predictor = Predictor.load(RunSettings(model=options.model))
    paths = named_files([options.footage], COLOR_FILMS)

    print("| warp error, share of the truth's | unsmoothed | smoothed | added | left of it | gone |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")

    def means(sigma: float, whole_picture: bool) -> tuple[float, float]:
        found = [warp_errors(path, predictor, options.frames, sigma, whole_picture) for path in paths]
        unsmoothed, smoothed = (statistics.mean(column) for column in zip(*found, strict=True))
        return unsmoothed, smoothed

    plain = means(0.0, False)
    print(f"| network | {plain[0]:.3f} | {plain[1]:.3f} | | | |", flush=True)
    for name, whole_picture in (("jitter of pixels", False), ("jitter of the picture", True)):
        unsmoothed, smoothed = means(options.sigma, whole_picture)
        added, left = unsmoothed - plain[0], smoothed - plain[1]
        print(f"| {name} | {unsmoothed:.3f} | {smoothed:.3f} | {added:.3f} | {left:.3f} | {1 - left / added:.1%} |")
    print(f"\n{len(paths)} clips, torch {torch.__version__}")


if __name__ == "__main__":
    main()
