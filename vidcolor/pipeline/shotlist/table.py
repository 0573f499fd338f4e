"""A list of shots as a table of values (CSV), which any spreadsheet opens.

One row a shot. ``start`` and ``end`` are timecodes, ``start_frame`` and ``end_frame`` the same as numbers from 0 on;
the end is the frame after the last. One of the two may be left empty. An empty cell means: as usual. What spreadsheets
make of such a file is read too: semicolons or tabs between the cells, and then 0,8 for 0.8; any order of the columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from vidcolor.errors import InputError, VidcolorError, reason
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.shotlist.landmark import Landmark
from vidcolor.pipeline.shotlist.shot import CUT, KINDS, Shot, ShotList, Transition, faults
from vidcolor.settings import Described, ShotSettings, described

SETTINGS = {each.name: each for each in described(ShotSettings)}
COLUMNS = (
    *("shot", "start", "end", "start_frame", "end_frame", "transition"),
    *SETTINGS,
    *("reference", "hints", "like", "note", "picture"),
)
BETWEEN = ";"  # references in one cell
_DELIMITERS = ",;\t"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a list.

    Attributes:
        place: Where, as in "line 4, column saturation".
        why: As a phrase; remedy: what to do, as a sentence.
    """

    place: str
    why: str
    remedy: str = "Correct it"

    def __str__(self) -> str:
        return f"{self.place}: {self.why}"


def rows_of(shots: ShotList) -> list[dict[str, str]]:
    """Return the rows of a list of shots: the text of every column that is not empty, by its name."""
    rows = []
    for shot in shots.shots:
        cells: dict[str, Any] = {
            "shot": shot.number,
            "start": shots.clock.text(shot.start),
            "end": shots.clock.text(shot.end),
            "start_frame": shot.start,
            "end_frame": shot.end,
            "transition": shot.transition,
            **{name: _plain(value) for name, value in shot.changes.items()},
            "reference": f"{BETWEEN} ".join(shot.references),
            "hints": shot.hints,
            "like": "" if shot.like is None else shot.like,
            "note": shot.note,
            "picture": shot.landmark or "",
        }
        rows.append({name: text for name, value in cells.items() if (text := str(value))})
    return rows


