"""Where colors go: the usual names, and what is refused before any work is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vidcolor.errors import OutputError
from vidcolor.files import MARK
from vidcolor.film.containers.pipe import SUFFIXES, is_pipe
from vidcolor.film.encoding.codecs import CONTAINERS
from vidcolor.film.frame import VideoInfo
from vidcolor.film.images.writing import suffix_for
from vidcolor.film.sequences.reading import sequence_at
from vidcolor.film.streams.trial import fullest_suffix

PIPE_NAME = "stdout"  # before the suffix of what goes to stdout, which only tells its container


def default_output(source: Path, folder: Path | None = None) -> Path:
    """Return film.color.mp4 for film.mp4; for what cannot be written, in the container that keeps most of it.

    Frames that are numbered files keep their names, in a folder beside theirs: scan.color/reel_%06d.dpx.

    Raises:
        InputError: the source cannot be opened; OutputError: it is a pipe, which has no name.
    """
    if is_pipe(source):
        raise OutputError(f"cannot name the output of {source}", "a pipe has no name", "Name a file, or -, with -o")
    if sequence := sequence_at(source):
        home = sequence.name.folder
        home = home if home.name else home.absolute()
        name = replace(sequence.name, folder=folder or home.with_name(f"{home.name}{MARK}"))
        return Path(str(name)).with_suffix(suffix_for(sequence.name.path(0)))
    suffix = ".mp4" if source.suffix.lower() == ".gif" else source.suffix
    kind = CONTAINERS.get(suffix.lower())
    if kind is None or not kind.takes_most:
        suffix = fullest_suffix(source)
    return marked(source, folder, suffix)


def name_of_stdout(wanted: str, info: VideoInfo) -> Path:
    """Return a name for what goes to stdout, whose suffix tells the container.

    Args:
        wanted: "nut", "y4m" or "auto", which is that of the source where a pipe can hold it, and else NUT.
    """
    suffix = SUFFIXES.get(info.container, ".nut") if wanted == "auto" else f".{wanted}"
    return Path(f"{PIPE_NAME}{suffix}")


def marked(source: Path, folder: Path | None, suffix: str) -> Path:
    """Return the name that tells that a file was colored: in a folder, or beside the source."""
    return (folder or source.parent) / f"{source.stem}{MARK}{suffix}"


def excerpt(target: Path, only: str) -> Path:
    """Return the name of a film of some shots alone: film.12,15-17.color.mp4 for film.color.mp4."""
    if not only or "%" in target.name:
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
