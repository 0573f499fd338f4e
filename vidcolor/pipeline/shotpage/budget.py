"""How large the pictures and clips of a page may be, so that a page of many shots still opens at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vidcolor.color.arrays import Luma, RgbImage
from vidcolor.film.encoding.clip import encode_clip
from vidcolor.report.sheet import jpeg

MOST = 10_500_000  # bytes of pictures and clips of a page; as text (base64) they take a third more
LEAST_EACH, MOST_EACH = 8_000, 600_000  # bytes of a shot, however many or few there are
GREY, COLORED = 0.16, 0.24  # share of a shot's bytes; the clip has the rest
QUALITIES = (90, 84, 76, 66, 54, 40, 25)  # of JPEG
CRFS = (24, 28, 32, 36, 41, 47)  # of H.264
FASTEST = 30  # pictures a second of a clip; of a film with more, some are left out
# From so many bytes a shot: the longest side of its pictures and of its clip in pixels, and the clip's seconds.
_SIZES = ((400_000, 800, 480, 4.0), (100_000, 640, 320, 3.0), (40_000, 480, 240, 2.0), (15_000, 320, 192, 1.5))
_SMALLEST = (224, 0, 0.0)


@dataclass(frozen=True)
class Budget:
    """What a shot may take on a page.

    Attributes:
        most: Bytes of its two pictures and its clip.
        side: The longest side of its pictures, in pixels.
        clip_side: The same of its clip.
        seconds: Of its clip; 0: it has none.
    """

    most: int
    side: int
    clip_side: int
    seconds: float

    @classmethod
    def of(cls, shots: int) -> Budget:
        """Return what each of so many shots may take."""
        each = min(MOST_EACH, max(LEAST_EACH, MOST // max(1, shots)))
        sizes = next((size for least, *size in _SIZES if each >= least), _SMALLEST)
        return cls(each, *sizes)

    def window(self, start: int, end: int, rate: Fraction) -> tuple[int, int]:
        """Return the first frame that is shown of a shot, and the frame after the last: around its middle.

        Args:
            start, end: Of the shot.
            rate: Frames a second.
        """
        length = min(end - start, max(1, round(self.seconds * rate)))
        first = start + (end - start - length) // 2
        return first, first + length

    def pictures(self, grey: Luma, colored: RgbImage) -> tuple[bytes, bytes]:
        """Return a grey picture ``(H, W)`` and a colored one ``(H, W, 3)`` as JPEG."""
        whole = self.most if self.seconds else self.most / (GREY + COLORED)
        return (
            _fitting(lambda quality: jpeg(grey, quality), QUALITIES, GREY * whole),
            _fitting(lambda quality: jpeg(colored, quality), QUALITIES, COLORED * whole),
        )

    def clip(self, pictures: Sequence[RgbImage], rate: Fraction) -> bytes:
        """Return pictures as a clip; nothing where there are too few to move."""
        if not self.seconds or len(pictures) < 2:
            return b""
        return _fitting(lambda crf: encode_clip(pictures, rate, crf), CRFS, (1 - GREY - COLORED) * self.most)


def pace(rate: Fraction) -> int:
    """Return how many frames a film goes on for each picture of a clip."""
    return max(1, -(-rate // FASTEST))


def _fitting(encode: Callable[[int], bytes], qualities: Sequence[int], most: float) -> bytes:
    """Return the best that takes no more bytes than allowed, or else the smallest."""
    found = b""
    for quality in qualities:
        found = encode(quality)
        if len(found) <= most:
            break
    return found
