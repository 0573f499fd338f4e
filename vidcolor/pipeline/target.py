"""Where colors go: the usual names, and what is refused before any work is done."""

from __future__ import annotations

from pathlib import Path

from vidcolor.errors import OutputError
from vidcolor.film.codecs import CONTAINERS
from vidcolor.film.streams import fullest_suffix

MARK = ".color"  # before the suffix of what was colored


def default_output(source: Path, folder: Path | None = None) -> Path:
    """Return film.color.mp4 for film.mp4; for what cannot be written, in the container that keeps most of it.

    Raises:
        InputError: the source cannot be opened.
    """
    suffix = ".mp4" if source.suffix.lower() == ".gif" else source.suffix
    if suffix.lower() not in CONTAINERS:
        suffix = fullest_suffix(source)
    return marked(source, folder, suffix)


def marked(source: Path, folder: Path | None, suffix: str) -> Path:
    """Return the name that tells that a file was colored: in a folder, or beside the source."""
    return (folder or source.parent) / f"{source.stem}{MARK}{suffix}"


def excerpt(target: Path, only: str) -> Path:
    """Return the name of a film of some shots alone: film.12,15-17.color.mp4 for film.color.mp4."""
    if not only:
        return target
    stem = target.stem.removesuffix(MARK)
    return target.with_name(f"{stem}.{''.join(only.split())}{MARK}{target.suffix}")


def check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse a target that would lose something, before any work is done.

    Raises:
        OutputError: it is the source, a folder, or in none, or it exists and is not to be replaced.
    """
    what = f"cannot write {target}"
    if target.exists() and source.exists() and target.samefile(source):
        raise OutputError(what, "it is the input itself", "Choose another name with -o")
    if target.is_dir():
        raise OutputError(what, "it is a folder", "Name a file")
    if target.exists() and not overwrite:
        raise OutputError(what, "it exists", "Use -y to overwrite it, or choose another name with -o")
    if not target.parent.is_dir():
        raise OutputError(what, f"there is no folder {target.parent}", "Create it first")
