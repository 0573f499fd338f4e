"""The values that travel through vidcolor: a frame with its time, and what is known about a film."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from vidcolor.color.arrays import Chroma, Luma
from vidcolor.film.marks.tracks import TrackMarks

if TYPE_CHECKING:
    from vidcolor.color.weights import Matrix
    from vidcolor.film.clock import Timestamps
    from vidcolor.film.field_order import FieldOrder
    from vidcolor.film.marks.tracks import Marks

SD_HEIGHT = 576  # pictures up to this height, and up to SD_WIDTH wide, are standard definition: BT.601
SD_WIDTH = 1024
SEQUENCE = "image sequence"  # the container of frames that are numbered files


def usual_matrix(width: int, height: int) -> Matrix:
    """Return the matrix of pictures of a size that tell none: BT.601 in standard definition, else BT.709."""
    return "bt601" if height <= SD_HEIGHT and width <= SD_WIDTH else "bt709"


@dataclass(frozen=True)
class ColorTags:
    """How code values are to be read. The numbers are those of ITU-T H.273; 2 is "unspecified"."""

    matrix: Matrix
    full_range: bool
    colorspace: int = 2
    primaries: int = 2
    transfer: int = 2


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a black-and-white film.

    Attributes:
        luma: Code values exactly as decoded, ``(H, W)``, uint8 or uint16.
        bits: Significant bits of a code value.
        pts: Presentation time in units of ``time_base``.
        tags: Range and matrix.
        chroma: Cb and Cr of color footage at their own size; None unless they were asked for.
        alpha: Opacity, ``(H, W)`` of the luma's type, 0 to the highest code value; None when there is none.
        moved: What was added to ``pts``, where shots alone are made into a film of their own.
    """

    luma: Luma
    bits: int
    pts: int
    time_base: Fraction
    tags: ColorTags
    chroma: Chroma | None = None
    alpha: Luma | None = None
    moved: int = 0

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or self.luma.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"luma must be (H, W) of uint8 or uint16, not {self.luma.shape} of {self.luma.dtype}")

    def __repr__(self) -> str:
        height, width = self.luma.shape
        return f"Frame({width}x{height}, {self.bits} bit, pts={self.pts}, {self.seconds:.3f} s)"

    @property
    def seconds(self) -> float:
        """Return the time at which the frame is shown, in seconds."""
        return float(self.pts * self.time_base)

    @property
    def film_pts(self) -> int:
        """Return the presentation time in the film that the frame was read from, in units of ``time_base``."""
        return self.pts - self.moved

    @property
    def black(self) -> int:
        """Return the code value of Y' = 0."""
        return 0 if self.tags.full_range else 16 << (self.bits - 8)

    @property
    def span(self) -> int:
        """Return the code values between Y' = 0 and Y' = 1."""
        return (1 << self.bits) - 1 if self.tags.full_range else 219 << (self.bits - 8)

    @property
    def neutral(self) -> int:
        """Return the code value of Cb = 0 and of Cr = 0."""
        return 1 << (self.bits - 1)

    @property
    def chroma_span(self) -> int:
        """Return the code values between Cb = -0.5 and Cb = 0.5, and so for Cr."""
        return (1 << self.bits) - 1 if self.tags.full_range else 224 << (self.bits - 8)


@dataclass(frozen=True)
class Join:
    """A place where the clock of a container restarts or jumps.

    Attributes:
        places: For each stream whose clock is seen to jump, its number and the place in the file of the first packet of
            the new clock.
        lies: The places between which it is for all others.
        ends, begins: The last time of the old clock and the first of the new one, in seconds.
        shift: Seconds to add to all times from there on.
    """

    places: tuple[tuple[int, int], ...]
    lies: tuple[int, int]
    ends: Fraction
    begins: Fraction
    shift: Fraction


@dataclass(frozen=True)
class Stray:
    """Packets of a stream whose times left the clock for a moment, by the places of the first and the last one."""

    stream: int
    first: int
    last: int


@dataclass(frozen=True)
class Clock:
    """How the times of a container's packets move, so that they are one film."""

    joins: tuple[Join, ...] = ()
    strays: tuple[Stray, ...] = ()

    @property
    def is_even(self) -> bool:
        """Return whether nothing moves, so that seeking by times is possible."""
        return not self.joins


