"""A film at work: what decides how its segments come out, and the segments, worked in a row or one alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from vidcolor.errors import InputError
from vidcolor.film.cores import budget
from vidcolor.film.encoding.encode import EncodeSettings, Encoding
from vidcolor.film.frame import Frame
from vidcolor.film.prefetch import prefetch
from vidcolor.film.reader import Video, frames, open_film
from vidcolor.film.sequences.writing import FrameFiles
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.destination import choose_form
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.guidance.gather import guidance_of
from vidcolor.pipeline.segments.cutting import Start, Step, cut, located, usual_length
from vidcolor.pipeline.smoothing.averaging import Smoother
from vidcolor.pipeline.stages import Answer, Planes, Stages, shared_cores, with_chroma
from vidcolor.pipeline.stretches import stretches
from vidcolor.pipeline.view import View
from vidcolor.pipeline.waiting import COLORED, frames_together, frames_waiting, look_rate, without_pictures
from vidcolor.settings import RunSettings

_LOG = logging.getLogger(__name__)
GUIDES = ("references", "hints")  # what guidance calls them in its identity


def encode_settings(settings: RunSettings) -> EncodeSettings:
    """Return what the settings of a run say about the encoder."""
    cores = budget(settings.threads)
    return EncodeSettings(settings.codec, settings.crf, settings.preset, settings.pix_fmt, cores)


@dataclass
class Work:
    """An opened film with all that decides how it comes out in color.

    Attributes:
        video: The film; another reading of it once :meth:`resumed` has opened it elsewhere.
        stages: What colors its frames.
        encoding: How they become packets, or files.
        context: Frames that smoothing wants to see beyond either end of a segment that parts a take.
        cores: That network and encoder count on.
        lengths: Frames after which a segment ends at the next boundary of shots, and anyway; None: the usual ones.
    """

    video: Video
    settings: RunSettings
    stages: Stages
    encoding: Encoding | FrameFiles
    context: int
    cores: int
    lengths: tuple[int | None, int | None] = (None, None)

    @classmethod
    def of(
        cls, video: Video, target: Path, bits: int, settings: RunSettings, grading: Grading, predictor: Predictor
    ) -> Work:
        """Return the work on an opened film.

        Args:
            target: The film that is to be written.
            bits: Depth of the film's frames.
            grading: What is wanted of them.

        Raises:
            InputError: the film is in high dynamic range; OutputError: container, codec and depth do not fit.
        """
        short_side = settings.size or predictor.model.config.short_side(video.info.is_still)
        view = View(video.info, short_side, predictor.stride)
        batch = frames_together(settings, video.info, predictor.device)
        guidance = guidance_of(settings, grading, video.info, view, predictor)
        stages = Stages(predictor, view, batch, grading, look_rate(settings, video.info), guidance)
        how = encode_settings(settings)
        encoding = choose_form(video, target, bits, settings, how, grading)
        video.keeps_alpha = encoding.alpha
        _LOG.info(
            "%s: the network sees %dx%d, %d frames at once, looks %s",
            *(video.info.path, view.width, view.height, batch, settings.looks),
        )
        _LOG.info(
            "%s: %s, %dx%d, %d streams copied",
            *(target, encoding, encoding.width, encoding.height, len(video.info.streams)),
        )
        # With a list it is always the same: what a row says of smoothing must not change other segments.
        context = 2 * Smoother(1.0 if grading.shots else grading.usual.smooth).delay
        return cls(video, settings, stages, encoding, context, how.cores)

    @contextmanager
    def colored(self, steps: Iterator[Step]) -> Iterator[Iterator[tuple[Step, Planes]]]:
        """Give steps with their chroma planes, which threads make ahead of it: decoding, the network, the rest.

        A burst of frames lies on either side of the network: its thread is the busiest one and should not wait.
        """
        stages = self.stages
        burst, ready = (frames_waiting(most, self.video.info) for most in (stages.burst, COLORED))
        # Closed in this order: a stage must not outlive the one it draws from, nor the container.
        with (
            shared_cores(self.cores),
            closing(prefetch(stages.watch(steps), burst, "decode")) as moments,
            closing(prefetch(stages.predict(moments), burst, "network")) as answers,
            closing(prefetch(self._finished(answers), ready, "chroma")) as finished,
        ):
            yield finished

    def _finished(self, answers: Iterator[Answer]) -> Iterator[tuple[Step, Planes]]:
        return with_chroma(self.stages.settle(answers), self.stages.grading, *self.encoding.chroma_size)

    def steps(self, stream: Iterator[Frame], start: Start) -> Iterator[Step]:
        """Lay out frames in segments, by the shots of the film: :func:`vidcolor.pipeline.segments.cutting.cut`."""
        grading, (shortest, longest) = self.stages.grading, self.lengths
        shortest = usual_length(grading.shots is not None) if shortest is None else shortest
        return cut(
            without_pictures(stream),
            start=start,
            context=self.context,
            detector=grading.detector,
            shortest=shortest,
            longest=longest,
        )

    def wanted(self, start: int, end: int) -> dict[str, Any]:
        """Return all that is asked for some frames, in the types of JSON; nothing without a list of shots.

        Two runs in which this and :func:`vidcolor.pipeline.film.run_identity` are the same make the same of the frames.

        Args:
            start: Number of the first frame; end: that of the frame after the last.
        """
        grading, guidance = self.stages.grading, self.stages.guidance
        found = grading.wanted(start, end)
        if found and guidance:
            places = dict.fromkeys(grading.place_of(number) for number in range(start, end))
            found["guides"] = [guidance.wanted(place) for place in places]
        return found

    @contextmanager
    def reopened(self) -> Iterator[Video]:
        """Open the film anew: nothing has been read of it, or counted."""
        with open_film(self.video.info.path, self.settings) as video:
            video.keeps_alpha, video.glimpses = self.encoding.alpha, self.video.glimpses
            yield video

    @contextmanager
    def resumed(self, start: Start) -> Iterator[Iterator[Frame] | None]:
        """Give the frames from a segment's start on: found by seeking, or else by reading from the beginning.

        None when the film does not decode as it did when the segment was laid out.

        Args:
            start: The segment's; the film's first one has no marks.
        """
        how, grading = self.settings, self.stages.grading
        if not start.marks:
            with self.reopened() as video:
                (stretch,) = stretches(video, how, grading)
                self.video = video
                yield stretch.frames
            return
        for near in (start.marks[0].pts, None):
            with self.reopened() as video:
                stream = frames(video, how.start, how.duration, near=near, chroma=grading.keeps_colors)
                if (found := located(stream, start.marks)) is not None:
                    self.video = video
                    yield found
                    return
        yield None


@contextmanager
def segment_pictures(
    work: Work, start: Start, seen: Callable[[Frame], None] = lambda frame: None
) -> Iterator[Iterator[tuple[Step, Planes]]]:
    """Work one segment of a film alone, and give its steps with their chroma planes.

    They are those that the segment has when the whole film is worked in a row, to the byte: nothing flows into a
    segment but its own frames and context. So segments can be worked in any order, on any machine.

    Args:
        start: Where the segment begins, as :func:`vidcolor.pipeline.segments.cutting.cut` laid it out; the film's first
            one has no marks.
        seen: Called with each of the segment's own frames as it was decoded.

    Raises:
        InputError: the film does not decode as it did when the segment was laid out.
    """
    with ExitStack() as stack:
        found = stack.enter_context(work.resumed(start))
        if found is None:
            why = "it does not decode as it did when its segments were laid out"
            raise InputError(f"cannot read {work.video.info.path}", why, "Lay them out again")
        own = takewhile(lambda step: step.start is start, work.steps(found, start))
        yield stack.enter_context(work.colored(_watched(own, seen)))


def _watched(steps: Iterator[Step], seen: Callable[[Frame], None]) -> Iterator[Step]:
    for step in steps:
        if not step.context:
            seen(step.frame)
        yield step
