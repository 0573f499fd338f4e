"""Numbered files as one thing: a name with a number in it, and the files of a folder that have such names.

Four ways to mean a sequence: ``reel_%06d.dpx``, ``reel_[000001-004312].dpx``, a pattern like ``reel_*.dpx``, and a
folder that holds nothing but one.
"""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import NoReturn

from vidcolor.errors import InputError, OutputError, reading
from vidcolor.files import MARK, PHOTOS, has_suffix, is_hidden

FEWEST = 12  # numbered pictures that are a film in a folder; of DPX and EXR, which nobody takes photographs in, two
_FRAMES_BY_NATURE = frozenset({".dpx", ".exr"})
_FRAMES = _FRAMES_BY_NATURE | {".tif", ".tiff", ".png"}  # in folders: numbered JPEG files are what cameras write
_PRINTF = re.compile(r"%0?(\d*)d")
_RANGE = re.compile(r"\[(\d+)-(\d+)\]")
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)
_MOST_DIGITS = 18
_MADE = re.compile(rf".*(\.shots(-\d+)?\.jpg|{re.escape(MARK)}\.\w+)")  # pictures of shots, colored photographs


@dataclass(frozen=True)
class Numbered:
    """A name with a number in it.

    Attributes:
        folder: Where the files are.
        before, after: What stands before and behind the number, the suffix included.
        digits: How many the number has at least; zeros fill it up.
    """

    folder: Path
    before: str
    after: str
    digits: int

    def path(self, number: int) -> Path:
        """Return the file of a number."""
        return self.folder / f"{self.before}{number:0{self.digits}d}{self.after}"

    def number(self, name: str) -> int | None:
        """Return the number in a file's name; None when it is not such a name."""
        middle = name[len(self.before) : len(name) - len(self.after)]
        fits = name.startswith(self.before) and name.endswith(self.after) and middle.isascii() and middle.isdecimal()
        if not fits or len(middle) > _MOST_DIGITS or len(middle) < self.digits:
            return None
        return None if len(middle) > self.digits and middle.startswith("0") and self.digits else int(middle)

    @property
    def title(self) -> str:
        """Return what remains of the name without the number: reel1 of reel1_%06d.dpx; else the folder's name."""
        return self.before.strip(" _.-") or self.folder.absolute().name or "film"

    @property
    def suffix(self) -> str:
        """Return the suffix of the files, with its dot."""
        return Path(self.after or ".").suffix or Path(f"x{self.after}").suffix

    def __str__(self) -> str:
        return str(self.folder / f"{self.before}%0{self.digits}d{self.after}")


