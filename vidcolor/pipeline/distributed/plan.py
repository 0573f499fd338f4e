"""The plan of a film: its segments, and all that decides how they come out, chosen once for all workers."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vidcolor.errors import InputError, UnfitError, VidcolorError, reading
from vidcolor.files import replaced
from vidcolor.film.frame import Frame
from vidcolor.film.sequences.reading import sequence_at
from vidcolor.pipeline.segments.cutting import Mark, Start
from vidcolor.pipeline.segments.journal import film_identity
from vidcolor.settings import RunSettings, ShotSettings

FORMAT = "vidcolor plan 1"
FILES = ("model", "shots", "lut")  # settings that may name a file


class Seen:
    """A digest of the frames that a segment is made of: their times and their luma, in order."""

    def __init__(self) -> None:
        self.frames = 0
        self._digest = hashlib.blake2b(digest_size=8)

    def push(self, frame: Frame) -> None:
        """Take the next frame."""
        self.add(Mark.of(frame))

    def add(self, mark: Mark) -> None:
        """Take the mark of the next frame."""
        self._digest.update(f"{mark.pts} {mark.digest}\n".encode())
        self.frames += 1

    @property
    def digest(self) -> str:
        """Of the frames so far."""
        return self._digest.hexdigest()


@dataclass(frozen=True)
class PlannedSegment:
    """A segment that is to be made.

    Attributes:
        start: Where it begins.
        frames: Its own, without context.
        digest: Of these, by which every worker knows that it has the frames that were planned.
    """

    start: Start
    frames: int
    digest: str

    @property
    def number(self) -> int:
        """Its place in the film, counted from 0."""
        return self.start.number


@dataclass(frozen=True)
class Plan:
    """A film laid out for workers.

    Attributes:
        film: Where it was when it was planned.
        suffix: Of the film that is to be written.
        bits: Depth of the film's frames.
        run: The settings; nothing in them is left to a worker's machine.
        shot: How its shots look of which nothing else is said.
        identity: All that decides the bytes of a segment, by the names that a user would know.
        lengths: Frames after which a segment ends at the next boundary of shots, and anyway.
        processor: What the planning machine computes with, where the network runs on a processor.
        tally: What was counted while the film was read.
        warnings: What was noticed beside it.
        segments: In the order of the film.
        path: The plan's own file; files that a worker does not find where they were are looked for beside it.
    """

    film: Path
    suffix: str
    bits: int
    run: RunSettings
    shot: ShotSettings
    identity: Mapping[str, Any]
    lengths: tuple[int, int]
    processor: str
    tally: Mapping[str, float]
    warnings: tuple[str, ...]
    segments: tuple[PlannedSegment, ...]
    path: Path = field(default=Path(), compare=False)

    @property
    def frames(self) -> int:
        """How many the film has."""
        return sum(segment.frames for segment in self.segments)

    @cached_property
    def digest(self) -> str:
        """What tells one plan from another: of all that decides the bytes of the film, wherever its files lie."""
        content = {"suffix": self.suffix, "identity": self.identity, "segments": as_json(self.segments)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def segment(self, number: int) -> PlannedSegment:
        """Return a segment by its number.

        Raises:
            InputError: there is none.
        """
        if number >= len(self.segments):
            why = f"the plan has segments 0 to {len(self.segments) - 1}"
            raise InputError(f"cannot make segment {number}", why, "Check --segments")
        return self.segments[number]

    def differences(self, identity: Mapping[str, Any]) -> list[str]:
        """Return by name what is different elsewhere: "torch 2.9.0 instead of 2.10.0", "another model"."""
        found = []
        for key in {**self.identity, **identity}:
            mine, other = self.identity.get(key), identity.get(key)
            if key == "version" and isinstance(mine, dict) and isinstance(other, dict):
                changed = (name for name in mine if mine[name] != other.get(name))
                found += [f"{name} {other.get(name)} instead of {mine[name]}" for name in changed]
            elif mine != other:
                plain = isinstance(mine, str | int | float) and isinstance(other, str | int | float)
                is_short = plain and len(str(mine)) < 24
                name = "film" if key == "input" else key
                found.append(f"{name} {other} instead of {mine}" if is_short else f"another {name}")
        return found

    def moved_to(self, film: Path | None = None, model: str | Path = "", device: str = "") -> Plan:
        """Return the plan as this machine sees it: with its own paths, and its own name for the device."""
        run = with_paths(self.run, self._found)
        run = replace(run, model=model or run.model, device=device or run.device)
        return replace(self, film=film or self._found(self.film), run=run)

    def told_as(self, film: Path, run: RunSettings) -> Plan:
        """Return the plan with the film and the files by the paths of another machine."""
        names = (*FILES, "reference", "hints")
        changes: dict[str, Any] = {name: getattr(run, name) for name in names}
        return replace(self, film=film, run=replace(self.run, **changes))

    def _found(self, path: Path) -> Path:
        """Return a file where it was, or beside the plan."""
        beside = self.path.parent / path.name
        return beside if not path.exists() and beside.exists() else path

    def write(self, path: Path) -> None:
        """Write the plan into a file, one segment a line; the same plan gives the same bytes.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.
        """
        head = {
            "format": FORMAT, "film": str(self.film), "suffix": self.suffix, "bits": self.bits,
            "run": as_json(asdict(self.run)), "shot": asdict(self.shot),
            "files": [name for name in FILES if isinstance(getattr(self.run, name), Path)],
            "identity": self.identity, "lengths": self.lengths, "processor": self.processor, "tally": self.tally,
            "warnings": self.warnings,
        }  # fmt: skip
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        rows = ",\n".join(json.dumps(row) for row in as_json(self.segments))
        with replaced(path) as part:
            part.write_text("{\n" + ",\n".join(lines) + f',\n"segments": [\n{rows}\n]\n}}\n', encoding="utf-8")


def read_plan(path: Path) -> Plan:
    """Return the plan that a file holds.

    Raises:
        InputError: it cannot be opened, or is no plan.
    """
    with reading(path):
        text = path.read_bytes()
    what, again = f"cannot use {path}", "Make it again with vidcolor plan"
    try:
        found = json.loads(text)
        kind = found["format"]
        if kind == FORMAT:
            return _plan(found, path)
    except (KeyError, TypeError, ValueError, AttributeError, VidcolorError) as error:
        raise InputError(what, "it is no plan of a film, or is damaged", again) from error
    raise InputError(what, f"it is a {kind!r}, not a {FORMAT!r}", again)


def _plan(found: dict[str, Any], path: Path) -> Plan:
    run: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in found["run"].items()
    }
    run |= {name: Path(run[name]) for name in found["files"]}
    return Plan(
        Path(found["film"]), found["suffix"], found["bits"], RunSettings(**run), ShotSettings(**found["shot"]),
        found["identity"], tuple(found["lengths"]), found["processor"], found["tally"], tuple(found["warnings"]),
        tuple(map(_segment, found["segments"])), path=path,
    )  # fmt: skip


def with_paths(run: RunSettings, change: Callable[[Path], Path]) -> RunSettings:
    """Return settings whose files lie elsewhere.

    Args:
        change: Tells where, for where they were.
    """
    named: dict[str, Any] = {name: change(path) for name in FILES if isinstance(path := getattr(run, name), Path)}
    told: dict[str, Any] = {
        name: tuple(_renamed(text, change) for text in getattr(run, name)) for name in ("reference", "hints")
    }
    return replace(run, **named, **told)


def _renamed(text: str, change: Callable[[Path], Path]) -> str:
    """Return FILE, or TIME=FILE, with another path."""
    time, equals, file = text.partition("=")
    return f"{time}={change(Path(file.strip()))}" if equals and ":" in time else str(change(Path(text.strip())))


def source_identity(film: Path) -> dict[str, Any]:
    """Return what tells one film from another on all machines: a copy may have another time.

    Raises:
        UnfitError: it is not there.
    """
    try:
        if sequence := sequence_at(film):
            sizes = {path.name: path.stat().st_size for path in sequence.paths}
            ends = [film_identity(path)["ends"] for path in (sequence.paths[0], sequence.paths[-1])]
            digest = hashlib.sha256(json.dumps([sizes, ends]).encode()).hexdigest()
            return {"bytes": sum(sizes.values()), "ends": digest}
        found = film_identity(film)
    except OSError as error:
        raise unseen(film, error.strerror or "", "--film") from error
    return {key: found[key] for key in ("bytes", "ends")}


def unseen(path: Path, why: str, option: str) -> UnfitError:
    """Return the error about a file of a plan that this machine does not see."""
    remedy = f"Mount it there, name it with {option}, or put it beside the plan"
    return UnfitError(f"cannot open {path}", f"{platform.node()} does not see it ({why.lower()})", remedy)


def as_json(value: Any) -> Any:
    """Return a value as it comes back from a file."""
    return json.loads(json.dumps(value, default=_fields_or_text))


def _fields_or_text(item: Any) -> Any:
    return asdict(item) if is_dataclass(item) and not isinstance(item, type) else str(item)


def _segment(row: dict[str, Any]) -> PlannedSegment:
    start = row["start"]
    marks = tuple(Mark(**mark) for mark in start["marks"])
    return PlannedSegment(Start(**{**start, "marks": marks}), row["frames"], row["digest"])
