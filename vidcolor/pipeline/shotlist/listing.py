"""The verb: a film in; its list of shots out, with a sheet of pictures, and lists for editing programs beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import OutputError
from vidcolor.files import replaced
from vidcolor.film.sequences.reading import sequence_at
from vidcolor.pipeline.shotlist.edl import MOST_EVENTS, write_edl
from vidcolor.pipeline.shotlist.otio import load_library, write_otio
from vidcolor.pipeline.shotlist.reading import READERS
from vidcolor.pipeline.shotlist.survey import Survey, survey
from vidcolor.pipeline.shotlist.table import write_table
from vidcolor.pipeline.target import check_target
from vidcolor.report.sheet import contact_sheet, jpeg, tile

SHEET = 400  # pictures on one sheet: what a viewer of pictures shows without trouble


@dataclass(frozen=True)
class Listing:
    """What has been written about the shots of a film.

    Attributes:
        output: The list.
        sheets: Pictures of the shots.
        lists: Lists for editing programs.
        shots, frames: How many the film has.
        notes: What is good to know about them.
    """

    output: Path
    sheets: tuple[Path, ...]
    lists: tuple[Path, ...]
    shots: int
    frames: int
    notes: tuple[str, ...]


def default_list(film: Path) -> Path:
    """Return the name of a film's list: film.shots.csv beside film.mp4; reel.shots.csv beside reel_%06d.dpx."""
    if sequence := sequence_at(film):
        return sequence.name.folder / f"{sequence.name.title}.shots.csv"
    return film.with_name(f"{film.stem}.shots.csv")


def list_shots(
    film: Path,
    output: Path | None = None,
    *,
    edl: bool = False,
    otio: bool = False,
    stream: int | None = None,
    fps: Fraction | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Listing:
    """Write the list of a film's shots, with a sheet of pictures whose numbers are those of the list.

    Args:
        output: The list's name; default: beside the film. The other files have its name with suffixes of their own.
        edl: An edit decision list too; otio: a timeline of OpenTimelineIO too.
        stream: Number of the video stream; None takes the usual one.
        fps: Frames per second of an image sequence; None asks its headers.
        progress: Called with frames done and frames expected (0: unknown).

    Raises:
        InputError: the film cannot be read; OutputError: a file is there already, or cannot be written.
    """
    output = output or default_list(film)
    if output.suffix.lower() in (*READERS, ".jpg"):
        raise OutputError(f"cannot write {output}", "the list is a table", f"Name {output.with_suffix('.csv')}")
    if otio:
        load_library(f"cannot write {output.with_suffix('.otio')}")
    suffixes = (output.suffix, ".jpg", *(suffix for suffix, wanted in ((".edl", edl), (".otio", otio)) if wanted))
    for target in {output, *(output.with_suffix(suffix) for suffix in suffixes[1:])}:
        check_target(film, target, overwrite)
    found = survey(film, stream=stream, fps=fps, progress=progress)
    texts = {output: write_table(found.shots)}
    if edl:
        texts[output.with_suffix(".edl")] = write_edl(found.shots, film)
    if otio:
        texts[output.with_suffix(".otio")] = write_otio(found.shots, film, found.frames)
    for path, text in texts.items():
        with replaced(path) as part:
            part.write_text(text, encoding="utf-8")
    sheets = tuple(_sheets(found, film, output))
    shots = len(found.shots.shots)
    return Listing(output, sheets, tuple(list(texts)[1:]), shots, found.frames, tuple(_notes(found, edl)))


def _sheets(found: Survey, film: Path, output: Path) -> Iterator[Path]:
    """Write the sheets, one after the other."""
    tiles = [
        (tile(picture), f"{shot.number}  {found.shots.clock.text(shot.start)}")
        for shot, picture in zip(found.shots.shots, found.pictures, strict=True)
    ]
    for number, start in enumerate(range(0, len(tiles), SHEET), 1):
        path = output.with_suffix(".jpg") if number == 1 else output.with_name(f"{output.stem}-{number}.jpg")
        title = f"{film.name}: {len(tiles)} shots"
        sheet = contact_sheet([(title, tiles[start : start + SHEET])])
        with replaced(path) as part:
            part.write_bytes(jpeg(sheet))
        yield path


def _notes(found: Survey, edl: bool) -> Iterator[str]:
    if not found.is_even:
        yield (
            "the film's frames do not all last as long: timecodes count frames, "
            f"{found.shots.clock.base} to a second, and players show other times"
        )
    if edl and len(found.shots.shots) > MOST_EVENTS:
        yield f"the edit decision list has more than {MOST_EVENTS} events: not every program reads all of them"
