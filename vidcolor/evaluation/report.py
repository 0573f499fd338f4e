"""The report: one HTML page that holds all it shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from vidcolor.errors import writing
from vidcolor.evaluation.films import LOOKS, FilmScores, mean_film
from vidcolor.evaluation.gallery import Album, Plate, Strip
from vidcolor.evaluation.measurement import Evaluation
from vidcolor.evaluation.tables import film_looks, films, heading, looks, shown, sources
from vidcolor.files import replaced
from vidcolor.report.plots import histogram, scatter, time_plot

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
assert set(_LEGEND) == set(DRAWN) == set(LOOKS)


def prepare_report(folder: Path) -> None:
    """Make the folder of a report, before hours of work go into it.

    Raises:
        OutputError: it cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_report(folder: Path, evaluation: Evaluation, album: Album) -> Path:
    """Write the page into a folder, in place of an earlier one.

    Returns:
        The page.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = folder / PAGE
    with replaced(path) as part:
        part.write_text(render(evaluation, album), encoding="utf-8")
    return path


def render(evaluation: Evaluation, album: Album) -> str:
    """The page's text."""
    style = files("vidcolor.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    sections = [_photos(evaluation, album)] if evaluation.photos else []
    sections += [_films(evaluation, album)] if evaluation.films else []
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>vidcolor: {escape(evaluation.model)} evaluated</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(evaluation.model)}, evaluated</h1>\n<p>{escape(heading(evaluation))}</p>\n"
        f"{_cards(evaluation)}</header>\n<main>\n{''.join(sections)}{_notes(evaluation)}</main>\n</body>\n</html>\n"
    )


def _cards(evaluation: Evaluation) -> str:
    """The numbers to look at first."""
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
    items = "".join(f"<div><dd>{escape(number)}</dd><dt>{escape(text)}</dt></div>\n" for number, text in cards)
    return f'<dl class="cards">\n{items}</dl>\n'


