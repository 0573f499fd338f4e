"""Files: what their names tell, which of a folder are meant, and writing that never leaves half of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vidcolor.errors import InputError, writing

MARK = ".color"
"""What stands before the suffix of what was colored."""

FILMS = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".gif", ".ivf", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov"}
    | {".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
"""Suffixes by which films are found in folders. A film named outright may have any."""

COLOR_FILMS = FILMS - {".gif"}
"""The same of films whose colors are worth learning from: the palette of a GIF has 256."""

PHOTOS = frozenset(
    {".avif", ".bmp", ".dpx", ".exr", ".heic", ".heif", ".hif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
"""Suffixes of still pictures, in folders and named outright: to color, to learn from, to measure with."""

RAW_PHOTOS = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw"}
    | {".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Suffixes of the raw pictures of cameras, which are no pictures before they are developed."""

SHARDS = frozenset({".tar"})
"""Suffixes of archives of photos, for training and evaluation."""


def has_suffix(path: Path | str, suffixes: Collection[str]) -> bool:
    """Return whether a name ends in one of the suffixes, in small or capital letters."""
    return Path(path).suffix.lower() in suffixes


def is_photo(path: Path | str) -> bool:
    """Return whether a name is that of a still picture, a camera's raw one among them."""
    return has_suffix(path, PHOTOS | RAW_PHOTOS)


def is_hidden(path: Path, folder: Path) -> bool:
    """Return whether a file, or a folder that it lies in below the given one, is hidden.

    Hidden is what is still being made, and what Macs leave as ._photo.jpg beside every photo.jpg on foreign disks.
    """
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def files_in(folder: Path, suffixes: Collection[str], *, recursive: bool = True) -> list[Path]:
    """Return the files of a folder that have one of the suffixes and are not hidden, sorted by their paths."""
    found = folder.rglob("*") if recursive else folder.glob("*")
    return sorted(p for p in found if has_suffix(p, suffixes) and not is_hidden(p, folder) and p.is_file())


def named_files(paths: Iterable[Path | str], suffixes: Collection[str]) -> list[Path]:
    """Return the files named, whatever their suffixes, and those in the folders named, at any depth; each once.

    Raises:
        InputError: a path is absent.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += files_in(path, suffixes)
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"cannot open {path}", "no such file or folder", "Check the path")
    return list(dict.fromkeys(found))


def part_of(path: Path) -> Path:
    """Return the hidden name beside a file under which it is written, with the same suffix."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def written_through(path: Path) -> Path:
    """Return the file that is really written: where a symbolic link leads, so that the link stays."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def publish(part: Path, path: Path, sealed: Callable[[Path], None] = lambda part: None) -> None:
    """Bring a finished file to the disk, and give it its name in one step.

    Args:
        sealed: Called with the file in between.

    Raises:
        OSError: a full disk may show only here.
    """
    with open(part, "r+b") as file:
        os.fsync(file.fileno())
    sealed(part)
    os.replace(part, path)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Write a file so that others see the old one or the whole new one, and never a part.

    Yields:
        The name to write to in the block. When the block ends well, the file gets its own name; when it ends with an
        error, nothing of it stays, and an older file is still there.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    target = written_through(path)
    part = part_of(target)
    try:
        with writing(path):
            yield part
            publish(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
