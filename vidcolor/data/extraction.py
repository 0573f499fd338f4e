"""Photos from footage: the best frames of every shot of color films, once each, and whole shots held out."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from vidcolor.data.frame_folder import ABOUT, CONTACT, Entry, FrameFolder
from vidcolor.data.quality import Likeness
from vidcolor.errors import DataError, InputError
from vidcolor.files import COLOR_FILMS, named_files
from vidcolor.settings import ExtractSettings

if TYPE_CHECKING:
    from vidcolor.data.candidates import Candidate, Take


@dataclass(frozen=True)
class Extraction:
    """What an extraction kept, and what it passed over.

    Attributes:
        train, val: Pictures kept.
        dropped: Frames that were not, by reason.
        films: Those that could be read.
        warnings: Films that could not, and what was lost of others.
    """

    output: Path
    train: int
    val: int
    dropped: dict[str, int]
    films: int
    frames: int
    seconds: float
    fps: float
    warnings: tuple[str, ...]


def extract(
    films: Sequence[Path | str],
    output: Path | str,
    *,
    overwrite: bool = False,
    settings: ExtractSettings | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Extraction:
    """Take the best frames of color films as photos for training.

    Args:
        films: Films, and folders of films.
        output: A new folder; it appears when all is done.
        progress: Called with frames done and frames expected (0: unknown), over all films.

    Raises:
        InputError: a path is absent, or none of the films can be read.
        DataError: no films, or no frame that is worth keeping.
        OutputError: the folder cannot be written.
    """
    # Here, and not above: training on photos needs nothing that reads films.
    from vidcolor.data.candidates import takes
    from vidcolor.film.reader import open_video

    settings = settings or ExtractSettings()
    paths = named_files(films, COLOR_FILMS)
    if not paths:
        raise DataError(f"no films in {', '.join(map(str, films))}", "no file has a film's suffix", "Name the films")
    began = time.monotonic()
    failures: list[InputError] = []
    warnings: list[str] = []
    seen = expected = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        progress(seen, expected)

    with FrameFolder(Path(output), _about(paths, settings), overwrite=overwrite) as folder, _one_thread():
        picker = _Picker(folder, settings)
        for path, label in zip(paths, _labels(paths), strict=True):
            try:
                with open_video(path) as video:
                    expected = seen + video.info.frames if video.info.frames else 0
                    for take in takes(video, settings.max_side, count):
                        picker.pick(path, label, take)
                    warnings += [f"{path}: {line}" for line in video.warnings]
            except InputError as error:
                failures.append(error)
        if len(failures) == len(paths):
            raise failures[0]
        dropped = {reason: n for reason, n in sorted(folder.counts.items()) if reason not in ("train", "val")}
        if not folder.counts["train"]:
            found = ", ".join(f"{n} {reason}" for reason, n in dropped.items()) or "they hold no frames"
            raise DataError(f"no frame of {len(paths)} films is worth keeping", found, "Name films in color")
        if settings.val_share and not folder.counts["val"]:
            warnings.append("a single shot is worth keeping: nothing is held out for validation")
    seconds = time.monotonic() - began
    return Extraction(
        output=Path(output),
        train=folder.counts["train"],
        val=folder.counts["val"],
        dropped=dropped,
        films=len(paths) - len(failures),
        frames=seen,
        seconds=round(seconds, 3),
        fps=round(seen / seconds, 2),
        warnings=(*map(str, failures), *warnings),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let one thread compute: small pictures are sooner done without waiting for others, and for the decoder's."""
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv2_threads)


def extract_once(
    films: Sequence[Path | str],
    output: Path,
    *,
    settings: ExtractSettings | None = None,
    report: Callable[[str], None] = lambda line: None,
    wait: bool = False,
) -> None:
    """Extract, unless the same films already lie there, extracted in the same way.

    Args:
        wait: Another process extracts; return when it is done.

    Raises:
        As :func:`extract`.
    """
    settings = settings or ExtractSettings()
    about = _about(named_files(films, COLOR_FILMS), settings)

    def done() -> bool:
        try:
            return bool(json.loads((output / ABOUT).read_text()) == about)
        except (OSError, ValueError):
            return False

    if done():
        report(f"taking the frames that lie in {output}")
        return
    if wait:
        while not done():
            time.sleep(1)
        return
    report(f"extracting frames of {len(about['films'])} films into {output}")
    found = extract(films, output, overwrite=True, settings=settings)
    for warning in found.warnings:
        report(f"warning: {warning}")
    report(f"extracted {found.train} frames for training, {found.val} for validation; {CONTACT} there shows them")


