"""The verb: films and photographs in, one picture out that shows what they will look like, grey beside color."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.errors import InputError, VidcolorError
from vidcolor.film.images.image import Image
from vidcolor.film.images.writing import check_format, write_image
from vidcolor.film.reader import open_film
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.inputs import are_several, find_inputs, is_photograph
from vidcolor.pipeline.preview.samples import Choice, samples_of_shots, samples_of_times, shots_of
from vidcolor.pipeline.preview.stills import FilmStills, Prepared, photograph_stills
from vidcolor.pipeline.preview.variants import Variant, variants_of
from vidcolor.pipeline.target import check_target
from vidcolor.report.sheet import WIDE, Strip, strips_sheet
from vidcolor.settings import RunSettings, ShotSettings

PHOTOGRAPHS = 200  # on one sheet at most
_WHOLE = 1 << 20  # pixels: no picture is as wide

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Preview:
    """A picture that has been written.

    Attributes:
        output: The picture.
        pictures: How many frames and photographs it shows.
        failed: What could not be shown, a line each.
        notes: What is good to know about the rest.
    """

    output: Path
    pictures: int
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def default_preview(source: Path) -> Path:
    """Return the name of a preview: film.preview.png beside film.mp4."""
    return source.with_name(f"{source.name if source.is_dir() else source.stem}.preview.png")


def preview(
    sources: Sequence[Path] | Path,
    output: Path | None = None,
    *,
    choice: Choice | None = None,
    compare: str = "",
    recursive: bool = False,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    progress: Progress = lambda done, total: None,
) -> Preview:
    """Write a picture of the kind that its suffix says.

    A single photograph, or a single time of a film, is shown at its own size, grey on the left and colored on the
    right. All else becomes a sheet: grey beside color, with the numbers of shots and their times.

    Args:
        output: By default beside the source, with ``.preview.png`` for its suffix.
        choice: Which frames of films are shown.
        compare: A setting and values of it, as in saturation=0.8,1,1.2, side by side.
        recursive: Folders at any depth.
        settings: Of the run, as for the whole film; shot: how it looks.
        progress: Called with frames done and frames expected (0: unknown), while shots are looked for.

    Raises:
        VidcolorError: nothing can be shown, or the picture cannot be written.
    """
    paths = [sources] if isinstance(sources, Path) else list(sources)
    found = [path for path, _ in find_inputs(paths, recursive=recursive)] if are_several(paths) else paths
    output = output or default_preview(paths[0])
    for path in found:
        check_target(path, output, overwrite)
    check_format(output)
    settings, choice = settings or RunSettings(), choice or Choice()
    making = _Making(output, choice, variants_of(compare, settings, shot or ShotSettings()), _predictors(), progress)
    if len(found) == 1 and not compare and (is_photograph(found[0]) or (len(choice.at) == 1)):
        (pictures,) = making.pictures(found[0], _WHOLE)
        write_image(output, Image(np.concatenate([picture for picture, _ in pictures], axis=1), 8))
        return Preview(output, 1)
    return making.sheet(found)


def _predictors() -> Prepared:
    """Return what gives predictors, each loaded once."""

    @cache
    def loaded(model: str | Path, device: str, precision: str) -> Predictor:
        return Predictor.load(RunSettings(model=model, device=device, precision=precision))  # type: ignore[arg-type]

    return lambda settings: loaded(settings.model, settings.device, settings.precision)


@dataclass
class _Making:
    """A picture in the making."""

    output: Path
    choice: Choice
    variants: Sequence[Variant]
    prepared: Prepared
    progress: Progress
    failed: list[str] = field(default_factory=list)
    shots: int = 0  # of the film that is shown

    def sheet(self, sources: Sequence[Path]) -> Preview:
        """Write a sheet with a section for each film, and one for photographs that follow each other."""
        photographs = [path for path in sources if is_photograph(path)]
        left_out = set(photographs[PHOTOGRAPHS:])
        sections: list[tuple[str, list[Strip]]] = []
        last = None
        for path in (path for path in sources if path not in left_out):
            try:
                strips = list(self.pictures(path, WIDE))
            except VidcolorError as error:
                if len(sources) == 1:
                    raise
                self.failed.append(str(error))
                continue
            if path in photographs and last == "photographs":
                sections[-1][1].extend(strips)
            else:
                sections.append((self._title(path, len(strips)), strips))
            last = "photographs" if path in photographs else path.name
        if not sections:
            raise InputError("cannot make a sheet", self.failed[0], "Name other films or photographs")
        write_image(self.output, Image(strips_sheet(sections), 8))
        notes = [f"{len(left_out)} of {len(photographs)} photographs are left out"] if left_out else []
        count = sum(len(strips) for _, strips in sections)
        return Preview(self.output, count, tuple(self.failed), tuple(notes))

    def _title(self, path: Path, count: int) -> str:
        if is_photograph(path):
            return "Photographs"
        if self.choice.by_time:
            return path.name
        return f"{path.name}: {count} of {self.shots} shots" if count < self.shots else f"{path.name}: all shots"

    def pictures(self, source: Path, side: int) -> Iterator[Strip]:
        """Yield what is shown of a film or photograph, with a long side of at most ``side``."""
        if is_photograph(source):
            yield self._captioned(self._photograph(source), source.name)
            return
        settings = self.variants[0].settings
        with open_film(source, settings) as video:
            shots = None
            if not settings.shots and not self.choice.by_time:
                shots = shots_of(video, settings, self.progress)
            stills = FilmStills(video, self.variants, self.prepared, shots)
            self.shots = len(stills.grading.shots.shots) if stills.grading.shots else 0
            for sample in (
                samples_of_times(video, settings, stills.grading, self.choice)
                if self.choice.by_time
                else samples_of_shots(video, stills.grading, self.choice.most)
            ):
                yield self._captioned(stills.pictures(sample, side), sample.caption)

    def _photograph(self, source: Path) -> list[RgbImage]:
        if self.choice.at:
            raise InputError(f"cannot preview {source} at a time", "it is a photograph", "Leave out --at")
        return photograph_stills(source, self.output, self.variants, self.prepared)

    def _captioned(self, pictures: Sequence[RgbImage], caption: str) -> Strip:
        return list(zip(pictures, [caption, *(each.name for each in self.variants)], strict=True))
