"""One film in color: opened, worked segment by segment, joined with its sound."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2

from vidcolor.files import PHOTOS, has_suffix
from vidcolor.film.containers.pipe import STANDARD, check_stdout, is_pipe
from vidcolor.film.reader import open_film
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.account import Account
from vidcolor.pipeline.assembly import Assembly
from vidcolor.pipeline.destination import (
    check_destination,
    check_encoder,
    make_folder,
    notes_on,
    numbered_target,
    open_output,
)
from vidcolor.pipeline.earlier import Earlier, forget_record
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.result import Result
from vidcolor.pipeline.segments.journal import Journal, film_identity, sequence_identity
from vidcolor.pipeline.shot_colors import ShotColors, judge_of, keeping_colors, refuse_pipe
from vidcolor.pipeline.stretches import Stretch, extent, first_of, stretches
from vidcolor.pipeline.target import default_output, excerpt, name_of_stdout
from vidcolor.pipeline.work import GUIDES, Work
from vidcolor.settings import RunSettings, ShotSettings


def colorize_film(
    source: Path | str,
    output: Path | str | None = None,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    predictor: Predictor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> Result:
    """Colorize a film, or an image sequence.

    Args:
        source: A film, or what sequence_at knows as a sequence; "-" is stdin.
        output: A film, or numbered files like ``out/reel_%06d.dpx``; by default as default_output says. "-" is stdout.
            A film that comes or goes through a pipe cannot be taken up again when it is stopped.
        settings: Of the run; shot: how its shots look.
        predictor: One that is prepared already, for the model and device of the settings.
        progress: Called with frames done and frames expected (0: unknown).
        report: Called with a line when earlier work is taken up, cannot be, or is kept.

    Raises:
        VidcolorError: one of its kinds, each told in one line. Nothing is left under the final name.
        KeyboardInterrupt: its text, if any, tells what is kept.
    """
    settings, shot = settings or RunSettings(), shot or ShotSettings()
    source, to_stdout = Path(source), output is not None and is_pipe(output)
    resume = settings.resume and not to_stdout and not is_pipe(source)
    named = None if to_stdout else Path(output) if output else excerpt(default_output(source), settings.only)
    if to_stdout:
        check_stdout()
    if settings.keep_color:
        refuse_pipe(source)
    began = time.monotonic()
    copying = named is None or not has_suffix(named, PHOTOS)  # pictures hold nothing but themselves
    with open_film(source, settings, copying=copying) as video:
        target = named or name_of_stdout(settings.pipe, video.info)
        with nullcontext() if to_stdout else Journal(target) as journal:
            in_segments = journal is not None and resume and not settings.only
            earlier = Earlier.read(target) if in_segments and settings.shots else None
            if journal is not None:
                begun = journal.identity if journal.segments else earlier.identity if earlier else {}
                if not settings.threads and resume and not overwrite:
                    settings = replace(settings, threads=begun.get("number of cores", 0))  # as it was begun
                replaces = overwrite or earlier is not None or (resume and journal.may_replace)
                check_destination(video, source, target, settings, overwrite=replaces)
            check_encoder(target, settings)
            predictor = predictor or Predictor.load(settings)
            grading = Grading.of(settings, shot, video.info)
            if settings.keep_color:
                report("looking for shots that are in color already")
                grading = keeping_colors(grading, source, settings, progress)
            video.glimpses = True
            parts, first = first_of(stretches(video, settings, grading))  # fails before anything is written
            work = Work.of(video, target, first.bits, settings, grading, predictor)
            span = extent(video.info, settings, grading, first)
            writer = open_output(work.encoding, target, video, first, span, journal)
            colors = ShotColors(settings.keep_color, round(video.info.rotation / 90) % 4, judge_of(predictor))
            account = Account(work, writer, progress, report, colors)
            make_folder(target)
            if journal is not None and in_segments:
                identity = run_identity(work)
                replaces = overwrite or (journal.may_replace and not journal.differences(identity))
                if earlier and not overwrite:
                    earlier.check(identity)
                check_destination(video, source, target, settings, overwrite=replaces or earlier is not None)
                Assembly(account, journal, earlier, identity, overwrite).make(next(parts))
            else:
                _straight(account, journal, parts)
            if journal is not None and not (in_segments and settings.shots):
                forget_record(target)
    seconds = time.monotonic() - began
    return Result(
        output=STANDARD if to_stdout else target,
        frames=account.done,
        resumed=account.resumed,
        seconds=round(seconds, 3),
        fps=round((account.done - account.resumed) / seconds, 2),
        model=predictor.model.name,
        device=str(predictor.device),
        warnings=account.warnings,
        notes=(*work.video.notes, *notes_on(video.info, target, settings), *account.colors.notes()),
    )


def _straight(account: Account, journal: Journal | None, parts: Iterator[Stretch]) -> None:
    """Color from the first frame to the last with one encoder, into the output's part file.

    Args:
        journal: Of the output; None: the frames go to stdout.
    """
    if journal is None:
        _encode(account, parts)
        return
    journal.claim()
    try:
        _encode(account, parts)
    except BaseException:
        if not journal.segments:  # what an earlier run has finished is still good
            journal.remove()
        raise
    journal.remove()


def _encode(account: Account, parts: Iterator[Stretch]) -> None:
    work, writer = account.work, account.writer
    endless = replace(work, lengths=(sys.maxsize, sys.maxsize))
    with writer:
        for part in parts:
            account.expected += part.length
            steps = endless.steps(part.frames, part.start)
            with work.colored(steps) as pictures:
                for step, planes in pictures:
                    account.colors.push(step.frame, step.starts_shot)
                    writer.push(step.frame, planes, step.number)
                    account.count()
        writer.flush()


def identity_of(work: Work) -> dict[str, Any]:
    """Return all that decides the bytes of a segment, by the names that a user would know."""
    video, stages, settings = work.video, work.stages, work.settings
    found = {
        "input": sequence_identity(video.sequence.sequence) if video.sequence else film_identity(video.info.path),
        "model": stages.predictor.model.sha256,
        "device": stages.predictor.device.type,
        "precision": str(stages.predictor.precision),
        "number of cores": work.cores,
        "size": [stages.view.width, stages.view.height],
        "batch size": stages.batch,
        **stages.grading.identity(),
        **(stages.guidance.identity if stages.guidance else {}),
        "looks": settings.looks,
        "start": settings.start,
        "duration": settings.duration,
        "stream": work.video.info.stream,
        "fps": settings.fps,
        "transfer": settings.transfer,
        "deinterlace": settings.deinterlace,
        "hwaccel": settings.hwaccel,
        "encoding": asdict(work.encoding),
        "version": _versions(),
    }
    return dict(json.loads(json.dumps(found, default=str)))


@cache
def _versions() -> dict[str, str]:
    return {**{name: version(name) for name in ("vidcolor", "torch", "av", "numpy")}, "cv2": cv2.__version__}


def run_identity(work: Work) -> dict[str, Any]:
    """Return what decides all segments alike; what a list of shots says of some, :meth:`Work.wanted` tells."""
    found = identity_of(work)
    if work.stages.grading.shots is None:
        return found
    return {**{name: value for name, value in found.items() if name not in GUIDES}, "list of shots": True}


def is_done(target: Path) -> bool:
    """Return whether an output is there already: a film, or numbered files that no run was stopped in naming."""
    name = numbered_target(target)
    if name is None:
        return target.exists()
    if not name.folder.is_dir() or not any(name.number(file.name) is not None for file in name.folder.iterdir()):
        return False
    with Journal(target) as journal:
        return journal.is_published or not journal.may_replace


def tidy(target: Path) -> None:
    """Remove what a run left that was killed just after its film had got its name."""
    with Journal(target) as journal:
        if journal.is_published:
            journal.remove()