def _photos(evaluation: Evaluation, album: Album) -> str:
    gains = [photo.comparison.gain for photo in evaluation.photos]
    better = sum(gain > 0 for gain in gains) / len(gains)
    gained = histogram(gains, 0.5, "histogram of the gain over grey")
    thinned = evaluation.photos[:: 1 + len(evaluation.photos) // MOST_POINTS]
    pairs = [(p.comparison.truth.colorfulness, p.comparison.colorized.colorfulness) for p in thinned]
    parts = [
        '<section id="photos">\n<h2>Photos</h2>\n',
        looks(evaluation.overall).html("looks"),
        f'<div class="plots">\n<figure>\n{gained}<figcaption>Gain over grey in dB: {better:.0%} of {len(gains)} photos '
        "are nearer to the truth than their grey copy.</figcaption>\n</figure>\n"
        f"<figure>\n{scatter(pairs, 'colorfulness of photos')}<figcaption>Colorfulness of each photo, colorized (up) "
        "over true (across); the line is where both are the same.</figcaption>\n</figure>\n</div>\n",
    ]
    if len(evaluation.sources) > 1:
        parts += ["<h3>By source</h3>\n", sources(evaluation).html()]
    parts += [
        _gallery("Best", album.best, "gained most over grey"),
        _gallery("Worst", album.worst, "gained least, or lost to grey"),
    ]
    return "".join([*parts, "</section>\n"])


def _gallery(title: str, plates: Sequence[Plate], why: str) -> str:
    if not plates:
        return ""
    figures = "".join(
        f'<figure class="plate">\n<img src="{plate.image}" width="{plate.width}" height="{plate.height}" '
        f'alt="grey, colorized and true" loading="lazy"><figcaption><b>{escape(plate.name.rpartition(":")[2])}</b> '
        f"CIEDE2000 {plate.comparison.colorized.ciede2000:.1f}, grey {plate.comparison.grey.ciede2000:.1f}; "
        f"{plate.comparison.gain:+.1f} dB</figcaption>\n</figure>\n"
        for plate in plates
    )
    caption = f'<p class="hint">Grey, colorized, truth. These {why}, by CIEDE2000.</p>\n'
    return f'<h3>{title}</h3>\n{caption}<div class="plates">\n{figures}</div>\n'


def _films(evaluation: Evaluation, album: Album) -> str:
    keys = "".join(f'<span class="key {name}">{text}</span>\n' for name, text in _LEGEND.items())
    parts = [
        '<section id="films">\n<h2>Films</h2>\n',
        film_looks(mean_film(evaluation.films)).html("looks"),
        "<h3>By film</h3>\n",
        '<p class="hint">Warp error and CDC as shares of the truth&rsquo;s own.</p>\n',
        films(evaluation).html(),
        f'<p class="legend">{keys}</p>\n',
        *(_film(film, strip) for film, strip in zip(evaluation.films, album.strips, strict=True)),
    ]
    return "".join([*parts, "</section>\n"])


def _film(film: FilmScores, strip: Strip) -> str:
    flicker = time_plot({n: film.flicker[n] for n in DRAWN}, film.seconds, f"warp error of {film.name}", first=1)
    color = time_plot({n: film.colorfulness[n] for n in DRAWN}, film.seconds, f"colorfulness of {film.name}")
    ratios = film.scores.ratios["colorized"]
    return (
        f'<article>\n<h3>{escape(film.name)}</h3>\n<p class="hint">{film.frames} frames, '
        f"{film.shots} {'shot' if film.shots == 1 else 'shots'}. {film.scores.comparison.gain:+.2f} dB over grey, "
        f"{shown(film.scores.comparison.colorfulness_ratio, '.0%')} of the truth&rsquo;s colorfulness, "
        f"{shown(ratios.warp_error, '.2f')} times its warp error, {shown(ratios.cdc, '.2f')} times its CDC.</p>\n"
        f'<figure class="strip">\n<img src="{strip.image}" width="{strip.width}" height="{strip.height}" '
        'loading="lazy" alt="frames in grey, colorized and true">'
        "<figcaption>From the top: grey, colorized, truth.</figcaption>\n"
        f'</figure>\n<div class="plots">\n<figure>\n{flicker}<figcaption>Flicker: warp error from frame to frame'
        f"</figcaption>\n</figure>\n<figure>\n{color}<figcaption>Colorfulness</figcaption>\n</figure>\n</div>\n</article>\n"
    )


def _notes(evaluation: Evaluation) -> str:
    notes = [
        "Pictures were turned grey, colorized by the code of <code>vidcolor colorize</code>, and compared with what "
        "they were: photos at full size with the predicted ab on the true L*, films at a short side of at most 256 "
        "pixels, every fifth frame in color and all of them in steadiness.",
        "<b>PSNR</b> hardly measures color, so it stands beside grey&rsquo;s. <b>CIEDE2000</b> is the mean difference "
        "that an eye sees. <b>ab error</b> is the mean distance in the ab plane of Lab. <b>Colorfulness</b> is Hasler "
        "and S&uuml;sstrunk&rsquo;s, with signed opponent channels; <i>absolute</i> takes their magnitudes first.",
        "<b>Warp error</b> (Lai 2018) and <b>CDC</b> (Liu 2021) reward grey: they are read as shares of the "
        "truth&rsquo;s own, with colorfulness beside them. <b>Sepia</b> is the constant tint nearest to all photos; "
        "the <b>plain average</b> keeps 0.7 of the frames before.",
    ]
    warnings = "".join(f'<p class="warning">{escape(warning)}</p>\n' for warning in evaluation.warnings)
    return (
        '<section id="notes">\n<h2>How to read it</h2>\n'
        + "".join(f"<p>{n}</p>\n" for n in notes)
        + f"{warnings}</section>\n"
    )
