"""Making a plan: one pass over a film finds its segments, and all is decided that machines would decide otherwise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import torch

from vidcolor.errors import InputError, OutputError
from vidcolor.files import PHOTOS
from vidcolor.film.containers.pipe import is_pipe
from vidcolor.film.encoding.encode import Encoding
from vidcolor.film.prefetch import prefetch
from vidcolor.film.reader import open_film
from vidcolor.film.writer import FilmWriter
from vidcolor.network.checkpoint import load_model
from vidcolor.network.device import choose_precision, named_device
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.distributed.plan import FILES, Plan, PlannedSegment, Seen, as_json, source_identity, with_paths
from vidcolor.pipeline.distributed.ranges import Range, Reading, lay_out, ranges_of, read_range, together
from vidcolor.pipeline.film import identity_of
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.segments import cutting as segmenting
from vidcolor.pipeline.stretches import Stretch, first_of, stretches, unreached
from vidcolor.pipeline.target import default_output
from vidcolor.pipeline.waiting import frames_together
from vidcolor.pipeline.work import Work, encode_settings
from vidcolor.settings import RunSettings, ShotSettings

DECODED = 8  # frames that may wait for the detector of shots


@dataclass(frozen=True)
class Outline:
    """A plan without its segments, of a film that may be read in several places at once.

    Attributes:
        ranges: That have to be read; :func:`finish_plan` makes the plan from what is seen there.
    """

    plan: Plan
    ranges: tuple[Range, ...]


def make_plan(
    source: Path | str,
    *,
    suffix: str = "",
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    lengths: tuple[int, int] | None = None,
    readers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Plan:
    """Lay a film out for workers. Nothing is colored, and the device need not be in this machine.

    Args:
        suffix: Of the film that is to be written; "" is the one that coloring gives it.
        settings: Of the run; shot: how its shots look.
        lengths: Frames after which a segment ends at the next boundary of shots, and anyway; None: the usual ones.
        readers: Processes that read parts of a long film at the same time.
        progress: Called with frames done and frames expected (0: unknown).

    Raises:
        VidcolorError: the film cannot be read, or what was chosen does not fit together.
    """
    run, look = settings or RunSettings(), shot or ShotSettings()
    found = begin_plan(source, suffix, run, look, lengths=lengths, most=readers, progress=progress)
    if isinstance(found, Plan):
        return found
    with ProcessPoolExecutor(min(readers, len(found.ranges)), get_context("spawn")) as pool:
        reading = pool.map(partial(read_range, found.plan.film, found.plan.run), found.ranges)
        readings = []
        for each in reading:
            readings.append(each)
            progress(sum(reading.count for reading in readings), 0)
    plan = finish_plan(found, readings)
    if plan is None:  # it has to be read in one pass
        one = begin_plan(source, suffix, run, look, lengths=lengths, progress=progress)
        assert isinstance(one, Plan)
        plan = one
    return plan


def begin_plan(
    source: Path | str,
    suffix: str,
    run: RunSettings,
    shot: ShotSettings,
    *,
    known: Plan | None = None,
    lengths: tuple[int, int] | None = None,
    most: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Plan | Outline:
    """Return the plan of a film, or its outline if it may be read in several places at once.

    Args:
        known: An earlier plan; taken as it is, without the pass over the film, if it is the one that would be made.
        most: Places at most; fewer than two: it is read in one pass.
        suffix, run, shot, lengths, progress: As in :func:`make_plan`.

    Raises:
        VidcolorError: as make_plan does.
    """
    if is_pipe(source):
        raise InputError("cannot plan a film from stdin", "workers open it again and again", "Store it in a file")
    source = Path(source).absolute()
    if run.only:
        what = f"cannot plan shots {run.only} of {source}"
        raise InputError(what, "a plan is of a whole film", "Color a few shots with vidcolor colorize")
    if run.keep_color:
        why = "a plan does not look for shots in color"
        raise InputError(f"cannot plan {source}", why, "Name them in a list of shots, with the mode keep")
    with open_film(source, run, copying=True) as video:
        suffix = suffix or default_output(source).suffix
        if suffix.lower() in PHOTOS:
            why = "what workers make is joined to one film, and not to numbered files"
            raise InputError(f"cannot plan {source} as {suffix}", why, "Choose a container, as with --container .mov")
        device = named_device(run.device)
        precision = choose_precision(run.precision, device)
        decided = replace(
            with_whole_paths(run), device=device.type, precision=precision_name(precision),
            batch_size=frames_together(run, video.info, device), threads=encode_settings(run).cores,
            stream=video.info.stream, resume=True, strict=False,
        )  # fmt: skip
        grading = Grading.of(run, shot, video.info)
        parts, first = first_of(stretches(video, run, grading))
        # What little is computed now, of references, needs no other device than this machine has.
        predictor = Predictor(load_model(run.model), torch.device("cpu"), torch.float32)
        work = Work.of(video, Path(f"film{suffix}"), first.bits, decided, grading, predictor)
        lengths = lengths or (segmenting.usual_length(grading.shots is not None), segmenting.LONGEST)
        work = replace(work, lengths=lengths)
        _try_container(work, suffix)
        identity = {**plan_identity(work), "device": device.type, "precision": str(precision)}
        plan = Plan(
            source, suffix, first.bits, decided, shot, as_json(identity), lengths,
            processor_of(device), {}, (), (),
        )  # fmt: skip
        if known and plan == replace(known, film=source, processor=plan.processor, tally={}, warnings=(), segments=()):
            return replace(known, film=source)
        if ranges := ranges_of(video.info, run, most):
            return Outline(plan, tuple(ranges))
        segments = tuple(_laid_out(work, next(parts), progress))
        missed = unreached(run, grading, sum(segment.frames for segment in segments))
        return replace(plan, tally=video.tally, warnings=missed, segments=segments)


def finish_plan(outline: Outline, readings: Sequence[Reading]) -> Plan | None:
    """Return the plan of a film that was read in several places; None when it has to be read in one pass.

    Args:
        readings: Of the ranges, in their order.
    """
    film = together(readings)
    segments = lay_out(film, outline.plan.lengths) if film else None
    return replace(outline.plan, tally=readings[-1].tally, segments=tuple(segments)) if segments else None


def plan_identity(work: Work) -> dict[str, object]:
    """Return all that decides the bytes of a segment, so that it is the same on machines that do the same."""
    return {**identity_of(work), "input": source_identity(work.video.info.path)}


def precision_name(precision: torch.dtype) -> Literal["fp32", "bf16", "fp16"]:
    """Return what a number type is called in settings."""
    if precision == torch.float32:
        return "fp32"
    return "bf16" if precision == torch.bfloat16 else "fp16"


def processor_of(device: torch.device) -> str:
    """Return what computes here: other kinds round otherwise, so that a color may be off by one code value."""
    if device.type == "cuda" and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(device))
    return str(torch.backends.cpu.get_cpu_capability()) if device.type == "cpu" else device.type


def _laid_out(work: Work, part: Stretch, progress: Callable[[int, int], None]) -> Iterator[PlannedSegment]:
    done = 0
    with closing(prefetch(part.frames, DECODED)) as decoded:
        for start, steps in groupby(work.steps(decoded, part.start), key=lambda step: step.start):
            seen = Seen()
            for step in steps:
                if not step.context:
                    seen.push(step.frame)
                    progress(done + seen.frames, part.length)
            done += seen.frames
            yield PlannedSegment(start, seen.frames, seen.digest)


def with_whole_paths(run: RunSettings) -> RunSettings:
    """Return settings whose files are whole paths, and whose texts name no file."""
    texts = {name: str(getattr(run, name)) for name in FILES}
    named: dict[str, Any] = {name: Path(text) if text and Path(text).exists() else text for name, text in texts.items()}
    return with_paths(replace(run, **named), Path.absolute)


def _try_container(work: Work, suffix: str) -> None:
    """Fail now where the film could not be joined later."""
    with tempfile.TemporaryDirectory(prefix="vidcolor-") as folder:
        try:
            assert isinstance(work.encoding, Encoding), "a plan is of a film"
            target = Path(folder) / f"film{suffix}"
            FilmWriter(target, work.video.info, work.encoding, others=work.video.others).rehearse()
        except OutputError as error:
            what = f"cannot plan {work.video.info.path} as {suffix}"
            raise OutputError(what, error.why, error.remedy) from error
