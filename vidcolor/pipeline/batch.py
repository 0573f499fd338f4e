"""Many films and photographs in one go: which files, where to, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from vidcolor.errors import InputError, OutputError, writing
from vidcolor.files import PHOTOS, has_suffix
from vidcolor.film.containers.pipe import is_pipe
from vidcolor.film.images.writing import check_format, suffix_for
from vidcolor.film.sequences.reading import is_sequence
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.film import colorize_film, is_done, tidy
from vidcolor.pipeline.inputs import is_photograph
from vidcolor.pipeline.photos.batch import PhotographBatch
from vidcolor.pipeline.photos.photo import colorize_photograph
from vidcolor.pipeline.result import Job, Outcome, Result
from vidcolor.pipeline.target import check_target, default_output, excerpt, marked
from vidcolor.settings import RunSettings, ShotSettings, changed

Progress = Callable[[int, int], None]  # frames done, frames expected


def output_beside(source: Path, folder: Path | None = None) -> Path:
    """Return photo.color.jpg for photo.jpg; films are named as pipeline.default_output says."""
    if is_photograph(source):
        return marked(source, folder, suffix_for(source))
    return default_output(source, folder)


def colorize(
    source: Path | str,
    output: Path | str | None = None,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    predictor: Predictor | None = None,
    progress: Progress = lambda done, total: None,
    report: Callable[[str], None] = lambda line: None,
    **single: Any,
) -> Result:
    """Colorize a film, an image sequence or a photograph.

    Args:
        source: A file; "-" is stdin, which brings a film; or numbered frames: ``scan/reel_%06d.dpx``,
            ``scan/reel_[000100-000200].dpx``, a folder.
        output: A file, numbered files, or a folder for the usual name; None: beside the source, with ``.color`` in its
            name; "-" is stdout, which takes a film.
        overwrite: Replace an output that exists.
        settings: Of the run; shot: how pictures look.
        predictor: One that is prepared already, for the model and device of the settings.
        progress: Called with frames done and frames expected (0: unknown).
        report: Called with a line when earlier work is taken up, cannot be, or is kept.
        single: Settings by their names, as in ``saturation=1.2, codec="ffv1"``; they win over the two above.

    Raises:
        VidcolorError: one of its kinds, each told in one line. Nothing is left under the final name.
        KeyboardInterrupt: its text, if any, tells what is kept.
    """
    run, look = changed(single, settings or RunSettings(), shot or ShotSettings())
    source, target = Path(source), None if output is None else Path(output)
    if target is None or target.is_dir() or (not target.suffix and is_sequence(source)):
        target = excerpt(output_beside(source, target), run.only)
    if is_photograph(source):
        if is_pipe(target):
            raise OutputError(f"cannot write {target}", "a photograph goes into a file", "Name one with -o")
        return colorize_photograph(source, target, overwrite=overwrite, settings=run, shot=look, predictor=predictor)
    return colorize_film(
        source, target, overwrite=overwrite, settings=run, shot=look, predictor=predictor, progress=progress,
        report=report,
    )  # fmt: skip


def colorize_all(
    inputs: Iterable[tuple[Path, Path]],
    folder: Path | None = None,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    begin: Callable[[Path], None] = lambda source: None,
    progress: Progress = lambda done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> Iterator[Outcome]:
    """Colorize one after another; a failure does not stop the rest, and outputs that exist are skipped.

    All share one network, and photographs that follow each other are colored in batches. An error that nobody foresaw
    is a failure like others; its traceback is logged.

    Args:
        inputs: From inputs.find_inputs.
        folder: Where to, in the folders below it that the inputs have below theirs; None: beside each.
        begin: Called with each input before it is told of: of a film, before it is looked at.

    Raises:
        CheckpointError, DeviceError: there is no such model or device: nothing can be colored.
    """
    run, look = settings or RunSettings(), shot or ShotSettings()
    if run.shots:
        raise InputError(f"cannot use {run.shots}", "a list of shots is of one film", "Colorize that film alone")
    if run.hints or any(":" in text.partition("=")[0] and "=" in text for text in run.reference):
        what = f"cannot use {(*run.hints, *run.reference)[0]}"
        raise InputError(what, "hints, and references with a time, are of one film", "Colorize that film alone")
    written: set[Path] = set()  # two inputs must not share an output
    prepared = cache(lambda: Predictor.load(run))  # once, and not at all when there is nothing to do

    def film(job: Job) -> Outcome:
        """Color a film, and return what became of it."""
        predictor = prepared()
        try:
            result = colorize_film(
                job.source, job.output, overwrite=overwrite, settings=run, shot=look, predictor=predictor,
                progress=progress, report=report,
            )  # fmt: skip
        except Exception as error:
            return Outcome.failed(job, error)
        return Outcome(job, result)

    plan = (planned(source, root, folder, overwrite, written) for source, root in inputs)
    for are_photographs, jobs in groupby(plan, key=lambda each: each.is_photograph):
        if are_photographs:
            for outcome in PhotographBatch(prepared, run, look).colorize(jobs):
                begin(outcome.source)
                yield outcome
            continue
        for job in jobs:
            begin(job.source)
            yield job if isinstance(job, Outcome) else film(job)


def planned(source: Path, root: Path, folder: Path | None, overwrite: bool, written: set[Path]) -> Job | Outcome:
    """Return what is to be done with an input, or what has become of it when that is decided already.

    Args:
        root: The folder that it was found from.
        folder: As in colorize_all.
        written: The outputs of inputs before; that of this one is added.
    """
    job = Job(source, source, has_suffix(source, PHOTOS))
    try:
        output = output_beside(source, folder / source.parent.relative_to(root) if folder else None)
        job = Job(source, output, is_photograph(source))
        if job.output in written:
            raise OutputError(f"cannot write {job.output}", "another input has the same output", "Rename one of them")
        written.add(job.output)
        if job.is_photograph:
            check_format(job.output)
        if is_done(job.output) and not overwrite:
            tidy(job.output)
            return Outcome(job)
        _make_folder(job.output.parent)
        check_target(source, job.output, overwrite)
    except Exception as error:
        return Outcome.failed(job, error)
    return job


def _make_folder(folder: Path) -> None:
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