def write_table(shots: ShotList) -> str:
    """Return a list of shots as CSV."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows_of(shots))
    return text.getvalue()


def _plain(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


@dataclass
class Reading:
    """What has been read of a list.

    Attributes:
        shots: In the order of the list, without those that cannot be understood.
        places: Where each of them stands, as in "line 4".
        problems: All that is wrong.
    """

    shots: list[Shot] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_table(path: Path, clock: TimecodeClock) -> Reading:
    """Read a list of shots as far as it can be read.

    Args:
        clock: That of the film: what its timecodes mean.

    Raises:
        InputError: the file cannot be read, or is no table of shots at all.
    """
    what = f"cannot read {path}"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(what, reason(error), "vidcolor shots FILM writes such a list") from error
    except UnicodeDecodeError as error:
        why = "it is not in UTF-8"
        raise InputError(what, why, "Save it as CSV in UTF-8") from error
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines, begin = [], 1  # a cell may go over several lines: the first of them is told
        for row in reader:
            lines.append((begin, row))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(what, f"line {reader.line_num}: {reason(error)}", "Save it as CSV again") from error
    header = [cell.strip().lower() for cell in lines[0][1]] if lines else []
    if "shot" not in header or not {"start", "start_frame"} & {*header}:
        why = "its first line does not name the columns shot, start and end"
        raise InputError(what, why, "vidcolor shots FILM writes such a list")
    return _Table(header, clock, delimiter != ",").read(lines[1:])


class _Table:
    """A table being read: the names of its columns, and what has been found."""

    def __init__(self, header: list[str], clock: TimecodeClock, has_decimal_commas: bool) -> None:
        self.header, self.clock, self.has_decimal_commas = header, clock, has_decimal_commas
        self.found = Reading()
        for place, column in enumerate(header):
            if column and column not in COLUMNS:
                self.wrong(1, column, f"there is no column of this name; those that are known are {', '.join(COLUMNS)}")
            elif column and column in header[:place]:
                self.wrong(1, column, "it is there twice")

    def read(self, rows: list[tuple[int, list[str]]]) -> Reading:
        """Take the rows after the first, each with its line."""
        for line, row in rows:
            if any(cell.strip() for cell in row[len(self.header) :]):
                self.wrong(line, "", "it has more cells than the first line has columns")
            elif any(cell.strip() for cell in row):
                self._row(line, {name: cell.strip() for name, cell in zip(self.header, row, strict=False)})
        found = self.found
        if not found.shots and not found.problems:
            self.wrong(1, "", "no shots follow")
        found.problems += [
            Problem(f"{found.places[fault.place]}, column {fault.column}", fault.why) for fault in faults(found.shots)
        ]
        return found

    def _row(self, line: int, cells: Mapping[str, str]) -> None:
        shot = _Row(line, cells, self).shot()
        if shot is not None:
            self.found.shots.append(shot)
            self.found.places.append(f"line {line}")

    def wrong(self, line: int, column: str, why: str, remedy: str = "Correct it") -> None:
        """Note a problem."""
        place = f"line {line}, column {column}" if column else f"line {line}"
        self.found.problems.append(Problem(place, why, remedy))


class _Row:
    """One row: cells by the names of their columns."""

    def __init__(self, line: int, cells: Mapping[str, str], table: _Table) -> None:
        self.line, self.cells, self.table = line, cells, table
        self.is_sound = True

    def shot(self) -> Shot | None:
        """Return the shot of this row; None when something is wrong with it, which the table is told."""
        number = self._cell("shot", _whole)
        if not self.cells.get("shot"):
            self._wrong("shot", "the shot has no number")
        start, end = self._frame("start"), self._frame("end")
        transition = self._cell("transition", _transition)
        changes = {name: self._cell(name, partial(self._setting, each)) for name, each in SETTINGS.items()}
        like, landmark = self._cell("like", _whole), self._cell("picture", _landmark)
        if not self.is_sound or number is None or start is None or end is None:
            return None
        references = (part.strip() for part in self.cells.get("reference", "").split(BETWEEN))
        return Shot(
            number=number,
            start=start,
            end=end,
            transition=transition or CUT,
            changes={name: value for name, value in changes.items() if value is not None},
            references=tuple(filter(None, references)),
            hints=self.cells.get("hints", ""),
            like=like,
            note=self.cells.get("note", ""),
            landmark=landmark,
        )

    def _cell(self, column: str, convert: Callable[[str], Value]) -> Value | None:
        """Return the value of a cell; None when it is empty or wrong."""
        text = self.cells.get(column, "")
        try:
            return convert(text) if text else None
        except VidcolorError as error:
            self._wrong(column, f"{error.what.removeprefix('cannot use ')}: {error.why}", error.remedy)
        except ValueError as error:
            self._wrong(column, str(error))
        return None

    def _frame(self, end: str) -> int | None:
        """Return the frame of an end that is given by its timecode, by its number, or by both, which must agree."""
        named, numbered = self._cell(end, self.table.clock.frame), self._cell(f"{end}_frame", _whole)
        if not self.cells.get(end) and not self.cells.get(f"{end}_frame"):
            self._wrong(end, "neither the timecode nor the number of the frame is given")
        if named is not None and numbered is not None and named != numbered:
            why = f"{self.cells[end]} is frame {named}, but {end}_frame says {numbered}"
            self._wrong(end, why, "Correct one of them, or leave one empty")
        return named if numbered is None else numbered

    def _setting(self, each: Described, text: str) -> Any:
        kinds = get_args(each.kind) or (each.kind,)
        value: Any = text
        if float in kinds:
            value = _number(text.replace(",", ".") if self.table.has_decimal_commas else text)
        elif get_origin(each.kind) is Literal:
            value = text.lower()
        each.check(value)
        return value

    def _wrong(self, column: str, why: str, remedy: str = "Correct it") -> None:
        self.is_sound = False
        self.table.wrong(self.line, column, why, remedy)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def _transition(text: str) -> Transition:
    kind, _, frames = text.lower().partition(" ")
    if kind not in KINDS or (frames and not frames.strip().isdecimal()):
        raise ValueError(f"{text!r} is no transition; write cut, or a dissolve or fade with its frames: dissolve 12")
    return Transition(kind, int(frames or 0))


def _landmark(text: str) -> Landmark:
    try:
        return Landmark.parse(text)
    except ValueError:
        raise ValueError(f"{text!r} was not written by vidcolor; leave it empty") from None
