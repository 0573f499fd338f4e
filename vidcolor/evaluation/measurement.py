"""Evaluation from beginning to end: data and a model in, scores out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from vidcolor.data.photos import BrokenPhotos, search_photos, spread
from vidcolor.errors import DataError, InputError
from vidcolor.evaluation.film_scores import FilmMeasures, FilmScores, mean_film
from vidcolor.evaluation.films import evaluate_film
from vidcolor.evaluation.gallery import Gallery
from vidcolor.evaluation.kid import Kid, KidMeter
from vidcolor.evaluation.photos import PhotoScores, evaluate_photos
from vidcolor.evaluation.pictures import Degradation, Setup
from vidcolor.evaluation.scores import Comparison, mean_comparison
from vidcolor.files import COLOR_FILMS, PHOTOS, SHARDS, has_suffix, named_files
from vidcolor.film.reader import probe
from vidcolor.film.sequences.reading import is_sequence
from vidcolor.network.checkpoint import load_model
from vidcolor.network.device import choose_device, choose_precision
from vidcolor.network.hints import no_hints
from vidcolor.network.predictor import Predictor
from vidcolor.settings import EvaluateSettings, RunSettings, ShotSettings


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and with what.

    Attributes:
        sha256: Of the checkpoint.
        calibrated: The strength of colors was the one stored in the checkpoint, not the network's own.
        saturation: The factor on it.
        photo_size, film_size: Short side of the network's picture.
        hints: Points of each photo, and of each film's first frame, whose true color was told.
        reference: What films were told: "first", "middle", or a picture's file.
        kid: How alike colorized and true photos are as sets, if that was asked for.
    """

    model: str
    sha256: str
    calibrated: bool
    saturation: float
    photo_size: int
    film_size: int
    device: str
    precision: str
    degrade: Degradation
    photos: tuple[PhotoScores, ...]
    films: tuple[FilmScores, ...]
    warnings: tuple[str, ...]
    hints: int = 0
    reference: str = ""
    kid: Kid | None = None

    @property
    def overall(self) -> Comparison:
        """Return the means over all photos."""
        return mean_comparison([p.comparison for p in self.photos])

    @property
    def sources(self) -> dict[str, tuple[int, Comparison]]:
        """Return the number of photos in each folder and their means."""
        groups: dict[str, list[Comparison]] = {}
        for photo in self.photos:
            groups.setdefault(photo.source, []).append(photo.comparison)
        return {name: (len(found), mean_comparison(found)) for name, found in sorted(groups.items())}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON has it: the means first, then each file."""
        parts = ("photos", "films", "kid")
        found = {k: v for k, v in asdict(replace(self, photos=(), films=())).items() if k not in parts}
        if self.photos:
            found["photos"] = {
                "count": len(self.photos),
                "overall": _comparison_dict(self.overall),
                "sources": {n: {"count": c, **_comparison_dict(v)} for n, (c, v) in self.sources.items()},
                "files": [
                    {"name": p.name, "source": p.source, "width": p.width, "height": p.height}
                    | _comparison_dict(p.comparison)
                    for p in self.photos
                ],
            }
        if self.kid:
            found["photos"]["kid"] = asdict(self.kid) | _rounded(
                {"colorized": self.kid.colorized, "grey": self.kid.grey}
            )
        if self.films:
            found["films"] = {
                "count": len(self.films),
                "overall": _film_dict(mean_film(self.films)),
                "files": [
                    {"name": f.name, "width": f.width, "height": f.height, "frames": f.frames, "shots": f.shots}
                    | _film_dict(f.scores)
                    for f in self.films
                ],
            }
        return found


def _comparison_dict(value: Comparison) -> dict[str, Any]:
    derived = ("gain", "ab_reduction", "ciede2000_reduction", "colorfulness_ratio")
    numbers: dict[str, Any] = _rounded(asdict(value))
    return {name: _rounded(getattr(value, name)) for name in derived} | numbers


def _film_dict(value: FilmMeasures) -> dict[str, Any]:
    return (
        _comparison_dict(value.comparison)
        | {"unsmoothed": _rounded(asdict(value.unsmoothed)), "averaged": _rounded(asdict(value.averaged))}
        | ({"carried": _rounded(asdict(value.carried))} if value.carried else {})
        | {"steadiness": _rounded({look: asdict(s) for look, s in value.steadiness.items()})}
        | {"steadiness_ratio": _rounded({look: asdict(s) for look, s in value.ratios.items()})}
        | {"excess_removed": _rounded(value.excess_removed)}
    )


def _rounded(value: Any) -> Any:
    """Return numbers with six significant digits; what is not a number is null, as JSON has it."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return float(f"{value:.6g}") if math.isfinite(value) else None


