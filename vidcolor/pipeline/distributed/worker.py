"""A worker: makes segments of a film as its plan says, in any order, beside any number of others."""

from __future__ import annotations

import logging
import platform
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vidcolor.errors import CheckpointError, OutputError, UnfitError, reason, remedy
from vidcolor.film.reader import open_film
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.distributed.parts import Parts, Receipt
from vidcolor.pipeline.distributed.plan import FILES, Plan, PlannedSegment, Seen, source_identity, unseen
from vidcolor.pipeline.distributed.planner import plan_identity, processor_of
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.segments.recorder import Recording
from vidcolor.pipeline.work import Work, segment_pictures

_LOG = logging.getLogger(__name__)


class Worker:
    """A machine made ready for a plan: its network loaded, its film opened, both held against the plan.

    Args:
        plan: As this machine sees it.
        predictor: One that is prepared already, for the model and device of the plan.

    Raises:
        UnfitError: what this machine makes would differ from what others make; it tells by what.
        VidcolorError: the film cannot be read.
    """

    def __init__(self, plan: Plan, predictor: Predictor | None = None) -> None:
        self.plan = plan
        for name in FILES:
            path = getattr(plan.run, name)
            if isinstance(path, Path) and not path.exists():
                raise unseen(path, "no such file", f"--{name}" if name == "model" else "its own path")
        differences = plan.differences({**plan.identity, "input": source_identity(plan.film)})
        self._refuse(differences)
        self.predictor = predictor or _prepared(plan)
        how = plan.run
        with open_film(plan.film, how) as video:
            grading = Grading.of(how, plan.shot, video.info)
            work = Work.of(video, Path(f"film{plan.suffix}"), plan.bits, how, grading, self.predictor)
        self._work = replace(work, lengths=plan.lengths)
        self._refuse(plan.differences(plan_identity(self._work)))

    def make(
        self, segment: PlannedSegment, parts: Parts, progress: Callable[[int], None] = lambda done: None
    ) -> Receipt:
        """Make a segment's part.

        Args:
            progress: Called with its frames done.

        Raises:
            OutputError: the disk is full, or the encoder fails; UnfitError: the film does not decode as planned.
        """
        path = parts.packets(segment.number)
        try:
            recording = Recording(path, parts.unique(path.name), self._work.encoding)
            try:
                self._record(segment, recording, progress)
                found = recording.finish()
            except BaseException:
                recording.discard()
                raise
            receipt = Receipt(
                self.plan.digest, segment.number, found.frames, found.bytes, found.sha256, round(recording.seconds, 3),
                platform.node(), processor_of(self.predictor.device), self._work.stages.warnings,
            )  # fmt: skip
            parts.record(receipt)
        except OSError as error:
            raise OutputError(f"cannot write {path}", reason(error), remedy(error)) from error
        _LOG.info(
            "segment %d: frames %d, %d kB, %.1f s",
            *(segment.number, receipt.frames, receipt.bytes // 1000, receipt.seconds),
        )
        return receipt

    def _record(self, segment: PlannedSegment, recording: Recording, progress: Callable[[int], None]) -> None:
        seen = Seen()
        with segment_pictures(self._work, segment.start, seen.push) as pictures:
            for done, (step, planes) in enumerate(pictures, 1):
                recording.push(step, planes)
                progress(done)
        if (seen.frames, seen.digest) != (segment.frames, segment.digest):
            what = f"cannot make segment {segment.number} of {self.plan.film}"
            why = f"on {platform.node()} its frames do not decode as they did when it was planned"
            raise UnfitError(what, why, "Compare the two copies of the film, and the versions")

    def _refuse(self, differences: Sequence[str]) -> None:
        if differences:
            what = f"cannot work on the plan of {self.plan.film}"
            why = f"{platform.node()} has {', '.join(differences)}"
            raise UnfitError(what, why, "Give all workers the same versions, files and options, or plan it anew")


@dataclass(frozen=True)
class Done:
    """What a worker has done.

    Attributes:
        made: Segments that it made.
        present: Segments that were there already.
        frames: In those that it made.
    """

    made: tuple[int, ...]
    present: tuple[int, ...]
    frames: int
    warnings: tuple[str, ...]


def work(
    plan: Plan,
    folder: Path,
    numbers: Sequence[int] | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    made: Callable[[Receipt], None] = lambda receipt: None,
) -> Done:
    """Make the parts of a plan that are missing.

    Args:
        plan: As this machine sees it.
        folder: Of the parts.
        numbers: Of the segments that are to be made, and to be read through where they are there; None: all, from some
            segment on, so that several workers seldom meet at the same one.
        progress: Called with frames done and frames expected.
        made: Called with the receipt of each segment.

    Raises:
        UnfitError: this machine is no worker for this plan; OutputError: the folder is another plan's, or full.
        KeyboardInterrupt: its text tells what is kept.
    """
    parts = Parts(folder, plan)
    if numbers is None:
        first = random.randrange(len(plan.segments))
        chosen = [*plan.segments[first:], *plan.segments[:first]]
    else:
        chosen = [plan.segment(number) for number in dict.fromkeys(numbers)]
    parts.claim()
    receipts: list[Receipt] = []
    present: list[int] = []
    count = _Count(sum(segment.frames for segment in chosen), progress)
    worker: Worker | None = None
    try:
        for segment in chosen:
            receipt = parts.receipt(segment.number)
            if receipt and (numbers is None or parts.is_whole(receipt)):
                present.append(segment.number)
            else:
                worker = worker or Worker(plan)
                receipts.append(worker.make(segment, parts, count.within))
                made(receipts[-1])
            count.done(segment.frames)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{len(receipts)} segments are made and kept") from None
    warnings = dict.fromkeys(warning for receipt in receipts for warning in receipt.warnings)
    return Done(
        tuple(receipt.segment for receipt in receipts), tuple(present),
        sum(receipt.frames for receipt in receipts), tuple(warnings),
    )  # fmt: skip


class _Count:
    """Frames done over several segments."""

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._total, self._before, self._progress = total, 0, progress

    def within(self, done: int) -> None:
        """Take the frames done of the segment that is being made."""
        self._progress(self._before + done, self._total)

    def done(self, frames: int) -> None:
        """Take the frames of a segment that is finished."""
        self._before += frames
        self.within(0)


def _prepared(plan: Plan) -> Predictor:
    try:
        return Predictor.load(plan.run)
    except CheckpointError as error:
        what = f"cannot work on the plan of {plan.film}"
        raise UnfitError(what, f"on {platform.node()}, {error.what.lower()}: {error.why}", error.remedy) from error
