"""The verb: a film in; one page out that shows its shots, and on which they are corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vidcolor.errors import InputError, OutputError
from vidcolor.files import has_suffix, is_photo, replaced
from vidcolor.film.frame import VideoInfo
from vidcolor.film.reader import open_film
from vidcolor.film.sequences.reading import is_sequence
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.shotlist.shot import ShotList
from vidcolor.pipeline.shotlist.survey import survey
from vidcolor.pipeline.shotlist.table import SETTINGS
from vidcolor.pipeline.shotpage.budget import Budget
from vidcolor.pipeline.shotpage.state import state_of
from vidcolor.pipeline.shotpage.views import ShotView, shot_views
from vidcolor.pipeline.target import check_target
from vidcolor.pipeline.work import Work
from vidcolor.report.page import data_uri, read_text, render, source_hash
from vidcolor.settings import RunSettings, ShotSettings

SUFFIXES = (".html", ".htm")
STYLES = ("page.css", "stage.css")
SCRIPTS = ("table.js", "look.js", "stage.js", "hints.js", "references.js", "page.js")
CLIP_BITS = 8  # of what the page shows, whatever the depth of the film


@dataclass(frozen=True)
class Page:
    """A page that has been written.

    Attributes:
        output: The page.
        shots: How many it shows.
        bytes: Its size.
    """

    output: Path
    shots: int
    bytes: int


def write_page(
    film: Path,
    output: Path,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Page:
    """Write a page that shows every shot of a film, and on which its list and its hints are made.

    Args:
        settings: Of the run, as for the whole film, with its list of shots if there is one; shot: how shots look.
        progress: Called with frames done and frames expected (0: unknown): while shots are looked for, then while
            they are colored.

    Raises:
        VidcolorError: the film cannot be read, or the page cannot be written.
    """
    settings, shot = settings or RunSettings(), shot or ShotSettings()
    if is_photo(film) and not is_sequence(film):
        raise InputError(f"cannot make a page of {film}", "it is a photograph", "Name a film, or use -o for a picture")
    if not has_suffix(output, SUFFIXES):
        raise OutputError(f"cannot write {output}", "a page is HTML", f"Name {output.with_suffix('.html')}")
    check_target(film, output, overwrite)
    with replaced(output) as part:
        part.write_bytes(b"")  # fails before hours of work
        found = None
        if not settings.shots:
            found = survey(film, stream=settings.stream, fps=settings.rate, progress=progress).shots
        with open_film(film, settings) as video:
            grading = Grading.of(settings, shot, video.info)
            shots = found or grading.shots
            assert shots is not None
            grading = replace(grading, shots=shots)
            work = Work.of(video, Path("clip.mp4"), CLIP_BITS, settings, grading, Predictor.load(settings))
            views = list(shot_views(work, Budget.of(len(shots.shots)), progress))
        part.write_text(_page(film, settings, shot, video.info, shots, views), encoding="utf-8")
    return Page(output, len(views), output.stat().st_size)


def _page(
    film: Path, settings: RunSettings, usual: ShotSettings, info: VideoInfo, shots: ShotList, views: list[ShotView]
) -> str:
    """Return the text of the page."""
    style = "".join(read_text(package, name) for package, name in _styles())
    script = "".join(read_text(__package__, name) for name in SCRIPTS)
    return render(
        __package__,
        "page.html",
        name=film.name,
        sheet=style,
        script=script,
        style_hash=source_hash(style),
        script_hash=source_hash(script),
        info=info,
        model=settings.model,
        frames=shots.shots[-1].end,
        fields=SETTINGS,
        shots=[(view, _uri(view)) for view in views],
        state=state_of(settings, usual, info, shots, views),
    )


def _styles() -> Iterator[tuple[str, str]]:
    yield "vidcolor.report", "page.css"
    for name in STYLES:
        yield str(__package__), name


def _uri(view: ShotView) -> dict[str, str]:
    """Return the pictures of a shot as links."""
    return {
        "grey": data_uri(view.grey, "image/jpeg"),
        "colored": data_uri(view.colored, "image/jpeg"),
        "clip": data_uri(view.clip, "video/mp4") if view.clip else "",
    }
