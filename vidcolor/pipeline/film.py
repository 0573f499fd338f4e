"""One film in color: opened, worked segment by segment, joined with its sound."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2

from vidcolor.errors import InputError, OutputError
from vidcolor.film.codecs import choose_codec, codec_options
from vidcolor.film.frame import Frame
from vidcolor.film.packets import joined
from vidcolor.film.pipe import STANDARD, STDOUT, check_stdout, is_pipe
from vidcolor.film.reader import open_film
from vidcolor.film.writer import FilmWriter
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.journal import Journal, film_identity
from vidcolor.pipeline.recorder import Recorder
from vidcolor.pipeline.result import Result
from vidcolor.pipeline.stretches import Stretch, extent, first_of, stretches, unreached
from vidcolor.pipeline.target import check_target, default_output, excerpt, name_of_stdout
from vidcolor.pipeline.work import Work, encode_settings
from vidcolor.settings import RunSettings, ShotSettings

# Finished segments that differ in these are of no use to anybody: nobody has chosen them.
_NOT_CHOSEN = {"input", "version"}


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
    """Colorize a film.

    Args:
        source: The film; "-" is stdin.
        output: Where to; by default beside the source, with ``.color`` in its name. "-" is stdout. A film that comes
            or goes through a pipe cannot be taken up again when it is stopped.
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
    encoder = encode_settings(settings)
    named = None if to_stdout else Path(output) if output else excerpt(default_output(source), settings.only)
    if to_stdout:
        check_stdout()
    began = time.monotonic()
    with open_film(source, settings) as video:
        target = named or name_of_stdout(settings.pipe, video.info)
        with nullcontext() if to_stdout else Journal(target) as journal:
            if journal is not None:
                if journal.segments and not settings.threads and resume and not overwrite:
                    settings = replace(settings, threads=journal.identity.get("number of cores", 0))  # as it was begun
                check_target(source, target, overwrite or (resume and journal.is_published))
            codec_options(choose_codec(target, encoder.codec), encoder.crf, encoder.preset)
            predictor = predictor or Predictor.load(settings)
            grading = Grading.of(settings, shot, video.info)
            parts, first = first_of(stretches(video, settings, grading))  # fails before anything is written
            work = Work.of(video, target, first.bits, settings, grading, predictor)
            begin, duration, has_gaps = extent(video.info, settings, grading, first)
            writer = FilmWriter(
                target, video.info, work.encoding, start=begin, duration=duration, alone=has_gaps,
                sealed=journal.seal if journal else lambda part: None, arriving=video.arriving,
                descriptor=STDOUT if to_stdout else None,
            )  # fmt: skip
            run = _Run(work, writer, progress, report)
            if journal is not None and resume and not settings.only:
                identity = identity_of(work)
                published = journal.is_published and not journal.differences(identity)
                check_target(source, target, overwrite or published)
                run.in_segments(journal, next(parts), identity, overwrite)
            else:
                run.straight(journal, parts)
    seconds = time.monotonic() - began
    return Result(
        output=STANDARD if to_stdout else target,
        frames=run.done,
        resumed=run.resumed,
        seconds=round(seconds, 3),
        fps=round((run.done - run.resumed) / seconds, 2),
        model=predictor.model.name,
        device=str(predictor.device),
        warnings=run.warnings,
        notes=tuple(work.video.notes),
    )