def evaluate(
    data: Sequence[Path | str],
    *,
    settings: EvaluateSettings | None = None,
    run: RunSettings | None = None,
    shot: ShotSettings | None = None,
    gallery: Gallery | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Turn colors grey, colorize them with the code that films go through, and compare with the truth.

    Photos are scored at full size: the predicted ab, enlarged along the edges of the grey picture, on the true L*.
    Films are scored at a short side of at most 256 pixels, in errors and in steadiness.

    Args:
        data: Photos, tar shards of them, color films, folders of all these; image sequences, as a_%06d.png.
        run: The model, where it computes, and its size; shot: how pictures look.
        gallery: Collects pictures for a report.
        progress: Called with photos and frames done, and how many there are.

    Raises:
        VidcolorError: one of its kinds. A film that cannot be read is a warning, unless there is nothing else.
    """
    settings, run, shot = settings or EvaluateSettings(), run or RunSettings(), shot or ShotSettings()
    device, model = choose_device(run.device), load_model(run.model)
    if not settings.calibration:
        model = model.uncalibrated()
    predictor = Predictor(model, device, choose_precision(run.precision, device))
    how = Setup(
        predictor, run.size, shot.saturation, settings.degrade, shot.smooth, run.batch_size, run.looks, settings.hints,
        str(settings.reference),
    )  # fmt: skip
    if (settings.hints or settings.reference) and not predictor.takes_hints:
        raise no_hints(model.name)
    kid = KidMeter(settings.kid, model.config.encoder, device) if settings.kid != "off" else None
    sequences = [path for path in map(Path, data) if not path.is_dir() and is_sequence(path)]
    files = [path for path in map(Path, data) if path not in sequences]
    film_paths = [path for path in named_files(files, COLOR_FILMS) if not has_suffix(path, PHOTOS | SHARDS)]
    film_paths += sequences
    photos = spread(search_photos(files), settings.limit)
    if not photos and not film_paths:
        names = ", ".join(map(str, data))
        raise DataError(f"nothing to evaluate in {names}", "neither photos nor films were found", "Check the path")
    if settings.reference and not film_paths:
        raise DataError("cannot use --reference", "references are for films, and none was named", "Leave it out")
    if (settings.hints or settings.reference) and film_paths and settings.degrade != "none":
        why = "what is known of a film is told of clean frames"
        raise DataError(f"cannot age {film_paths[0]}", why, "Leave out --degrade, or --hints and --reference")
    if kid and len(photos) < 2:
        why = "it compares sets, and these have fewer than two photos"
        raise DataError("cannot measure KID", why, "Name more photos, or leave out --kid")
    broken = BrokenPhotos(len(photos))
    scores, film_scores = [], []
    failures: dict[Path, InputError] = {}
    total = len(photos)
    for path in film_paths:
        try:
            declared = probe(path, fps=run.rate).frames
            total += min(declared, settings.limit) if settings.limit else declared
        except InputError as error:
            failures[path] = error
    done = count(1)

    def step() -> None:
        progress(next(done), total)

    for photo, pictures in evaluate_photos(photos, how, broken):
        scores.append(photo)
        if gallery:
            gallery.add_photo(photo, pictures)
        if kid:
            kid.push(pictures)
        step()
    for path in film_paths:
        if path in failures:
            continue
        try:
            film, strip = evaluate_film(path, how, settings.limit, step, run=run)
        except InputError as error:
            failures[path] = error
            continue
        film_scores.append(film)
        if gallery:
            gallery.add_film(strip)
    if failures and not (scores or film_scores):
        raise next(iter(failures.values()))
    warnings = [str(error) for error in failures.values()]
    if predictor.shortage:
        warnings.append(predictor.shortage)
    if broken.names:
        warnings.append(f"{len(broken.names)} of {broken.total} photos do not decode, first: {min(broken.names)}")
    return Evaluation(
        model=model.name,
        sha256=model.sha256,
        calibrated=settings.calibration,
        saturation=shot.saturation,
        photo_size=run.size or model.config.short_side(still=True),
        film_size=run.size or model.config.short_side(still=False),
        device=str(device),
        precision=str(predictor.precision).removeprefix("torch."),
        degrade=settings.degrade,
        photos=tuple(scores),
        films=tuple(film_scores),
        warnings=tuple(warnings),
        hints=settings.hints,
        reference=str(settings.reference),
        kid=kid.result() if kid else None,
    )
