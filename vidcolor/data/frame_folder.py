"""The folder that extracted frames go into: pictures, a manifest that accounts for every frame, a contact sheet.

DIR/train, DIR/val    pictures
DIR/manifest.csv      a line for each frame that was looked at closely: kept, or why not
DIR/contact.png       what was kept and what was dropped, at a glance
DIR/extraction.json   the films and options that it was made from
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import cv2
import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.errors import OutputError, writing
from vidcolor.report.sheet import contact_sheet, tile

MANIFEST = "manifest.csv"
CONTACT = "contact.png"
ABOUT = "extraction.json"
COLUMNS = (
    "film", "time", "frame", "shot", "split", "file", "dropped", "like",
    "sharpness", "contrast", "chroma", "hue_spread",
)  # fmt: skip

JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)

_SHOWN = 96  # kept pictures on the sheet, evenly from all of them
_SHOWN_DROPPED = 8  # of each reason


@dataclass(frozen=True)
class Entry:
    """A line of the manifest.

    Attributes:
        time: Seconds from the film's beginning.
        frame, shot: Numbers in the film, from 0 and from 1.
        split: "train" or "val"; "" for what was dropped.
        file: The picture, from the folder.
        dropped: Why it was not kept.
        like: The picture that a duplicate looks like.
    """

    film: str
    time: float
    frame: int
    shot: int
    split: str = ""
    file: str = ""
    dropped: str = ""
    like: str = ""
    sharpness: float = 0.0
    contrast: float = 0.0
    chroma: float = 0.0
    hue_spread: float = 0.0


class FrameFolder:
    """Writes a folder of frames: a context manager; the folder has a hidden name until the block ends well.

    Args:
        folder: Its final name. Such a folder that lies there is replaced if ``overwrite``; anything else never is.
        about: What it is made from, as JSON.

    Attributes:
        counts: Pictures kept by split, and dropped by reason.

    Raises:
        OutputError: something lies there, the folder cannot be written, or the disk is full.
    """

    def __init__(self, folder: Path, about: dict[str, Any], *, overwrite: bool = False) -> None:
        self.folder = folder = folder.absolute()
        self._about = about
        self.counts: Counter[str] = Counter()
        self._part, self._old = (folder.with_name(f".{folder.name}.{state}") for state in ("part", "old"))
        self._kept: list[tuple[str, str]] = []  # split and file
        self._dropped: dict[str, list[tuple[RgbImage, str]]] = {}
        self._manifest: TextIO
        if self._old.exists() and not folder.exists():  # a run was killed between the two renames
            os.replace(self._old, folder)
        _check(folder, overwrite)

    def __enter__(self) -> FrameFolder:
        with writing(self.folder):
            shutil.rmtree(self._part, ignore_errors=True)  # an earlier run was killed
            for split in ("train", "val"):
                (self._part / split).mkdir(parents=True)
            self._manifest = open(self._part / MANIFEST, "w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._manifest)
        self._writer.writerow(COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with writing(self.folder):
                self._manifest.close()
                if kind is None:
                    (self._part / ABOUT).write_text(json.dumps(self._about, indent=1))
                    self._write(CONTACT, contact_sheet(self._sections()), ())
                    shutil.rmtree(self._old, ignore_errors=True)  # an earlier run was killed while removing it
                    if self.folder.exists():
                        os.replace(self.folder, self._old)
                    os.replace(self._part, self.folder)
                    shutil.rmtree(self._old, ignore_errors=True)
        finally:
            shutil.rmtree(self._part, ignore_errors=True)

    def keep(self, entry: Entry, image: RgbImage) -> None:
        """Write a picture, and its line."""
        self._write(entry.file, image, JPEG)
        self._kept.append((entry.split, entry.file))
        self._line(entry, entry.split)

    def drop(self, entry: Entry, image: RgbImage) -> None:
        """Write the line of a frame that is not kept."""
        shown = self._dropped.setdefault(entry.dropped, [])
        if len(shown) < _SHOWN_DROPPED:
            shown.append((tile(image), caption(entry)))
        self._line(entry, entry.dropped)

    def _line(self, entry: Entry, counted: str) -> None:
        values = [getattr(entry, name) for name in COLUMNS]
        with writing(self.folder):
            self._writer.writerow([round(v, 3) if isinstance(v, float) else v for v in values])
        self.counts[counted] += 1

    def _write(self, name: str, image: RgbImage, parameters: Sequence[int]) -> None:
        encoded, data = cv2.imencode(Path(name).suffix, image[..., ::-1], parameters)
        if not encoded:
            raise OutputError(f"cannot write {self.folder / name}", "the picture cannot be encoded")
        with writing(self.folder):
            (self._part / name).write_bytes(data.tobytes())

    def _sections(self) -> list[tuple[str, list[tuple[RgbImage, str]]]]:
        sections = []
        for split in ("train", "val"):
            files = [file for kept, file in self._kept if kept == split]
            step = max(1, -(-len(files) // _SHOWN))
            tiles = [(tile(self._read(file)), Path(file).stem) for file in files[::step]]
            sections.append((f"{split}: {len(files)} pictures", tiles))
        for reason, tiles in sorted(self._dropped.items()):
            sections.append((f"dropped, {reason}: {self.counts[reason]} frames", tiles))
        return sections

    def _read(self, file: str) -> RgbImage:
        image: RgbImage | None = cv2.imread(str(self._part / file), cv2.IMREAD_COLOR_RGB)
        if image is None:
            raise OutputError(f"cannot read {self.folder / file} back", "it does not decode", "Check the disk")
        return image.astype(np.uint8, copy=False)


def _check(folder: Path, overwrite: bool) -> None:
    what = f"cannot write {folder}"
    if folder.exists() and not folder.is_dir():
        raise OutputError(what, "it is a file", "Name a folder")
    if not folder.exists():
        if not folder.absolute().parent.is_dir():
            raise OutputError(what, f"there is no folder {folder.parent}", "Create it first")
        return
    if not any(folder.iterdir()):
        return
    if not (folder / MANIFEST).is_file():
        raise OutputError(what, "it holds other things", "Name a new folder")
    if not overwrite:
        raise OutputError(what, "it holds extracted frames", "Use -y to replace them, or name another folder")


def caption(entry: Entry) -> str:
    """Return film and time of a frame as a short line."""
    minutes, seconds = divmod(entry.time, 60)
    return f"{Path(entry.film).stem} {minutes:.0f}:{seconds:04.1f}"