@dataclass
class _Run:
    """A film on its way to its file: frames ``done`` so far, and of these ``resumed`` from earlier runs."""

    work: Work
    writer: FilmWriter
    progress: Callable[[int, int], None]
    report: Callable[[str], None]
    expected: int = 0
    done: int = 0
    resumed: int = 0
    _counts: deque[tuple[int, dict[str, float]]] = field(default_factory=deque)

    @property
    def warnings(self) -> tuple[str, ...]:
        work = self.work
        found = (*self.writer.warnings, *work.video.warnings, *work.stages.warnings)
        return (*found, *unreached(work.settings, work.stages.grading, self.done))

    def __post_init__(self) -> None:
        self.writer.accept = self.accept

    def accept(self) -> None:
        """Refuse, just before the film gets its name, what ``strict`` does not allow: nothing may have gone wrong."""
        if self.work.settings.strict and self.warnings:
            what = f"cannot colorize {self.work.video.info.path}"
            raise InputError(what, "; ".join(self.warnings), "Leave out --strict to accept it")

    def straight(self, journal: Journal | None, parts: Iterator[Stretch]) -> None:
        """Color from the first frame to the last with one encoder, into the output's part file.

        Args:
            journal: Of the output; None: the frames go to stdout.
        """
        if journal is None:
            self._encode(parts)
            return
        journal.claim()
        try:
            self._encode(parts)
        except BaseException:
            if not journal.segments:  # what an earlier run has finished is still good
                journal.remove()
            raise
        journal.remove()

    def _encode(self, parts: Iterator[Stretch]) -> None:
        endless = replace(self.work, lengths=(sys.maxsize, sys.maxsize))
        with self.writer:
            encoder = self.writer.encoder()
            for part in parts:
                self.expected += part.length
                steps = endless.steps(part.frames, part.start)
                with self.work.colored(steps) as pictures:
                    for step, planes in pictures:
                        self.writer.write(encoder.push(step.frame, planes))
                        self._count()
            self.writer.write(encoder.flush())

    def in_segments(self, journal: Journal, part: Stretch, identity: dict[str, Any], overwrite: bool) -> None:
        """Color segment by segment beside the output, from where the journal ends; then join all."""
        self.expected = part.length
        journal.claim()
        changed = journal.differences(identity) if journal.segments else []
        try:
            self._refuse_to_lose(journal, changed, overwrite)
            self.writer.rehearse()
        except BaseException:
            if not journal.segments:
                journal.remove()
            raise
        if changed:
            self.report(f"{self.writer.path} was begun with another {', '.join(changed)}: starting afresh")
        elif journal.is_published:  # the last run ended just before it tidied up
            self._take_over(journal)
            journal.remove()
            return
        journal.begin(identity)
        try:
            if journal.is_complete:
                self._take_over(journal)
            else:
                self._record(journal, part)
            with self.writer:
                files = [journal.packets(segment.number) for segment in journal.segments]
                self.writer.write(joined(files, self.work.encoding.time_base))
        except BaseException as stop:
            kept = f"{journal.frames} frames are kept, and the same command goes on from there"
            if not journal.segments:
                journal.remove()
            elif isinstance(stop, KeyboardInterrupt):
                raise KeyboardInterrupt(kept) from None
            elif isinstance(stop, InputError):
                self.report(f"{self.writer.path}: {kept}")
            raise
        journal.remove()

    def _refuse_to_lose(self, journal: Journal, changed: list[str], overwrite: bool) -> None:
        """Refuse to throw finished work away: a slip in an option must not cost the hours of work beside the output."""
        if changed and not overwrite and not _NOT_CHOSEN.intersection(changed):
            why = f"{journal.frames} frames of it are finished with another {', '.join(changed)}"
            raise OutputError(
                f"cannot write {self.writer.path}", why, "Go on with the options of before, or use -y to start afresh"
            )

    def _record(self, journal: Journal, part: Stretch) -> None:
        with ExitStack() as stack:
            stream, start = part.frames, part.start
            if journal.segments and (following := journal.segments[-1].following):
                found = stack.enter_context(self.work.resumed(following))
                if found is None:
                    self.report(f"{self.work.video.info.path} does not decode as it did before: starting afresh")
                    journal.forget()
                else:
                    stream, start = found, following
                    self._take_over(journal)
                    self.report(f"{self.done} frames are done already: going on from there")
            steps = self.work.steps(self._counted(stream), start)
            pictures = stack.enter_context(self.work.colored(steps))
            recorder = stack.enter_context(Recorder(journal, self.work.encoding, self.writer.path))
            for step, planes in pictures:
                recorder.push(step, planes, self._counts_at(step.frame.pts))
                self._count()
            recorder.finish()

    def _counted(self, stream: Iterator[Frame]) -> Iterator[Frame]:
        """Yield the frames, with what had been counted when each came: decoding runs ahead of what is recorded."""
        for frame in stream:
            self._counts.append((frame.pts, self.work.video.tally))
            yield frame

    def _counts_at(self, pts: int) -> dict[str, float]:
        while self._counts[0][0] != pts:
            self._counts.popleft()
        return self._counts[0][1]

    def _take_over(self, journal: Journal) -> None:
        self.done = self.resumed = journal.frames
        self.work.video.tally = journal.segments[-1].tally

    def _count(self) -> None:
        self.done += 1
        self.progress(self.done, self.expected)


def identity_of(work: Work) -> dict[str, Any]:
    """Return all that decides the bytes of a segment, by the names that a user would know."""
    stages, settings = work.stages, work.settings
    found = {
        "input": film_identity(work.video.info.path),
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
        "deinterlace": settings.deinterlace,
        "hwaccel": settings.hwaccel,
        "encoding": asdict(work.encoding),
        "version": {**{name: version(name) for name in ("vidcolor", "torch", "av", "numpy")}, "cv2": cv2.__version__},
    }
    return dict(json.loads(json.dumps(found, default=str)))


def tidy(target: Path) -> None:
    """Remove what a run left that was killed just after its film had got its name."""
    with Journal(target) as journal:
        if journal.is_published:
            journal.remove()