EVEN = Clock()


@dataclass(frozen=True)
class StreamInfo:
    """A stream other than the picture."""

    index: int
    kind: Literal["video", "audio", "subtitle", "data", "attachment", "unknown"]
    codec: str
    language: str = ""
    detail: str = ""


@dataclass(frozen=True)
class VideoInfo:
    """What a container says about its film.

    Attributes:
        rate: Frames per second, as a guess of the container's; times come from pts alone.
        frames: The count that the container declares, 0 when it does not.
        seconds: Duration, 0 when unknown.
        rotation: Degrees anticlockwise that players turn the picture by.
        sample_aspect: Width of a pixel over its height.
        stream: Number of the picture's stream in the container.
        mirrored: Players exchange left and right, after turning the picture.
        interlaced: The first frames are marked as two fields.
        alpha: The picture has an opacity plane.
        hdr: "PQ", "HLG" or "Dolby Vision" when code values stand for high dynamic range, else "".
        timestamps: The clock that tells when frames are shown; "none" when the container has none.
        dts_shift: What the "dts" clock is behind the picture, in units of ``time_base``.
        begin: Time of the first frame, in units of ``time_base``.
        clock_start: The first time in the container, in seconds.
        captions: The picture's packets carry closed captions.
        chapters: How many there are.
        clock: How the times of its packets move.
        timecode: That of the first frame, as the container tells it; "" when it does not.
        field_order: Which field of its frames is shown first; "" when they are progressive.
        piped: It comes through a pipe, and can be read once.
        tracks: What is marked on tracks, by their streams' numbers, where libav does not hand it on.
        fields_kept: Its frames are handed on with both fields, whatever they show.
        sound: Of an image sequence, a file whose sound goes with it; None: it is silent.
    """

    path: Path
    container: str
    codec: str
    pix_fmt: str
    bits: int
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int
    rate: Fraction
    time_base: Fraction
    frames: int
    seconds: float
    tags: ColorTags
    streams: tuple[StreamInfo, ...] = field(default=())
    stream: int = 0
    mirrored: bool = False
    interlaced: bool = False
    alpha: bool = False
    hdr: str = ""
    timestamps: Timestamps = "pts"
    dts_shift: int = 0
    begin: int = 0
    clock_start: float = 0.0
    captions: bool = False
    chapters: int = 0
    clock: Clock = EVEN
    timecode: str = ""
    field_order: FieldOrder = ""
    fields_kept: bool = False
    piped: bool = False
    tracks: Marks = field(default_factory=dict)
    sound: Path | None = None

    @property
    def is_sequence(self) -> bool:
        """Whether its frames are numbered files."""
        return self.container == SEQUENCE

    @property
    def title(self) -> str:
        """Return the film's name without its suffix, and without the number of frames that are files."""
        return self.path.stem.split("%")[0].strip(" _.-[") or self.path.stem if self.is_sequence else self.path.stem

    @property
    def beside(self) -> Path | None:
        """The file that other streams are copied from: the film itself, or what goes with an image sequence."""
        return self.sound if self.is_sequence else self.path

    @property
    def marks(self) -> TrackMarks:
        """Return what is marked on the picture's track."""
        return self.tracks.get(self.stream, TrackMarks())

    @property
    def is_still(self) -> bool:
        """Return whether this is a single picture: FFmpeg reads them as "png_pipe" and the like."""
        return self.container == "image" or self.container.endswith("_pipe")

    @classmethod
    def of_still(cls, width: int, height: int, tags: ColorTags, bits: int = 8, path: Path = Path()) -> VideoInfo:
        """Return a still picture, as a film of one frame with square pixels."""
        return cls(
            path=path, container="image", codec="", pix_fmt="gray" if bits == 8 else f"gray{bits}le", bits=bits,
            width=width, height=height, sample_aspect=Fraction(1), rotation=0, rate=Fraction(1),
            time_base=Fraction(1), frames=1, seconds=0.0, tags=tags,
        )  # fmt: skip
