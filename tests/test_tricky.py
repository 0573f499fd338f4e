"""Real files that break tools: each ends in a right film, checked by decoding it again, or in one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vidcolor.errors import VidcolorError
from vidcolor.film.reader import frames, open_video
from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings

TRICKY = Path(os.environ.get("VIDCOLOR_FOOTAGE", "/nonexistent")) / "tricky"
FILES = sorted(path.name for path in TRICKY.glob("*.*") if path.suffix != ".md") if TRICKY.is_dir() else []
PART = 0.4  # seconds of each; that every frame decodes is tested with the decoder
# What must be refused, and why.
REFUSED = {
    "audio_only.mp4": "no video stream",
    "audio_only_cover.flac": "only picture is a cover",
    "audio_only_podcast.m4a": "only picture is a cover",
    "broken_cannot_open.mp4": "data are invalid",
    "derived_truncated_no_moov.mp4": "data are invalid",
    "empty_13_bytes.flv": "data are invalid",
    "encrypted_cenc.mp4": "does not decode",
    "hdr10_av1_portrait.mp4": "PQ",
    "hdr10_hevc_attachment_chapters.mkv": "PQ",
    "hlg_h264_10bit_amve.mp4": "HLG",
}


@pytest.mark.skipif(not FILES, reason="VIDCOLOR_FOOTAGE names no folder with tricky/")
def test_all_files_are_there() -> None:
    """The list of what must be refused names files of the collection."""
    assert set(REFUSED) <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_right_film_or_clear_error(tmp_path: Path, name: str) -> None:
    """Luma bit for bit, every frame at its time, in color where the picture has any light; or nothing left behind."""
    target = tmp_path / "out.mkv"
    settings = RunSettings(codec="ffv1", size=64, duration=PART)
    if name in REFUSED:
        with pytest.raises(VidcolorError, match=REFUSED[name]) as error:
            colorize_film(TRICKY / name, target, settings=settings)
        assert "\n" not in str(error.value)
        assert list(tmp_path.iterdir()) == []
        return
    result = colorize_film(TRICKY / name, target, settings=settings)
    assert list(tmp_path.iterdir()) == [target]
    with open_video(TRICKY / name) as source, open_video(target) as film:
        before, after = list(frames(source, duration=PART)), list(frames(film))
        assert result.frames == len(before) == len(after) > 0
        for key in ("width", "height", "sample_aspect", "rotation", "mirrored", "alpha"):
            assert getattr(film.info, key) == getattr(source.info, key), key
        rate = film.info.rate
    tick = 0.0011  # Matroska counts milliseconds; a film may begin later as a whole, with sound that begins earlier
    for old, new in zip(before, after, strict=True):
        assert abs((new.seconds - after[0].seconds) - (old.seconds - before[0].seconds)) < tick
        deeper = np.left_shift(old.luma, new.bits - old.bits, dtype=new.luma.dtype)
        assert np.array_equal(new.luma, deeper)
        assert (new.tags.matrix, new.tags.full_range) == (old.tags.matrix, old.tags.full_range)
    assert 0 < rate <= 600