@dataclass(frozen=True)
class Sequence:
    """The frames of a film, a file each.

    Attributes:
        name: What their names have in common.
        numbers: Those that are there, rising.
        last: The last number that is meant: with ``first`` it bounds what must be there.
        first: The first number that is meant.
        is_whole: No other files have such names.
        guessed: Nobody has named them as frames: they are pictures of a folder that have numbers.
    """

    name: Numbered
    numbers: tuple[int, ...]
    first: int
    last: int
    is_whole: bool = True
    guessed: bool = False

    def __len__(self) -> int:
        return len(self.numbers)

    def __str__(self) -> str:
        """Return a text that means just these frames."""
        return str(self.name) if self.is_whole else str(self.name.folder / self._range(self.first, self.last))

    def _range(self, first: int, last: int) -> str:
        start, end = (f"{number:0{self.name.digits}d}" for number in (first, last))
        return f"{self.name.before}[{start}-{end}]{self.name.after}"

    @property
    def paths(self) -> list[Path]:
        """Return the files in the order of their numbers."""
        return [self.name.path(number) for number in self.numbers]

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Return the numbers that are missing, as pairs of the first and last of each hole."""
        edges = [self.first - 1, *self.numbers, self.last + 1]
        return [(a + 1, b - 1) for a, b in pairwise(edges) if b > a + 1]

    def refuse_gaps(self) -> None:
        """Refuse a sequence with holes: its frames would move in time against the sound.

        Raises:
            InputError: it has holes; their numbers are named.
        """
        if not self.gaps:
            return
        holes = [str(a) if a == b else f"{a} to {b}" for a, b in self.gaps]
        missing = sum(b - a + 1 for a, b in self.gaps)
        told = ", ".join(holes[:5]) + (f" and {len(holes) - 5} more holes" if len(holes) > 5 else "")
        why = f"{missing} of its frames are missing: {told}"
        whole = max(self._whole_stretches(), key=lambda pair: pair[1] - pair[0])
        stretch = self._range(*whole)
        raise InputError(f"cannot open {self}", why, f"Put them there, or name a whole stretch: {stretch}")

    def _whole_stretches(self) -> list[tuple[int, int]]:
        runs = groupby(enumerate(self.numbers), key=lambda pair: pair[1] - pair[0])
        stretches = [[number for _, number in run] for _, run in runs]
        return [(stretch[0], stretch[-1]) for stretch in stretches]


def parse_numbered(path: Path | str) -> Numbered | None:
    """Return the name with a number that a text like ``out/reel_%06d.dpx`` means; None when it has none.

    Raises:
        OutputError: it has several numbers, or one in a folder's name.
    """
    path = Path(path)
    found = list(_PRINTF.finditer(path.name))
    if any(_PRINTF.search(part) for part in path.parent.parts) or len(found) > 1:
        raise OutputError(f"cannot write {path}", "a sequence has one number, in the file's name", "Use one like %06d")
    if not found:
        return None
    return Numbered(path.parent, path.name[: found[0].start()], path.name[found[0].end() :], int(found[0][1] or 0))


def find_sequence(text: Path | str) -> Sequence | None:
    """Return the sequence that a path, a pattern or a folder means; None when it means something else.

    Raises:
        InputError: no frame has such a name, or a folder holds the frames of several films.
    """
    found = find_sequences(text)
    if len(found) > 1:
        refuse_several(found, text)
    return found[0] if found else None


def find_sequences(text: Path | str) -> list[Sequence]:
    """Return the sequences that a path, a pattern or a folder may mean; none when it means something else.

    A folder or a ``*`` pattern means some when all of its pictures are the frames of films: numbered DPX or EXR, or at
    least ``FEWEST`` numbered TIFF or PNG files each. Anything else there is a collection of photographs.

    Raises:
        InputError: no frame has such a name.
    """
    path = Path(text)
    with reading(path):
        if path.is_file():
            return []
        if path.is_dir():
            return _together([file for file in path.iterdir() if not is_hidden(file, path) and file.is_file()])
        if has_suffix(path, PHOTOS):
            bounds = _RANGE.search(path.name)
            if bounds and len(bounds[0]) > len("[1-9]"):  # which is a pattern
                return [_within(path, bounds)]
            if _PRINTF.search(path.name) and (name := parse_numbered(path)):
                return [_of_name(name, path)]
        if glob.has_magic(str(path)):
            found = _together([Path(found) for found in glob.glob(str(path)) if Path(found).is_file()])
            return [replace(one, is_whole=one.numbers == _of_name(one.name, path).numbers) for one in found]
    return []


def refuse_several(found: list[Sequence], path: Path | str) -> NoReturn:
    """Refuse a folder or a pattern that means the frames of several films.

    Raises:
        InputError: with the names of some.
    """
    names = " and ".join(f"{one.name.path(one.first).name} ({len(one)} frames)" for one in found[:3])
    why = f"it holds {len(found)} sequences: {names}"
    raise InputError(f"cannot open {path}", why, f"Name the one that is meant, as {found[0].name}")


def _of_name(name: Numbered, path: Path) -> Sequence:
    if not name.folder.is_dir():
        raise InputError(f"cannot open {path}", "no such folder", "Check the path")
    numbers = sorted(number for file in name.folder.iterdir() if (number := name.number(file.name)) is not None)
    if not numbers:
        raise InputError(f"cannot open {path}", "no frame has such a name", "Check the name and its digits")
    return Sequence(name, tuple(numbers), numbers[0], numbers[-1])


def _within(path: Path, bounds: re.Match[str]) -> Sequence:
    first, last = int(bounds[1]), int(bounds[2])
    digits = len(bounds[1]) if len(bounds[1]) == len(bounds[2]) or bounds[1].startswith("0") else 0
    name = Numbered(path.parent, path.name[: bounds.start()], path.name[bounds.end() :], digits)
    if last < first:
        raise InputError(f"cannot open {path}", "its last number comes before its first", "Exchange them")
    whole = _of_name(name, path)
    numbers = tuple(number for number in whole.numbers if first <= number <= last)
    if not numbers:
        raise InputError(
            f"cannot open {path}", "no frame has a number in this range", f"There are {whole.first} to {whole.last}"
        )
    return replace(whole, numbers=numbers, first=first, last=last, is_whole=numbers == whole.numbers)


def _together(files: list[Path]) -> list[Sequence]:
    """Return the sequences that make up all pictures among some files; none when they are something else."""
    pictures = [file for file in files if has_suffix(file, PHOTOS) and not _MADE.fullmatch(file.name)]
    if not pictures or not all(has_suffix(file, _FRAMES) for file in pictures):
        return []
    by_nature = all(has_suffix(file, _FRAMES_BY_NATURE) for file in pictures)
    found = _grouped(pictures)
    if any(len(one) < (2 if by_nature else FEWEST) for one in found):
        return []
    return [replace(one, guessed=not by_nature) for one in found]


def _grouped(files: list[Path]) -> list[Sequence]:
    """Return the sequences that files belong to; none when one of them has no number."""
    groups: dict[tuple[Path, str, str], list[str]] = {}
    for file in files:
        parts = _NUMBERED.fullmatch(file.stem)
        if not parts or len(parts[2]) > _MOST_DIGITS:
            return []
        groups.setdefault((file.parent, parts[1], parts[3] + file.suffix), []).append(parts[2])
    found = []
    for (folder, before, after), texts in sorted(groups.items()):
        if any(text.startswith("0") and len(text) > min(map(len, texts)) for text in texts):
            return []  # 001 beside 0001: no one name gives both
        name = Numbered(folder, before, after, min(map(len, texts)))
        numbers = sorted({int(text) for text in texts})
        found.append(Sequence(name, tuple(numbers), numbers[0], numbers[-1]))
    return found
