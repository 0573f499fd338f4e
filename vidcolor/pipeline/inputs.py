"""Which files of folders and patterns are taken, and which are not: these are counted, and named by their kinds."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from vidcolor.errors import InputError
from vidcolor.files import FILMS, MARK, PHOTOS, RAW_PHOTOS, files_in, has_suffix, is_hidden, is_photo
from vidcolor.film.containers.container import ADDRESS
from vidcolor.film.containers.pipe import is_pipe
from vidcolor.film.images.reading import is_picture
from vidcolor.film.sequences.reading import is_sequence, sequence_at


def are_several(paths: Sequence[Path]) -> bool:
    """Return whether more than one thing may be meant: several paths, a folder or a pattern.

    A folder or pattern whose pictures are the frames of one film means one, if there is nothing else.

    Raises:
        InputError: a folder or pattern means several image sequences.
    """
    if len(paths) > 1:
        return True
    (path,) = paths
    if path.is_dir():
        return bool(files_in(path, FILMS, recursive=False)) or not is_sequence(path)
    return _is_pattern(path) and not is_sequence(path)


def is_photograph(path: Path) -> bool:
    """Return whether a path means a single still picture, and not a film whose frames are pictures."""
    return is_picture(path) and not is_sequence(path)


def _is_pattern(path: Path) -> bool:
    return not path.exists() and glob.has_magic(str(path)) and not ADDRESS.match(str(path))


def find_inputs(paths: Sequence[Path], *, recursive: bool = False) -> list[tuple[Path, Path]]:
    """Return the files meant by files, folders and patterns, each with the folder that it was found from.

    Folders give their films, photographs and image sequences in the order of their names, but neither hidden files nor
    what was colored before; ``passed_over`` tells of the rest.

    Raises:
        InputError: a folder or pattern holds none, or several image sequences, or one is a pipe.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if is_pipe(path):
            why = "a pipe is read once, for one film"
            raise InputError(f"cannot open {path}", why, "Name it alone, and without --dry-run")
        if path.is_dir():
            inside = files_in(path, FILMS | PHOTOS, recursive=recursive)
            files = [(file, path) for file in _with_sequences([each for each in inside if not _is_colored(each)])]
            if not files and not recursive and any(p.is_dir() for p in path.iterdir()):
                raise InputError(f"cannot open {path}", "it holds no film or photograph", "Use -r for its folders")
        elif sequence := sequence_at(path):
            sequence.refuse_gaps()
            files = [(Path(str(sequence)), path.parent)]
        elif _is_pattern(path):
            files = [(file, file.parent) for file in _matching(path) if not _kind(file, file.parent) and file.is_file()]
        else:
            files = [(path, path.parent)]
        if not files:
            others = "; ".join(passed_over([path], recursive=recursive)).partition(": ")[2]
            why = f"it holds no film or photograph{f', but {others}' if others else ''}"
            raise InputError(f"cannot open {path}", why, "Check the path, or name a file outright")
        found += files
    # By their places: a file may be found in a folder and named outright, or by two ways of writing its path.
    unique: dict[str, tuple[Path, Path]] = {}
    for file, root in found:
        unique.setdefault(os.path.abspath(file), (file, root))
    return list(unique.values())


def _with_sequences(files: list[Path]) -> list[Path]:
    """Return the files of folders with an image sequence in the place of its frames."""
    sequences = {home: sequence_at(home) for home in dict.fromkeys(file.parent for file in files if is_photo(file))}
    named = (sequences.get(file.parent) if is_photo(file) else None for file in files)
    return list(dict.fromkeys(Path(str(one)) if one else file for file, one in zip(files, named, strict=True)))


def passed_over(paths: Sequence[Path], *, recursive: bool = False) -> list[str]:
    """Return a line for each folder and pattern that has files which find_inputs does not take: how many of what kind.

    Args:
        recursive: Folders at any depth are looked at; without it, they are counted.
    """
    lines = []
    for path in paths:
        kinds = Counter(_kinds(path, recursive))
        if kinds:
            total = sum(kinds.values())
            told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
            lines.append(f"{path}: {total} file{'s' * (total != 1)} passed over: {told}")
    return lines


def _kinds(path: Path, recursive: bool) -> Iterator[str]:
    """Yield the kind of each file that is not taken."""
    if path.is_dir():
        for file in path.rglob("*") if recursive else path.glob("*"):
            if not file.is_dir():
                yield from _named(file, path)
            elif not recursive and not is_hidden(file, path):
                inside = sum(not each.is_dir() for each in file.rglob("*"))
                yield from ["in folders (-r looks there)"] * inside
    elif _is_pattern(path):
        for file in _matching(path):
            if not file.is_dir():
                yield from _named(file, file.parent)


def _named(file: Path, root: Path) -> list[str]:
    kind = _kind(file, root) or ("" if file.is_file() else "that is no regular file")
    return [kind] if kind else []


def _kind(file: Path, root: Path) -> str:
    """Return why a file that was found is not taken; "" when it is."""
    if is_hidden(file, root):
        return "hidden"
    if has_suffix(file, RAW_PHOTOS):
        return f"{file.suffix.lower()} (raw picture of a camera)"
    if not has_suffix(file, FILMS | PHOTOS):
        return file.suffix.lower() or "without a suffix"
    return "colored before" if _is_colored(file) else ""


def _matching(pattern: Path) -> list[Path]:
    return [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]


def _is_colored(file: Path) -> bool:
    return file.stem.endswith(MARK)
