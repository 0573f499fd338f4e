"""Many photographs in one go: read ahead, colored in batches of equal size, written by threads of their own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import cache

from vidcolor.color.arrays import Plane
from vidcolor.errors import VidcolorError
from vidcolor.film.cores import budget
from vidcolor.film.prefetch import one_cv2_thread, prefetch
from vidcolor.network.lanes import torch_threads
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.photos.photo import (
    Photograph,
    note_negatives,
    photograph_grading,
    read_photograph,
    write_photograph,
)
from vidcolor.pipeline.result import Job, Outcome
from vidcolor.settings import RunSettings, ShotSettings

TOGETHER = 32  # photographs that are colored together, so that those of one network size share batches
PIXELS = 1 << 23  # and at most so many of their pixels
IN_MEMORY = 2 * PIXELS  # of all that are read and not yet written; a larger one is worked alone
WRITERS = 4  # threads at most: what is painted and packed by one takes a core


class _Memory:
    """The pixels that are held; whoever reads ahead waits while they are many."""

    def __init__(self, most: int) -> None:
        self._most, self._held, self._less = most, 0, threading.Condition()

    def add(self, pixels: int) -> None:
        with self._less:
            self._held += pixels
            self._less.notify_all()

    def wait(self, stopped: threading.Event) -> None:
        with self._less:
            while self._held >= self._most and not stopped.is_set():
                self._less.wait(0.1)


class PhotographBatch:
    """Colors photographs with one predictor; memory is bounded however many there are.

    Args:
        prepared: Gives the predictor, the same each time; called when there is something to do.
    """

    def __init__(self, prepared: Callable[[], Predictor], settings: RunSettings, shot: ShotSettings) -> None:
        self._prepared, self._settings = prepared, settings
        self._grading = cache(lambda: photograph_grading(settings, shot))  # fails with the first photograph
        self._memory = _Memory(IN_MEMORY)
        self._stopped = threading.Event()

    def colorize(self, plan: Iterable[Job | Outcome]) -> Iterator[Outcome]:
        """Yield what became of each job, in their order; what is decided already is passed on in its place."""
        waiting: deque[Future[Outcome]] = deque()
        cores = budget(self._settings.threads)
        writers = ThreadPoolExecutor(min(WRITERS, cores), "photograph-writer")
        with (
            torch_threads(cores),
            one_cv2_thread(),
            writers,
            closing(prefetch(self._read(plan), TOGETHER)) as ready,
        ):
            try:
                for together in self._gathered(ready):
                    waiting += self._colored(together, writers)
                    while waiting and waiting[0].done():
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                self._stopped.set()  # a reader that waits for room must not wait for ever

    def _read(self, plan: Iterable[Job | Outcome]) -> Iterator[tuple[Job, Photograph] | Outcome]:
        for job in plan:
            if isinstance(job, Outcome):
                yield job
                continue
            predictor = self._prepared()
            self._memory.wait(self._stopped)
            try:
                photograph = read_photograph(job.source, job.output, self._settings, self._grading(), predictor)
            except Exception as error:
                yield Outcome.failed(job, error)
            else:
                self._memory.add(photograph.pixels)
                yield job, photograph

    @staticmethod
    def _gathered(
        ready: Iterator[tuple[Job, Photograph] | Outcome],
    ) -> Iterator[list[tuple[Job, Photograph] | Outcome]]:
        together: list[tuple[Job, Photograph] | Outcome] = []
        pixels = 0
        for each in ready:
            together.append(each)
            pixels += 0 if isinstance(each, Outcome) else each[1].pixels
            if len(together) == TOGETHER or pixels >= PIXELS:
                yield together
                together, pixels = [], 0
        if together:
            yield together

    def _colored(
        self, together: list[tuple[Job, Photograph] | Outcome], writers: ThreadPoolExecutor
    ) -> Iterator[Future[Outcome]]:
        """Ask the network about all, and hand each to the writers."""
        read = [each for each in together if not isinstance(each, Outcome)]
        began = time.monotonic()
        try:
            planes = iter(self._predicted([photograph for _, photograph in read]))
        except VidcolorError as error:
            together = [each if isinstance(each, Outcome) else Outcome.failed(each[0], error) for each in together]
            self._memory.add(-sum(photograph.pixels for _, photograph in read))
        share = (time.monotonic() - began) / max(1, len(read))
        for each in together:
            if isinstance(each, Outcome):
                decided: Future[Outcome] = Future()
                decided.set_result(each)
                yield decided
            else:
                yield writers.submit(self._write, *each, next(planes), share)

    def _predicted(self, photographs: Sequence[Photograph]) -> list[Plane]:
        if not photographs:
            return []
        predictor = self._prepared()
        note_negatives(photographs, predictor)
        return predictor.predict([each.small for each in photographs], batch=self._settings.batch_size)

    def _write(self, job: Job, photograph: Photograph, ab: Plane, seconds: float) -> Outcome:
        try:
            seconds += photograph.seconds
            return Outcome(job, write_photograph(photograph, ab, self._prepared(), seconds))
        except Exception as error:
            return Outcome.failed(job, error)
        finally:
            self._memory.add(-photograph.pixels)
