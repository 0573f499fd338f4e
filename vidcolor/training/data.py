"""What a run learns from and is validated on: photos, and frames of films that are extracted in passing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from vidcolor.data.extraction import extract_once
from vidcolor.data.photos import Photo, find_photos, search_photos, split_photos
from vidcolor.errors import DataError, InputError
from vidcolor.files import COLOR_FILMS, PHOTOS, SHARDS, has_suffix, named_files
from vidcolor.settings import ExtractSettings

FOOTAGE = "footage"  # in the run's folder: frames of the films among its data
FOOTAGE_VAL = "footage-val"  # frames of films named for validation


def gather(
    data: Sequence[Path | str],
    val: Sequence[Path | str],
    folder: Path,
    *,
    share: float,
    seed: int,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[list[Photo], list[Photo]]:
    """Return the photos to train on, and the photos to validate on.

    Films are extracted into the run's folder once. Frames that extraction held out are validated on, never trained on,
    also when a folder of extracted frames is named. Of plain photos a share is held out if ``val`` is empty.

    Args:
        data, val: Folders of photos and films, photos, tar shards, films.

    Raises:
        DataError: nothing to train on, or films without color; InputError: a path is absent, or no film can be read.
    """
    for path in map(Path, (*data, *val)):
        if path.is_dir() and folder.resolve().is_relative_to(path.resolve()):
            why = f"it lies in {path}, whose pictures are the data"
            raise DataError(f"cannot train into {folder}", why, "Choose another folder with -o")
    photos = _photos(data, folder / FOOTAGE, ExtractSettings(), report)
    trained = [p for p in photos if p.split != "val"]
    if val:
        held_out = _photos(val, folder / FOOTAGE_VAL, ExtractSettings(val_share=0), report)
        if shared := len(set(held_out).intersection(trained)):
            report(f"warning: {shared} photos are trained on and validated on: they tell nothing about others")
        return trained, held_out
    plain = [p for p in trained if not p.split]
    footage, held_out = [p for p in trained if p.split], [p for p in photos if p.split == "val"]
    if plain:
        plain, more = split_photos(plain, share, seed)
        return [*plain, *footage], [*held_out, *more]
    if not held_out:
        report("the footage holds nothing out: validating on other frames of the shots that are trained on")
        return split_photos(footage, share, seed)
    return footage, held_out


def _photos(
    paths: Sequence[Path | str], footage: Path, settings: ExtractSettings, report: Callable[[str], None]
) -> list[Photo]:
    photos = search_photos(paths)
    films = [file for file in named_files(paths, COLOR_FILMS) if not has_suffix(file, PHOTOS | SHARDS)]
    if films:
        footage.parent.mkdir(parents=True, exist_ok=True)
        first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
        tell = report if first else lambda line: None
        try:
            extract_once(films, footage, settings=settings, report=tell, wait=not first)
            photos += find_photos([footage])
        except (InputError, DataError) as error:
            if not photos:
                raise
            tell(f"warning: {error}")  # old film among photos does no harm
    if not photos:
        suffixes = " ".join(sorted(PHOTOS | SHARDS | COLOR_FILMS))
        reason = "neither pictures nor tar shards nor films were found"
        raise DataError(f"no photos in {', '.join(map(str, paths))}", reason, f"Supported: {suffixes}")
    return photos
