"""What is said about films: errors, steadiness, and the means of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vidcolor.evaluation.scores import Comparison, Mean, Scores, mean_comparison
from vidcolor.report.series import Curve

VERSIONS = ("colorized", "unsmoothed", "averaged", "grey", "truth")  # of every frame


@dataclass(frozen=True)
class Steadiness:
    """How much a film changes from frame to frame; lower is steadier, and grey is steadiest.

    Attributes:
        warp_error: E_warp along the truth's own motion, the mean over all pairs of frames inside shots.
        cdc: Color distribution consistency; nan for films without a shot of five frames.
    """

    warp_error: float
    cdc: float


@dataclass(frozen=True)
class FilmMeasures:
    """The measures of one film, or their means over many.

    Attributes:
        comparison: The means over scored frames.
        unsmoothed, averaged: The same network without smoothing, and with a plain exponential average.
        carried: Without a network: the first frame's colors carried along the motion; None when they were not told.
        steadiness: Of each of :data:`VERSIONS`.
        ratios: The same as shares of the truth's own.
        excess_removed: The share of the warp error above grey's that smoothing takes away.
    """

    comparison: Comparison
    unsmoothed: Scores
    averaged: Scores
    steadiness: dict[str, Steadiness]
    ratios: dict[str, Steadiness]
    excess_removed: float
    carried: Scores | None = None


@dataclass(frozen=True)
class FilmScores:
    """The scores of one film, and what is drawn of it.

    Attributes:
        width, height: Of the pictures compared.
        flicker: The warp error over time, of each of :data:`VERSIONS`.
        colorfulness: Over time, of each of them.
        seconds: From a frame to the next.
    """

    name: str
    width: int
    height: int
    frames: int
    shots: int
    scores: FilmMeasures
    flicker: dict[str, Curve]
    colorfulness: dict[str, Curve]
    seconds: float


def mean_film(films: Sequence[FilmScores]) -> FilmMeasures:
    """Return means over films; each counts the same, also in the ratios. What a film does not have is left out."""
    found = [film.scores for film in films]

    def mean_steadiness(values: list[Steadiness]) -> Steadiness:
        return Steadiness(_mean([v.warp_error for v in values]), _mean([v.cdc for v in values]))

    return FilmMeasures(
        comparison=mean_comparison([f.comparison for f in found]),
        unsmoothed=Mean(f.unsmoothed for f in found).result(),
        averaged=Mean(f.averaged for f in found).result(),
        steadiness={version: mean_steadiness([f.steadiness[version] for f in found]) for version in VERSIONS},
        ratios={version: mean_steadiness([f.ratios[version] for f in found]) for version in VERSIONS},
        excess_removed=excess_removed_of({n: _mean([f.ratios[n].warp_error for f in found]) for n in VERSIONS}),
        carried=Mean(carried).result() if (carried := [f.carried for f in found if f.carried]) else None,
    )


def _mean(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def excess_removed_of(warp: dict[str, float]) -> float:
    """Return the share of the warp error above grey's that smoothing takes away; nan where there is none."""
    excess = warp["unsmoothed"] - warp["grey"]
    return 1 - (warp["colorized"] - warp["grey"]) / excess if excess > 0 else math.nan
