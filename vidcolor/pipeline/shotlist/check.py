"""A list of shots held against its film: what is wrong with it, and what is worth a look."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from vidcolor.film.frame import Frame
from vidcolor.film.reader import probe
from vidcolor.film.shots import Thumbnail
from vidcolor.pipeline.shotlist.landmark import Landmark
from vidcolor.pipeline.shotlist.reading import outside, read_list
from vidcolor.pipeline.shotlist.shot import Shot
from vidcolor.pipeline.shotlist.survey import survey
from vidcolor.pipeline.shotlist.table import Problem

NEAR = 3  # frames within which a boundary of the list is the one that was found


@dataclass(frozen=True)
class Check:
    """What a list is like beside its film.

    Attributes:
        shots: How many were read.
        problems: What is wrong: with these the list is refused.
        remarks: What may be meant, or may be a slip.
    """

    shots: int
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]


def check_list(
    path: Path,
    film: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    fps: Fraction | None = None,
) -> Check:
    """Read a list of shots and one pass over its film, and compare them.

    Args:
        progress: Called with frames done and frames expected (0: unknown).
        fps: Frames per second of an image sequence; None asks its headers.

    Raises:
        InputError: the film or the list cannot be read at all.
    """
    found = read_list(path, probe(film, fps=fps))
    seen: dict[int, bool] = {}
    landmarks = {shot.landmark.frame: shot.landmark for shot in found.shots if shot.landmark}

    def watch(number: int, frame: Frame, thumbnail: Thumbnail) -> None:
        if number in landmarks:
            seen[number] = landmarks[number].is_seen_in(thumbnail)

    film_shots = survey(film, fps=fps, progress=progress, watch=watch)
    problems = list(found.problems)
    told = {problem.place for problem in problems}
    pairs = list(zip(found.places, found.shots, strict=True))
    for place, shot in pairs:
        problem = outside(place, shot.end, film_shots.frames)
        if shot.end > film_shots.frames and problem.place not in told:
            problems.append(problem)
        for file in files_of(shot):
            if not (path.parent / file).is_file():
                column = "hints" if file == shot.hints else "reference"
                problems.append(Problem(f"{place}, column {column}", f"there is no file {path.parent / file}"))
    problems += _another_film(landmarks, seen, pairs)
    starts = [shot.start for shot in film_shots.shots.shots]
    # With rows that were not understood, it is not known what is missing.
    remarks = () if found.problems else tuple(_remarks(pairs, starts, film_shots.frames))
    return Check(len(found.shots), tuple(problems), remarks)


def files_of(shot: Shot) -> list[str]:
    """Return the files that a shot names, as they are written; a reference may name its time before them."""
    files = []
    for reference in shot.references:
        time, equals, file = reference.partition("=")
        files.append(file.strip() if equals and ":" in time else reference)
    return [*files, *([shot.hints] if shot.hints else [])]


def _another_film(
    landmarks: dict[int, Landmark], seen: dict[int, bool], pairs: Sequence[tuple[str, Shot]]
) -> list[Problem]:
    """Return the landmarks that the film does not show; in most cases of all of them: one line for them all."""
    missing = [number for number in landmarks if not seen.get(number)]
    if len(missing) > len(landmarks) / 2:
        why = f"{len(missing)} of {len(landmarks)} shots begin with other pictures in this film"
        return [Problem("the list", f"it is a list of another film: {why}", "Name its own film")]
    return [
        Problem(f"{place}, column picture", f"frame {shot.landmark.frame} of the film is another now", "List it anew")
        for place, shot in pairs
        if shot.landmark and shot.landmark.frame in missing
    ]


def _remarks(pairs: Sequence[tuple[str, Shot]], found: Sequence[int], frames: int) -> list[Problem]:
    """Return boundaries that were not found, those that were and are not in the list, and frames in no shot."""
    remarks: list[tuple[int, Problem]] = []
    ordered = sorted(pairs, key=lambda pair: pair[1].start)
    listed = sorted({edge for _, shot in pairs for edge in (shot.start, shot.end)})
    for place, shot in ordered:
        nearest = _nearest(found, shot.start)
        if abs(nearest - shot.start) > NEAR:
            why = f"no change of shot was found at frame {shot.start}; the nearest is at frame {nearest}"
            remarks.append((shot.start, Problem(f"{place}, column start", why)))
        remarks += [
            (edge, Problem(place, f"another shot seems to begin at frame {edge}, inside this one"))
            for edge in found
            if shot.start < edge < shot.end and abs(_nearest(listed, edge) - edge) > NEAR
        ]
    covered = [(0, 0), *((shot.start, shot.end) for _, shot in ordered), (frames, frames)]
    for (_, end), (start, _) in pairwise(covered):
        if start > end:
            why = f"frames {end} to {start - 1} are in no shot: they are colored as usual"
            remarks.append((end, Problem("the list", why)))
    return [remark for _, remark in sorted(remarks, key=lambda pair: pair[0])]


def _nearest(places: Sequence[int], wanted: int) -> int:
    """Return the one of some sorted numbers that is nearest to another."""
    after = bisect_left(places, wanted)
    return min(places[max(0, after - 1) : after + 1], key=lambda place: abs(place - wanted))
