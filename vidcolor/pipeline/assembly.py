"""A film made of segments: those that are there are taken over, the others colored, and all joined with the sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vidcolor.errors import InputError, OutputError
from vidcolor.film.encoding.encode import Encoding
from vidcolor.film.encoding.essence import Essence
from vidcolor.film.encoding.finished import EssenceDigest
from vidcolor.film.encoding.packets import Stored, joined, stored_header
from vidcolor.film.sequences.publishing import FrameOutput
from vidcolor.film.writer import FilmWriter
from vidcolor.pipeline.account import Account
from vidcolor.pipeline.chain import Chain, Piece
from vidcolor.pipeline.earlier import Earlier
from vidcolor.pipeline.segments.cutting import Start, Step
from vidcolor.pipeline.segments.journal import Journal
from vidcolor.pipeline.segments.recorder import Recorder
from vidcolor.pipeline.stretches import Stretch

# Finished segments that differ in these are of no use to anybody: nobody has chosen them.
_NOT_CHOSEN = {"input", "version"}


@dataclass
class Assembly:
    """The making of a film from its segments.

    Attributes:
        journal: What is finished beside the output.
        earlier: The film that has the output's name already, if its segments are known.
        identity: What decides the film as a whole.
        overwrite: Work that was done otherwise may be thrown away.
        pieces: The segments in the order of the film, as far as they have been followed.
    """

    account: Account
    journal: Journal
    earlier: Earlier | None
    identity: Mapping[str, Any]
    overwrite: bool
    pieces: list[Piece] = field(default_factory=list)

    @property
    def _film(self) -> Path:
        return self.account.writer.path

    def make(self, part: Stretch) -> None:
        """Color what is missing, segment by segment beside the output; then join all.

        Args:
            part: The film, from its first frame on.

        Raises:
            VidcolorError: one of its kinds. What is finished stays beside the output.
        """
        self.account.expected = part.length
        journal = self.journal
        journal.claim()
        changed = journal.differences(self.identity) if journal.segments else []
        try:
            self._refuse_to_lose(changed)
            taken = self._taken()
            self.account.writer.rehearse()
        except BaseException:
            if not journal.segments:
                journal.remove()
            raise
        if changed:
            self.account.report(f"{self._film} was begun with another {', '.join(changed)}: starting afresh")
        elif journal.is_published and not taken:  # the last run ended just before it tidied up
            self.account.done = self.account.resumed = journal.frames
            self.pieces = list(self._recorded())
            self.account.tally = self._tally
            journal.remove()
            return
        journal.begin(self.identity)
        try:
            self._complete(part, [*taken, *self._recorded()])
            if taken and all(piece in taken for piece in self.pieces):
                self.account.report(f"{self._film} is as it is wanted already: nothing was done")
            else:
                self._join()
        except BaseException as stop:
            kept = f"{journal.frames} frames are kept, and the same command goes on from there"
            if not journal.segments:
                journal.remove()
            elif isinstance(stop, KeyboardInterrupt):
                raise KeyboardInterrupt(kept) from None
            elif isinstance(stop, InputError):
                self.account.report(f"{self._film}: {kept}")
            raise
        journal.remove()

    def _refuse_to_lose(self, changed: list[str]) -> None:
        """Refuse to throw finished work away: a slip in an option must not cost the hours of work beside the output."""
        if changed and not self.overwrite and not _NOT_CHOSEN.intersection(changed):
            why = f"{self.journal.frames} frames of it are finished with another {', '.join(changed)}"
            remedy = "Go on with the options of before, or use -y to start afresh"
            raise OutputError(f"cannot write {self._film}", why, remedy)

    def _taken(self) -> list[Piece]:
        """Return the segments of the film that is there, if it was made in the same way."""
        if self.earlier is None or self.earlier.differences(self.identity):
            return []
        encoding = self.account.work.encoding
        found = self.earlier.pieces(encoding) if isinstance(encoding, Encoding) else []
        if len(found) < len(self.earlier.segments) and not self.overwrite:
            what, why = f"cannot write {self._film}", "it exists, and somebody has changed it since vidcolor made it"
            raise OutputError(what, why, "Use -y to overwrite it, or choose another name with -o")
        return found

    def _recorded(self) -> Iterator[Piece]:
        for segment in reversed(self.journal.segments):  # of two for one place, the later one counts
            yield Piece(segment, self.journal.packets(segment.number))

    def _complete(self, part: Stretch, known: Sequence[Piece]) -> None:
        """Follow the film from its beginning to its end, and color what no known piece holds."""
        account, journal = self.account, self.journal
        chain = Chain(account.work, known)
        if chain.frames:
            account.report(f"{chain.frames} frames are done already: going on with the others")
        start = self._follow(chain, part.start)
        unread: Stretch | None = part
        while start is not None:
            before = len(journal.segments)
            if self._color(chain, start, None if start.marks else unread):
                self.pieces += [Piece(each, journal.packets(each.number)) for each in journal.segments[before:]]
                start = self._follow(chain, self.pieces[-1].segment.following)
            else:
                account.report(f"{account.work.video.info.path} does not decode as it did before: starting afresh")
                journal.forget()
                self.pieces.clear()
                account.done = account.resumed = 0
                chain, start = Chain(account.work, ()), part.start
            unread = None if not start or start.marks else unread
        account.tally = self._tally

    def _follow(self, chain: Chain, start: Start | None) -> Start | None:
        """Take over the pieces that follow each other from a place on; return where the first missing one begins."""
        found, following = chain.walk(start)
        self.pieces += found
        frames = sum(piece.segment.frames for piece in found)
        self.account.done += frames
        self.account.resumed += frames
        if found:
            self.account.progress(self.account.done, self.account.expected)
        return following

    @property
    def _tally(self) -> dict[str, float]:
        """What was counted in the pieces so far."""
        total: dict[str, float] = {}
        for piece in self.pieces:
            for name, count in piece.segment.tally.items():
                total[name] = total.get(name, 0) + count
        return total

    def _color(self, chain: Chain, start: Start, part: Stretch | None) -> bool:
        """Color segments from a place on, to the film's end or to the next known one; False when it is not found.

        Args:
            part: The film where it begins, if it has not been read yet; None: it is opened anew.
        """
        work, account, tally = self.account.work, self.account, self._tally
        start = replace(start, number=self.journal.next_number)
        missing = _Missing(chain)
        with ExitStack() as stack:
            stream = part.frames if part else stack.enter_context(work.resumed(start))
            if stream is None:
                return False
            if part is None:  # else what was met before its first frame, which is read already, counts too
                account.tally = tally
            steps = missing.steps(work.steps(account.tallied(stream), start))
            pictures = stack.enter_context(work.colored(steps))
            recorder = stack.enter_context(Recorder(self.journal, work.encoding, self._film, work.wanted, tally))
            for step, planes in pictures:
                account.colors.push(step.frame, step.starts_shot)
                recorder.push(step, planes, account.tally_at(step.frame.pts))
                account.count()
            recorder.finish(missing.following)
        return True

    def _join(self) -> None:
        """Write the film with its sound; by a list of shots, what its segments are is told beside it."""
        work, writer = self.account.work, self.account.writer
        if isinstance(writer, FrameOutput):
            with writer:
                writer.take([piece.packets for piece in self.pieces if isinstance(piece.packets, Path)])
            return
        assert isinstance(writer, FilmWriter), "there is no other output"
        essence = Essence(writer.encoding.codec)
        is_told = work.stages.grading.shots is not None
        made = [place for place, piece in enumerate(self.pieces) if is_told and isinstance(piece.packets, Path)]
        digests = {place: EssenceDigest() for place in made}  # costly: only where they are told of
        begin: int | None = None

        def passed(place: int, packet: Stored) -> None:
            nonlocal begin
            begin = packet.pts if begin is None else min(begin, packet.pts)
            if place in digests:  # that of packets from a film is known
                digests[place].add(essence.of_encoder(packet.data), packet.sides)

        def sealed(part: Path) -> None:
            self.journal.seal(part)
            if not is_told or begin is None:
                return
            found = {place: digest.text() for place, digest in digests.items()}
            segments = tuple(
                replace(piece.segment, number=place, sha256=found.get(place, piece.segment.sha256))
                for place, piece in enumerate(self.pieces)
            )
            header = stored_header(self.pieces[0].packets).hex()
            Earlier(self._film, dict(self.identity), part.stat().st_size, begin, header, segments).write()

        writer.sealed = sealed
        with writer:
            writer.write(joined([piece.packets for piece in self.pieces], writer.encoding.time_base, passed))


@dataclass
class _Missing:
    """Lets steps through up to the next segment that a chain holds, whose start is then ``following``."""

    chain: Chain
    following: Start | None = None

    def steps(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield the steps of the segments that are missing."""
        begun: Start | None = None
        for step in steps:
            if step.start is not begun:
                if begun is not None and self.chain.find(step.start):
                    self.following = step.start
                    return
                begun = step.start
            yield step
