"""Many films and photographs in one go: which files, where to, and what became of each."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcolor.errors import InputError, OutputError, VidcolorError
from vidcolor.pipeline.film import Result, colorize, default_output, tidy
from vidcolor.pipeline.photo import colorize_photograph, is_photograph
from vidcolor.settings import RunSettings, ShotSettings

# Names by which films are found in folders; a file named outright may have any.
FILMS = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv", ".mpg", ".mpeg", ".vob"}
    | {".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".mxf", ".ogv", ".dv", ".gif"}
)
Progress = Callable[[int, int], None]  # frames done, frames expected
_MARK = ".color"


@dataclass(frozen=True)
class Job:
    """A file and where its colors go."""

    source: Path
    output: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a result, an error's line, or neither when the output was there already."""

    job: Job
    result: Result | None = None
    error: str = ""

    @property
    def status(self) -> str:
        return "failed" if self.error else "done" if self.result else "skipped"


def are_several(paths: Sequence[Path]) -> bool:
    """Whether more than one file may be meant: several paths, a folder or a pattern."""
    return len(paths) > 1 or paths[0].is_dir() or (not paths[0].exists() and glob.has_magic(str(paths[0])))


def find_inputs(paths: Sequence[Path], *, recursive: bool = False) -> list[tuple[Path, Path]]:
    """The files meant by files, folders and patterns, each with the folder that it was found from.

    Folders give their films and photographs in the order of their names, but neither hidden files nor what was
    colored before.

    Raises:
        InputError: a folder or pattern holds none.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_dir():
            inside = path.rglob("*") if recursive else path.glob("*")
            files = [(file, path) for file in sorted(inside) if _is_wanted(file, path)]
            if not files and any(p.is_dir() for p in path.iterdir()) and not recursive:
                raise InputError(f"cannot open {path}", "it holds no film or photograph", "Use -r for its folders")
        elif not path.exists() and glob.has_magic(str(path)):
            files = [(Path(name), Path(name).parent) for name in sorted(glob.glob(str(path), recursive=True))]
            files = [(file, root) for file, root in files if _is_wanted(file, root)]
        else:
            files = [(path, path.parent)]
        if not files:
            raise InputError(f"cannot open {path}", "it holds no film or photograph", "Check the path")
        found += files
    return list(dict.fromkeys(found))


def _is_wanted(file: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    known = file.suffix.lower() in FILMS or is_photograph(file)
    return known and not hidden and not file.stem.endswith(_MARK) and file.is_file()


def output_beside(source: Path, folder: Path | None = None) -> Path:
    """photo.jpg -> photo.color.jpg, and films as pipeline.default_output says."""
    if is_photograph(source):
        return (folder or source.parent) / f"{source.stem}{_MARK}{source.suffix}"
    return default_output(source, folder)


def colorize_one(
    source: Path,
    output: Path | None = None,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    progress: Progress = lambda done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> Result:
    """Colorize a film or a photograph.

    Args:
        output: A file, or a folder for the usual name; None: beside the source.

    Raises:
        VidcolorError: one of its kinds.
    """
    target = output_beside(source, output) if output is None or output.is_dir() else output
    if is_photograph(source):
        return colorize_photograph(source, target, overwrite=overwrite, settings=settings, shot=shot)
    return colorize(source, target, overwrite=overwrite, settings=settings, shot=shot, progress=progress, report=report)


def colorize_all(
    inputs: Iterable[tuple[Path, Path]],
    folder: Path | None = None,
    *,
    taken: Iterable[Path] = (),
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    progress: Progress = lambda done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> Iterator[Outcome]:
    """Colorize one after another; a failure does not stop the rest, and outputs that exist are skipped.

    Args:
        inputs: From find_inputs.
        folder: Where to, in the folders below it that the inputs have below theirs; None: beside each.
        taken: Outputs of this run so far: two inputs must not share one.
    """
    written = set(taken)
    for source, root in inputs:
        job = Job(source, source)
        try:
            job = Job(source, output_beside(source, folder / source.parent.relative_to(root) if folder else None))
            if job.output in written:
                why = "another input has the same output"
                raise OutputError(f"cannot write {job.output}", why, "Rename one of them")
            written.add(job.output)
            if job.output.exists() and not overwrite:
                tidy(job.output)
                yield Outcome(job)
                continue
            _make_folder(job.output.parent)
            result = colorize_one(
                source, job.output, overwrite=overwrite, settings=settings, shot=shot, progress=progress, report=report
            )
            yield Outcome(job, result)
        except VidcolorError as error:
            yield Outcome(job, error=str(error))
        except OSError as error:  # a folder that cannot be searched, a name that is too long
            yield Outcome(job, error=f"cannot open {source}: {(error.strerror or str(error)).lower()}.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}", (error.strerror or str(error)).lower(), "Choose another") from error
