"""What the command line says: results on stdout; lines for the reader, bars and events on stderr."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from vidcolor.cli.progress import INTERVAL, FilmsProgress, Moment, Progress
from vidcolor.errors import OutputError, VidcolorError, reason
from vidcolor.settings import TerminalSettings

if TYPE_CHECKING:
    from vidcolor.pipeline.result import Result


class Terminal:
    """Prints what a command has to say, in the form that was asked for.

    With ``--progress json`` every line on stderr is a JSON object with an "event"; docs/command-line.md lists them.
    """

    def __init__(self, settings: TerminalSettings) -> None:
        self.settings = settings
        self._bars: Any = None
        self._file = ""
        self._lost: OSError | None = None
        self._out = sys.stdout

    def leave_stdout(self) -> None:
        """Print results on stderr: stdout carries a film."""
        self._out = sys.stderr

    def result(self, value: Any, *lines: str) -> None:
        """Print what a command has found: one JSON object, or lines to read."""
        for line in (json.dumps(value, default=str),) if self.settings.json else lines:
            self.show(line)

    def show(self, line: str) -> None:
        """Print a line of results; when that fails, the work goes on and ``close`` tells."""
        with self._beside_bars(self._out):
            try:
                print(line, file=self._out, flush=True)
            except OSError as error:
                if error.errno == errno.EPIPE:  # nobody reads any more
                    raise
                self._lost = self._lost or error
                forget(self._out)

    def say(self, text: str) -> None:
        """Tell the reader something that is good to know."""
        if not self.settings.quiet:
            self._line("note", text, text=text)

    def detail(self, text: str) -> None:
        """Tell something that was asked for with ``--verbose``."""
        if self.settings.verbose:
            self._line("detail", text, text=text)

    def warn(self, text: str, file: object = "") -> None:
        """Tell that something was lost or is damaged."""
        self._line("warning", f"warning: {file}: {text}" if file else f"warning: {text}", text=text)

    def fail(self, error: VidcolorError | str) -> None:
        """Tell what could not be done."""
        self._line("failed", f"error: {error}", error=str(error))

    def interrupted(self, text: str) -> None:
        """Tell that the work was stopped, and what is kept."""
        self._line("interrupted", f"interrupted: {text}" if text else "interrupted", text=text)

    def event(self, name: str, **values: Any) -> None:
        """Tell another program what happens; a reader sees it in other ways."""
        if self.settings.progress == "json":
            file = {"file": self._file} if self._file else {}
            self._write(json.dumps({"event": name, **file, **values}, default=str))

    def finished(self, result: Result) -> None:
        """Tell what came out of a film or a photograph: notes and warnings, then where it is."""
        for note in result.notes:
            self.say(f"note: {note}")
        for warning in result.warnings:
            self.warn(warning)
        self.event("finished", **asdict(result))
        speed = f"{result.frames} frames in {result.seconds:.1f} s, {result.fps:.1f} fps"
        line = f"{result.output}  ({speed}, {result.model} on {result.device})"
        self.result(asdict(result), *(() if self.settings.quiet else (line,)))

    def close(self) -> None:
        """Make sure that all was printed.

        Raises:
            OutputError: stdout did not take it.
        """
        try:
            if self._lost:
                raise self._lost
            sys.stdout.flush()
        except OSError as error:
            forget(sys.stdout)
            if error.errno == errno.EPIPE:
                raise
            why = reason(error)
            raise OutputError("cannot print the results", why, "What was written into files is there") from error

    @contextmanager
    def hearing_logs(self) -> Iterator[None]:
        """Print what the library logs: errors with their tracebacks, and with ``--verbose`` what it does."""
        import logging

        class Hearer(logging.Handler):
            def emit(handler, record: logging.LogRecord) -> None:  # noqa: N805  # self is the terminal
                text = handler.format(record)
                self.warn(text) if record.levelno >= logging.WARNING else self.detail(text)

        log, hearer = logging.getLogger("vidcolor"), Hearer()
        level = log.level
        log.setLevel(logging.INFO if self.settings.verbose else logging.WARNING)
        log.addHandler(hearer)
        try:
            yield
        finally:
            log.removeHandler(hearer)
            log.setLevel(level)

    @contextmanager
    def progress(self, weights: Mapping[str, float]) -> Iterator[Progress]:
        """Show how far a run over files is, each with its share of the work."""
        with self._showing(len(weights) > 1) as show:
            yield Progress(weights, show)

    @contextmanager
    def steps_of(self, what: Path | str) -> Iterator[Callable[[int, int], None]]:
        """Show how far work on one file, or of another name, is; gives what is told of the steps done and expected."""
        with self.progress({str(what): 1}) as progress:
            progress.begin(str(what))
            yield progress.step
            progress.end()

    @contextmanager
    def films_progress(self, weights: Mapping[str, float]) -> Iterator[FilmsProgress]:
        """Show how far a run is that is at several films at the same time, each with its share of the work."""
        with self._showing(len(weights) > 1) as show:
            yield FilmsProgress(weights, show)

    @contextmanager
    def _showing(self, several: bool) -> Iterator[Callable[[Moment], None]]:
        if self.settings.progress == "json":
            yield self._tell
        elif not self._has_bars():
            yield lambda moment: None
        else:
            with self._bars_of(several) as draw:
                yield draw

    @contextmanager
    def training(self) -> Iterator[Callable[[dict[str, float]], None]]:
        """Show the loss, images a second and the time left."""
        if self.settings.progress == "json":
            yield lambda values: self.event("progress", **values)
        elif not self._has_bars():
            yield lambda values: None
        else:
            from rich.console import Console

            with Console(stderr=True).status("training") as status:

                def update(v: dict[str, float]) -> None:
                    status.update(
                        f"epoch {v['epoch'] + 1:.0f}, step {v['step'] + 1:.0f} of {v['steps']:.0f}, "
                        f"loss {v['loss']:.4g}, {v['images_per_second']:.0f} images/s, "
                        f"{span(v['seconds_left'])} left"
                    )

                yield update

    def _has_bars(self) -> bool:
        wanted = self.settings.progress == "auto" and not self.settings.quiet
        return wanted and sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")

    def _tell(self, moment: Moment) -> None:
        self._file = moment.file
        values = {k: round(v, 2) if isinstance(v, float) else v for k, v in asdict(moment).items()}
        begins = values.pop("begins")
        self.event("started" if begins else "progress", **values)

    @contextmanager
    def _bars_of(self, several: bool) -> Iterator[Callable[[Moment], None]]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        ends = (TextColumn("{task.fields[fps]}"), TextColumn("{task.fields[left]}"))
        # Rich would take our stdout for its own; lines are printed while the bars are away instead.
        own: dict[str, Any] = {"redirect_stdout": False, "redirect_stderr": False, "refresh_per_second": 1 / INTERVAL}
        with Bars(*columns, *ends, console=Console(stderr=True), transient=True, **own) as bars:
            film = bars.add_task("", total=None, fps="", left="")
            whole = bars.add_task("all", total=None, fps="", left="", visible=several)

            def draw(moment: Moment) -> None:
                fps = f"{moment.fps:.1f} fps" if moment.fps else ""
                bars.update(
                    film, description=printable(moment.file), completed=moment.frame, total=moment.frames or None,
                    fps=fps, left=span(moment.seconds_left),
                )  # fmt: skip
                bars.update(whole, completed=moment.number - 1, total=moment.files, left=span(moment.all_seconds_left))

            self._bars = bars
            try:
                yield draw
            finally:
                self._bars = None

    @contextmanager
    def _beside_bars(self, stream: TextIO) -> Iterator[None]:
        """Take the bars away while something is printed where they stand."""
        bars = self._bars if stream.isatty() else None
        if bars is None:
            yield
            return
        bars.stop()
        try:
            yield
        finally:
            bars.start()

    def _line(self, event: str, line: str, **values: Any) -> None:
        if self.settings.progress == "json":
            self.event(event, **values)
        else:
            self._write(f"vidcolor: {line}")

    def _write(self, line: str) -> None:
        with self._beside_bars(sys.stderr):
            try:
                print(line, file=sys.stderr, flush=True)
            except OSError:  # what nobody can read must not end the work
                forget(sys.stderr)


def span(seconds: float | None) -> str:
    """Return a length of time to read: 0:01:30, or nothing when it is unknown."""
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))


def printable(name: str) -> str:
    """Return a file's name without what a terminal cannot show."""
    return name.encode("utf-8", "replace").decode()


def forget(stream: TextIO) -> None:
    """Send a stream that fails into nothing, with what it still holds: Python would complain about it at its end."""
    with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
