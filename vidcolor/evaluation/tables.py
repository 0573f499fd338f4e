"""Scores as tables: what their rows and columns tell."""

from __future__ import annotations

from vidcolor.evaluation.film_scores import FilmMeasures, mean_film
from vidcolor.evaluation.kid import Kid
from vidcolor.evaluation.measurement import Evaluation
from vidcolor.evaluation.scores import Color, Comparison, Scores, share
from vidcolor.report.tables import Table, shown


def versions(overall: Comparison, kid: Kid | None = None) -> Table:
    """Return a table with a row for each way to color: what was predicted, the baselines, the truth."""
    distances = {"colorized": kid.colorized, "grey": kid.grey} if kid else {}

    def row(name: str, color: Color) -> list[str]:
        if isinstance(color, Scores):
            errors = [
                f"{color.psnr:.2f}",
                f"{color.psnr - overall.grey.psnr:+.2f}",
                shown(color.ssim, ".3f"),
                f"{color.ciede2000:.2f}",
                shown(1 - share(color.ciede2000, overall.grey.ciede2000), ".1%"),
                f"{color.ab_error:.2f}",
                shown(1 - share(color.ab_error, overall.grey.ab_error), ".1%"),
            ]
        else:
            errors = [""] * 7
        signed, absolute = color.colorfulness, color.colorfulness_absolute
        return [
            name,
            *errors,
            f"{signed:.1f}",
            shown(share(signed, overall.truth.colorfulness), ".2f"),
            f"{absolute:.1f}",
            shown(share(absolute, overall.truth.colorfulness_absolute), ".2f"),
            *([shown(distances[name], ".1f") if name in distances else ""] if kid else []),
        ]

    head = (
        "", "PSNR dB", "over grey", "SSIM", "CIEDE2000", "below grey", "ab error", "below grey",
        "colorfulness", "of truth", "absolute", "of truth", *([str(kid)] if kid else []),
    )  # fmt: skip
    colors: dict[str, Color] = {
        "colorized": overall.colorized,
        "sepia": overall.sepia,
        "grey": overall.grey,
        "truth": overall.truth,
    }
    return Table(head, [row(name, color) for name, color in colors.items()])


def sources(evaluation: Evaluation) -> Table:
    """Return a table with a row for each folder."""
    head = ("source", "photos", "PSNR dB", "over grey", "CIEDE2000", "grey's", "ab error", "grey's", "color of truth")
    rows = [
        [
            name,
            str(count),
            f"{c.colorized.psnr:.2f}",
            f"{c.gain:+.2f}",
            f"{c.colorized.ciede2000:.2f}",
            f"{c.grey.ciede2000:.2f}",
            f"{c.colorized.ab_error:.2f}",
            f"{c.grey.ab_error:.2f}",
            shown(c.colorfulness_ratio, ".2f"),
        ]
        for name, (count, c) in evaluation.sources.items()
    ]
    return Table(head, rows)


def film_versions(measures: FilmMeasures) -> Table:
    """Return a table with a row for each way to color a film, means over films."""
    m = measures
    colors: dict[str, Color] = {
        "colorized": m.comparison.colorized,
        "unsmoothed": m.unsmoothed,
        "averaged": m.averaged,
        **({"carried alone": m.carried} if m.carried else {}),
        "sepia": m.comparison.sepia,
        "grey": m.comparison.grey,
        "truth": m.comparison.truth,
    }
    head = (
        "", "PSNR dB", "over grey", "SSIM", "CIEDE2000", "ab error", "colorfulness", "of truth",
        "warp error", "of truth", "CDC", "of truth",
    )  # fmt: skip
    rows = []
    for name, color in colors.items():
        errors = [""] * 5
        if isinstance(color, Scores):
            gain = f"{color.psnr - m.comparison.grey.psnr:+.2f}"
            likeness = shown(color.ssim, ".3f")
            errors = [f"{color.psnr:.2f}", gain, likeness, f"{color.ciede2000:.2f}", f"{color.ab_error:.2f}"]
        of_truth = share(color.colorfulness, m.comparison.truth.colorfulness)
        steady = [""] * 4
        if name in m.steadiness:
            own, ratio = m.steadiness[name], m.ratios[name]
            pairs = ((own.warp_error, ratio.warp_error), (own.cdc, ratio.cdc))
            steady = [text for value, of in pairs for text in (shown(value, ".2e"), shown(of, ".2f"))]
        rows.append([name, *errors, f"{color.colorfulness:.1f}", shown(of_truth, ".2f"), *steady])
    return Table(head, rows)


def films(evaluation: Evaluation) -> Table:
    """Return a table with a row for each film; warp error and CDC are shares of the truth's."""
    head = (
        "film", "frames", "shots", "over grey", "CIEDE2000", "grey's", "color of truth",
        "warp error", "unsmoothed", "averaged", "grey's", "CDC", "unsmoothed", "averaged",
    )  # fmt: skip
    rows = []
    for film in evaluation.films:
        c, ratios = film.scores.comparison, film.scores.ratios
        rows.append(
            [
                film.name,
                str(film.frames),
                str(film.shots),
                f"{c.gain:+.2f}",
                f"{c.colorized.ciede2000:.2f}",
                f"{c.grey.ciede2000:.2f}",
                shown(c.colorfulness_ratio, ".2f"),
                *(shown(ratios[look].warp_error, ".3f") for look in ("colorized", "unsmoothed", "averaged", "grey")),
                *(shown(ratios[look].cdc, ".2f") for look in ("colorized", "unsmoothed", "averaged")),
            ]
        )
    return Table(head, rows)


def heading(evaluation: Evaluation) -> str:
    """Return a line about what was measured, and with what."""
    e = evaluation
    kinds = ((len(e.photos), "photo", e.photo_size), (len(e.films), "film", e.film_size))
    data = [f"{count} {kind}{'s' * (count > 1)} at {size} pixels" for count, kind, size in kinds if count]
    strength = "calibrated" if e.calibrated else "not calibrated"
    if e.saturation != 1:
        strength += f" times {e.saturation:.3g}"
    aged = ", degraded like old film" if e.degrade == "film" else ""
    told = f", {e.hints} true point{'s' * (e.hints > 1)} told of each" if e.hints else ""
    if e.reference:
        frame = e.reference in ("first", "middle")
        told += f", films told the true colors of their {e.reference} frame" if frame else f", told {e.reference}"
    of = " and ".join(data)
    return f"Model {e.model} ({e.sha256[:12]}), {strength}, {e.precision} on {e.device}: {of}{aged}{told}."


def describe(evaluation: Evaluation) -> str:
    """Return the model, the settings and all tables, as Markdown."""
    e = evaluation
    parts = [heading(e)]
    if e.photos:
        parts.append(versions(e.overall, e.kid).markdown())
        if len(e.sources) > 1:
            parts.append(sources(e).markdown())
    if e.films:
        parts += [film_versions(mean_film(e.films)).markdown(), films(e).markdown()]
    return "\n\n".join(parts)
