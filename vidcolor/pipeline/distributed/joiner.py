"""Joining: the parts of a plan checked, and put together with the sound as one film."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from shlex import quote
from threading import Condition
from typing import Any

from vidcolor.errors import InputError, OutputError, PartsError
from vidcolor.film.encoding.encode import Encoding, choose_encoding
from vidcolor.film.encoding.packets import ReorderingError, joined
from vidcolor.film.reader import Video, open_film
from vidcolor.film.writer import FilmWriter
from vidcolor.pipeline.distributed.parts import Parts, Receipt, as_ranges
from vidcolor.pipeline.distributed.plan import Plan, PlannedSegment, as_json, source_identity
from vidcolor.pipeline.result import Result
from vidcolor.pipeline.target import check_target
from vidcolor.pipeline.work import encode_settings


class StoppedError(Exception):
    """A film is no longer to be joined: it has failed, or the whole work ends."""


class Arrivals:
    """Which segments of a film are there, told by whoever has them made to whoever joins them meanwhile."""

    def __init__(self, missing: Iterable[int] = ()) -> None:
        self._missing, self._is_over, self._changed = set(missing), False, Condition()

    def add(self, number: int) -> None:
        """Take a segment that is made."""
        with self._changed:
            self._missing.discard(number)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def __contains__(self, number: int) -> bool:
        return number not in self._missing

    def wait(self, number: int) -> None:
        """Return when a segment is made.

        Raises:
            StoppedError: it will not be.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or number in self)
            if self._is_over:
                raise StoppedError


def join(
    plan: Plan,
    folder: Path,
    output: Path,
    *,
    overwrite: bool = False,
    strict: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    arrivals: Arrivals | None = None,
) -> Result:
    """Join the parts of a plan. The film is that of a run on one machine, to the byte.

    Args:
        plan: As this machine sees it.
        folder: Of the parts; they stay.
        output: The film that is written.
        strict: Warnings refuse the film.
        progress: Called with frames checked and frames expected.
        arrivals: Tells when a segment is made: each is taken as soon as it and all before it are there. None: all are
            made, and are looked at before anything is written.

    Raises:
        PartsError: parts are missing or damaged; the line tells the command that makes them again.
        VidcolorError: the film cannot be read, or the output not be written.
        StoppedError: what is missing will not be made.
    """
    began = time.monotonic()
    check_target(plan.film, output, overwrite)
    if source_identity(plan.film) != plan.identity["input"]:
        what = f"cannot join {output}"
        raise InputError(what, f"{plan.film} is not the film that was planned", "Name that with --film")
    parts = Parts(folder, plan)
    receipts = [] if arrivals else _checked(plan, parts, plan.segments, progress)
    how, files = plan.run, [parts.packets(segment.number) for segment in plan.segments]

    def arriving() -> Iterator[Path]:
        assert arrivals is not None
        receipts.clear()
        for segment in plan.segments:
            arrivals.wait(segment.number)
            receipts.extend(_checked(plan, parts, (segment,), progress))
            yield parts.packets(segment.number)

    with open_film(plan.film, how, copying=True) as video:
        encoding = _encoding_for(plan, output, video)
        video.tally, video.keeps_alpha = dict(plan.tally), encoding.alpha

        def warnings() -> tuple[str, ...]:
            made_with = dict.fromkeys(warning for receipt in receipts for warning in receipt.warnings)
            return (*writer.warnings, *video.warnings, *plan.warnings, *made_with)

        def accept() -> None:
            if strict and warnings():
                raise InputError(f"cannot join {output}", "; ".join(warnings()), "Leave out --strict to accept it")

        delay = 0 if arrivals else None
        while True:
            writer = FilmWriter(
                output, video.info, encoding, others=video.others, start=how.start, duration=how.duration
            )
            writer.accept = accept
            try:
                with writer:
                    writer.write(joined(arriving() if arrivals else files, encoding.time_base, delay=delay))
                break
            except ReorderingError as error:  # as a rule the first part shows how deep the encoder goes
                delay = error.delay
    seconds = time.monotonic() - began
    return Result(
        output=output,
        frames=plan.frames,
        resumed=0,
        seconds=round(seconds, 3),
        fps=round(plan.frames / seconds, 2),
        model=str(plan.run.model),
        device=plan.run.device,
        warnings=warnings(),
        notes=(*video.notes, *_mixed(receipts)),
    )


def _checked(
    plan: Plan, parts: Parts, segments: Sequence[PlannedSegment], progress: Callable[[int, int], None]
) -> list[Receipt]:
    """Return the receipts of segments, each held against its packets."""
    receipts, missing, damaged, done = [], [], [], segments[0].start.frame
    for segment in segments:
        receipt = parts.receipt(segment.number)
        if receipt is None:
            missing.append(segment.number)
        elif not parts.is_whole(receipt):
            damaged.append(segment.number)
        else:
            receipts.append(receipt)
        done += segment.frames
        progress(done, plan.frames)
    if missing or damaged:
        found = [
            f"{_named(numbers)} {'is' if len(numbers) == 1 else 'are'} {why}"
            for numbers, why in ((missing, "missing"), (damaged, "damaged"))
            if numbers
        ]
        numbers = as_ranges([*missing, *damaged])
        command = f"vidcolor work {quote(str(plan.path))} --parts {quote(str(parts.folder))} --segments {numbers}"
        what = f"cannot join the parts in {parts.folder}"
        error = PartsError(what, " and ".join(found), f"Make them with: {command}")
        error.segments = (*missing, *damaged)
        raise error
    return receipts


def _named(segments: Sequence[int]) -> str:
    return f"segment{'s' if len(segments) > 1 else ''} {as_ranges(segments)}"


def _encoding_for(plan: Plan, output: Path, video: Video) -> Encoding:
    """Return the encoding of the parts, if it is what the output's container wants."""
    encoding = choose_encoding(output, video.info, plan.bits, encode_settings(plan.run))
    wanted: Any = plan.identity["encoding"]
    found = as_json(encoding)
    if found != wanted:
        other = next(name for name in {**wanted, **found} if wanted.get(name) != found.get(name))
        why = f"the parts were made for {plan.suffix}, and {output.suffix} wants another {other.replace('_', ' ')}"
        raise OutputError(f"cannot write {output}", why, f"Choose a name that ends in {plan.suffix}")
    return encoding


def _mixed(receipts: list[Receipt]) -> Iterator[str]:
    """Yield a note when parts come from processors of several kinds."""
    kinds: dict[str, list[int]] = {}
    for receipt in receipts:
        kinds.setdefault(receipt.processor, []).append(receipt.segment)
    if len(kinds) > 1:
        usual = max(kinds, key=lambda kind: len(kinds[kind]))
        others = "; ".join(f"{_named(n)} on {kind}" for kind, n in kinds.items() if kind != usual)
        yield f"most parts were made on {usual}, {others}: colors may be off by one code value there"