def _about(films: Sequence[Path], settings: ExtractSettings) -> dict[str, Any]:
    """Return what an extraction follows from: its settings, and the films with their sizes and times of change."""
    stats = [(path.absolute(), path.stat()) for path in films]
    return {**asdict(settings), "films": [[str(path), stat.st_size, stat.st_mtime_ns] for path, stat in stats]}


def _labels(films: Sequence[Path]) -> Iterator[str]:
    """Yield a name for each film's pictures: its own, with a number where two are alike."""
    used: Counter[str] = Counter()
    for film in films:
        stem = re.sub(r"[^\w-]+", "_", film.stem).strip("_")[:60] or "film"
        used[stem] += 1
        yield f"{stem}~{used[stem]}" if used[stem] > 1 else stem


class _Picker:
    """Picks the frames to keep, over all films that go into a folder."""

    def __init__(self, folder: FrameFolder, settings: ExtractSettings) -> None:
        self._folder = folder
        self._per_shot = settings.per_shot
        # Every n-th shot that has something to keep, from the second on: two shots are enough for both sides.
        self._period = max(2, round(1 / settings.val_share)) if settings.val_share else 0
        self._likeness = Likeness()
        self._files: list[str] = []  # by the likeness's numbers
        self._kept_shots = 0
        self._shot: tuple[str, int] | None = None  # the last one that kept something: film and number

    def pick(self, film: Path, label: str, take: Take) -> None:
        """Keep the best frames of a take, and account for the others."""
        flaws = flaws_of(take.candidates)
        verdicts = {c.frame: {"dropped": flaw} for c, flaw in zip(take.candidates, flaws, strict=True)}
        good = [c for c in take.candidates if not verdicts[c.frame]["dropped"]]
        for part in np.array_split(np.arange(len(good)), self._per_shot):  # equal parts in time
            best_first = iter(sorted((good[i] for i in part), key=lambda c: -c.quality.sharpness))
            for candidate in best_first:
                verdicts[candidate.frame] = self._verdict(label, take.shot, candidate)
                if "file" in verdicts[candidate.frame]:
                    break
            verdicts.update((candidate.frame, {"dropped": "surplus"}) for candidate in best_first)
        for candidate in take.candidates:
            seen = candidate.quality
            entry = Entry(
                film=str(film), time=candidate.seconds, frame=candidate.frame, shot=take.shot,
                sharpness=seen.sharpness, contrast=seen.tint.contrast, chroma=seen.tint.chroma,
                hue_spread=seen.tint.hue_spread,
                **verdicts[candidate.frame],
            )  # fmt: skip
            (self._folder.drop if entry.dropped else self._folder.keep)(entry, candidate.image)

    def _verdict(self, label: str, shot: int, candidate: Candidate) -> dict[str, str]:
        """Return where a good frame goes, unless a picture that is kept looks the same."""
        number = self._kept_shots + ((label, shot) != self._shot)
        like = self._likeness.find(candidate.quality.fingerprint, number)
        if like is not None:
            return {"dropped": "duplicate", "like": self._files[like]}
        self._shot, self._kept_shots = (label, shot), number
        split = "val" if self._period and number % self._period == 2 % self._period else "train"
        file = f"{split}/{label}-{shot:04}-{candidate.frame:06}.jpg"
        self._likeness.add(candidate.quality.fingerprint, number)
        self._files.append(file)
        return {"split": split, "file": file}


def flaws_of(candidates: Sequence[Candidate]) -> list[str]:
    """Return each candidate's flaw, "" for none.

    A shot is in color or it is not: where most frames that show something are grey or tinted, the others are too.
    """
    flaws = [candidate.quality.flaw for candidate in candidates]
    shown = [flaw for flaw in flaws if flaw not in ("black", "faded")]
    colorless = [flaw for flaw in shown if flaw in ("grey", "tinted")]
    if 2 * len(colorless) > len(shown):
        most = Counter(colorless).most_common(1)[0][0]
        flaws = [flaw or most for flaw in flaws]
    return flaws
