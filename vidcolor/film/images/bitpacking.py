"""Samples of 8, 10, 12 and 16 bits as DPX files pack them into words (SMPTE ST 268-1, annex C)."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PACKED, FILLED_A, FILLED_B = 0, 1, 2  # ST 268-1, table 3B: no gaps; gaps below the samples; gaps above them
_BAND = 1 << 16  # words that are worked at a time: they stay in the processor's cache


@dataclass(frozen=True)
class Packing:
    """How the samples of a picture lie in a file.

    Attributes:
        bits: Of a sample: 8, 10, 12 or 16.
        method: PACKED, FILLED_A or FILLED_B.
        channels: Samples of a pixel.
        big_endian: The order of bytes in words.
        padded: Every row begins with a new word; False: rows follow each other without a gap.
    """

    bits: int
    method: int
    channels: int
    big_endian: bool
    padded: bool = True

    @property
    def _cell(self) -> int:
        """Return the bits that a sample takes; 0 for three of 10 bits in a word of 32."""
        if self.method != PACKED and self.bits in (10, 12):
            return 0 if self.bits == 10 else 16
        return self.bits

    @property
    def _in_words(self) -> bool:
        """Return whether samples share words of 32 bits."""
        return self._cell in (0, 10, 12)

    def _words(self, samples: int) -> int:
        return -(-samples * self._cell // 32) if self._cell else -(-samples // 3)

    def row_bytes(self, width: int) -> int:
        """Return the bytes of a row that begins with a new word."""
        return self._words(width * self.channels) * 4

    def size(self, width: int, height: int) -> int:
        """Return the bytes of a picture."""
        if self.padded:
            return self.row_bytes(width) * height
        samples = width * height * self.channels
        return self._words(samples) * 4 if self._in_words else samples * self._cell // 8

    def unpack(self, data: NDArray[np.uint8], width: int, height: int, gap: int = 0) -> NDArray[Any]:
        """Return samples ``(height, width, channels)`` of uint8 or uint16.

        Args:
            data: Bytes that begin with the picture, at least ``size`` of them and ``gap`` more for each row.
            gap: Bytes behind each row.
        """
        samples = width * self.channels
        if not self.padded:
            rows, samples, row = 1, samples * height, self.size(width, height)
        else:
            rows, row = height, self.row_bytes(width)
        stored = np.lib.stride_tricks.as_strided(data, (rows, row), (row + gap, 1), writeable=False)
        found = self._from_words(stored, samples) if self._in_words else self._from_cells(stored, samples)
        return found.reshape(height, width, self.channels)

    def pack(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the bytes of samples ``(height, width, channels)``, a row each ``(height, bytes)``."""
        height, width, _ = samples.shape
        flat = samples.reshape(height, width * self.channels)
        if self._in_words:
            return self._to_words(flat)
        kind = np.dtype(self._order + ("u1" if self._cell == 8 else "u2"))
        row = self.row_bytes(width) // kind.itemsize
        stored = np.zeros((height, row), kind) if row != flat.shape[1] else np.empty((height, row), kind)
        shift = 4 if self.bits == 12 and self.method == FILLED_A else 0
        stored[:, : flat.shape[1]] = flat << shift if shift else flat
        return stored.view(np.uint8)

    @property
    def _order(self) -> str:
        return ">" if self.big_endian else "<"

    def _from_cells(self, stored: NDArray[np.uint8], samples: int) -> NDArray[Any]:
        if self._cell == 8:
            return np.ascontiguousarray(stored[:, :samples])
        found = stored[:, : samples * 2].view(self._order + "u2").astype(np.uint16)
        if self.bits == 12 and self.method == FILLED_A:
            found >>= 4
        elif self.bits == 12:
            found &= 4095
        return found

    @property
    def _group(self) -> tuple[int, int]:
        """Return the samples and words of the smallest group that begins and ends with a word."""
        bits = lcm(self.bits, 32)
        return (bits // self.bits, bits // 32) if self._cell else (3, 1)

    @property
    def _shifts(self) -> tuple[int, int, int]:
        """Return where in a word the first, second and third of three samples begin.

        The first of several channels lies at the top of the word, the first of grey samples at its bottom: so FFmpeg,
        OpenImageIO and scanners have it.
        """
        low = 2 if self.method == FILLED_A else 0
        return (low, low + 10, low + 20) if self.channels == 1 else (low + 20, low + 10, low)

    def _from_words(self, stored: NDArray[np.uint8], samples: int) -> NDArray[np.uint16]:
        words = stored.view(self._order + "u4")
        if not self._cell and samples == 3 * words.shape[1]:
            return self._from_triples(words)
        of, per = self._group
        short = -words.shape[1] % per  # a last group that is not whole
        found = np.empty((len(words), (words.shape[1] + short) // per, of), np.uint16)
        rows = max(1, _BAND // words.shape[1])
        for top in range(0, len(words), rows):
            native = words[top : top + rows].astype(np.uint32)
            if short:
                native = np.pad(native, ((0, 0), (0, short)))
            self._split(native.reshape(len(native), -1, per), found[top : top + rows])
        whole = found.reshape(len(words), -1)
        return whole if whole.shape[1] == samples else np.ascontiguousarray(whole[:, :samples])

    def _from_triples(self, words: NDArray[np.uint32]) -> NDArray[np.uint16]:
        """Return three samples of 10 bits for every word, the kind that most scanners write; OpenCV is fastest."""
        found = np.empty((*words.shape, 3), np.uint16)
        rows = max(1, _BAND // words.shape[1])
        for top in range(0, len(words), rows):
            native = words[top : top + rows].astype(np.uint32)
            planes = [((native >> np.uint32(s)) & np.uint32(1023)).astype(np.uint16) for s in self._shifts]
            cv2.merge(planes, found[top : top + rows])
        return found.reshape(len(words), -1)

    def _split(self, words: NDArray[np.uint32], found: NDArray[np.uint16]) -> None:
        """Put the samples of groups of words ``(rows, groups, words)`` into ``(rows, groups, samples)``."""
        mask = np.uint32((1 << self.bits) - 1)
        for number in range(found.shape[2]):
            word, shift = (0, self._shifts[number]) if not self._cell else divmod(number * self.bits, 32)
            part = words[..., word] >> np.uint32(shift)
            if shift + self.bits > 32:  # the lowest bits come first, and the rest in the next word
                part |= words[..., word + 1] << np.uint32(32 - shift)
            part &= mask
            found[..., number] = part

    def _to_words(self, flat: NDArray[Any]) -> NDArray[np.uint8]:
        height, samples = flat.shape
        if not self._cell and not samples % 3:
            return self._to_triples(flat.reshape(height, -1, 3))
        of, per = self._group
        short = -samples % of
        groups = (samples + short) // of
        stored = np.empty((height, groups * per), self._order + "u4")
        rows = max(1, _BAND // (groups * per))
        for top in range(0, height, rows):
            band = flat[top : top + rows]
            if short:
                band = np.pad(band, ((0, 0), (0, short)))
            stored[top : top + rows] = self._joined(band.reshape(len(band), groups, of), per).reshape(len(band), -1)
        return np.ascontiguousarray(stored[:, : self._words(samples)]).view(np.uint8)

    def _to_triples(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        stored = np.empty(samples.shape[:2], self._order + "u4")
        rows = max(1, _BAND // samples.shape[1])
        for top in range(0, len(stored), rows):
            planes = cv2.split(samples[top : top + rows])
            word = planes[0].astype(np.uint32) << np.uint32(self._shifts[0])
            for plane, shift in zip(planes[1:], self._shifts[1:], strict=True):
                word |= plane.astype(np.uint32) << np.uint32(shift)
            stored[top : top + rows] = word
        return stored.view(np.uint8)

    def _joined(self, samples: NDArray[Any], per: int) -> NDArray[np.uint32]:
        """Return the words ``(rows, groups, words)`` of groups of samples."""
        words = np.zeros((*samples.shape[:2], per), np.uint32)
        for number in range(samples.shape[2]):
            word, shift = (0, self._shifts[number]) if not self._cell else divmod(number * self.bits, 32)
            part = samples[..., number].astype(np.uint32)
            if shift + self.bits > 32:
                words[..., word + 1] |= part >> np.uint32(32 - shift)
            part <<= np.uint32(shift)
            words[..., word] |= part
        return words
