"""The report: one page that shows an evaluation. What it says stands in report.html."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidcolor.errors import writing
from vidcolor.evaluation.film_scores import VERSIONS, FilmScores, mean_film
from vidcolor.evaluation.gallery import Gallery
from vidcolor.evaluation.measurement import Evaluation
from vidcolor.evaluation.tables import film_versions, films, heading, sources, versions
from vidcolor.files import replaced
from vidcolor.report.page import render
from vidcolor.report.plots import histogram, scatter, time_plot
from vidcolor.report.series import Curve
from vidcolor.report.tables import shown

PAGE = "index.html"
MOST_POINTS = 2000  # of a plot
DRAWN = ("grey", "averaged", "unsmoothed", "truth", "colorized")  # the later ones lie on top

_LEGEND = {
    "colorized": "colorized",
    "unsmoothed": "without smoothing",
    "averaged": "plain average",
    "grey": "grey",
    "truth": "truth",
}
assert set(_LEGEND) == set(DRAWN) == set(VERSIONS)


def prepare_report(folder: Path) -> None:
    """Make the folder of a report, before hours of work go into it.

    Raises:
        OutputError: it cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_report(folder: Path, evaluation: Evaluation, gallery: Gallery) -> Path:
    """Write the page into a folder, in place of an earlier one.

    Returns:
        The page.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = folder / PAGE
    with replaced(path) as part:
        part.write_text(page(evaluation, gallery), encoding="utf-8")
    return path


def page(evaluation: Evaluation, gallery: Gallery) -> str:
    """Return the page's text."""
    return render(
        __package__,
        "report.html",
        evaluation=evaluation,
        gallery=gallery,
        heading=heading(evaluation),
        cards=_cards(evaluation),
        photos=_photos(evaluation) if evaluation.photos else None,
        films=_films(evaluation, gallery) if evaluation.films else None,
    )


def _cards(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return the numbers to look at first, each with what it tells."""
    cards = []
    if evaluation.photos:
        c = evaluation.overall
        cards += [
            (f"{c.gain:+.2f} dB", "PSNR of photos over grey"),
            (shown(c.ab_reduction, ".0%"), "of grey's ab error gone"),
            (shown(c.colorfulness_ratio, ".0%"), "of the photos' colorfulness"),
        ]
    if evaluation.films:
        m = mean_film(evaluation.films)
        cards += [
            (f"{m.comparison.gain:+.2f} dB", "PSNR of films over grey"),
            (shown(m.ratios["colorized"].warp_error, ".2f"), "times the truth's warp error"),
            (shown(m.ratios["colorized"].cdc, ".2f"), "times the truth's color drift (CDC)"),
        ]
    return cards


def _photos(evaluation: Evaluation) -> dict[str, Any]:
    gains = [photo.comparison.gain for photo in evaluation.photos]
    better = sum(gain > 0 for gain in gains) / len(gains)
    thinned = evaluation.photos[:: 1 + len(evaluation.photos) // MOST_POINTS]
    pairs = [(p.comparison.truth.colorfulness, p.comparison.colorized.colorfulness) for p in thinned]
    nearer = f"{better:.0%} of {len(gains)} photos are nearer to the truth than their grey copy."
    return {
        "versions": versions(evaluation.overall, evaluation.kid),
        "gains": histogram(gains, 0.5, "histogram of the gain over grey"),
        "gains_caption": f"Gain over grey in dB: {nearer}",
        "colors": scatter(pairs, "colorfulness of photos"),
        "sources": sources(evaluation) if len(evaluation.sources) > 1 else None,
    }


def _films(evaluation: Evaluation, gallery: Gallery) -> dict[str, Any]:
    return {
        "versions": film_versions(mean_film(evaluation.films)),
        "each": films(evaluation),
        "legend": _LEGEND,
        "shown": [
            (film, strip, _over_time(film, film.flicker, "warp error", 1), _over_time(film, film.colorfulness))
            for film, strip in zip(evaluation.films, gallery.strips, strict=True)
        ],
    }


def _over_time(film: FilmScores, curves: dict[str, Curve], what: str = "colorfulness", first: int = 0) -> str:
    return time_plot({look: curves[look] for look in DRAWN}, film.seconds, f"{what} of {film.name}", first)
