"""Sound that is named goes with the pictures of an image sequence, if it can."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from reels import SHOT, textures, write_scan
from scans import SMALL, run, write_film, write_sound
from vidcolor.errors import InputError, OutputError
from vidcolor.film.reader import frames, open_video, probe
from vidcolor.settings import RunSettings

pytestmark = pytest.mark.usefixtures("short_segments", "tiny_network")


def test_a_sequence_becomes_a_film_with_sound_and_timecode(tmp_path: Path) -> None:
    """Luma to the code, times by the rate, the sound that was named, the timecode of the first frame."""
    lumas = write_scan(tmp_path / "scan", 2 * SHOT)
    seconds = 2 * SHOT / 24
    sound = write_sound(tmp_path / "sound.wav", seconds)
    settings = RunSettings(codec="prores_ks", preset="4444", audio=sound, **SMALL)
    result = run(tmp_path / "scan", tmp_path / "film.mov", settings=settings)
    assert (result.frames, result.warnings) == (2 * SHOT, ())
    info = probe(tmp_path / "film.mov")
    assert (float(info.rate), info.timecode) == (24, "01:00:00:00")
    assert [(each.kind, each.codec) for each in info.streams if each.kind == "audio"] == [("audio", "pcm_s16le")]
    with av.open(str(tmp_path / "film.mov")) as film:
        heard = sum(frame.samples for frame in film.decode(audio=0))
    assert heard == round(seconds * 48000)
    run(tmp_path / "scan", tmp_path / "film.mkv", settings=RunSettings(codec="ffv1", start=0.5, audio=sound, **SMALL))
    with open_video(tmp_path / "film.mkv") as film_again:
        found = list(frames(film_again))
    assert [round(frame.seconds * 24) for frame in found] == list(range(12, 2 * SHOT))
    assert all(np.array_equal(frame.luma, luma) for frame, luma in zip(found, lumas[12:], strict=True))


@pytest.mark.parametrize("seconds", [0.4, 3.0])
def test_sound_of_another_length_is_one_clear_line(tmp_path: Path, seconds: float) -> None:
    """Both lengths are told, and the rate that makes one of them."""
    write_scan(tmp_path / "scan", 2 * SHOT)
    sound = write_sound(tmp_path / "sound.wav", seconds)
    settings = RunSettings(audio=sound, **SMALL)
    with pytest.raises(
        InputError, match=rf"sound.wav: it lasts {seconds:.2f} s, and the pictures 0\.75 s \(18 frames at 24"
    ):
        run(tmp_path / "scan", tmp_path / "film.mov", settings=settings)
    assert not (tmp_path / "film.mov").exists()


def test_sound_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    """Of pictures, of a film that has its own, for files that hold none, and of nothing."""
    write_scan(tmp_path / "scan", 24)
    film = write_film(tmp_path / "film.mkv", textures(3, 8))
    sound = write_sound(tmp_path / "sound.wav", 1.0)
    cases = (
        (tmp_path / "scan", "out.mov", film, "it holds none"),
        (film, "out.mov", sound, "a film has its own sound"),
        (tmp_path / "scan", "out/%d.dpx", sound, "an image sequence holds no sound"),
        (tmp_path / "scan", "out.mov", tmp_path / "absent.wav", "no such file"),
    )
    for source, target, audio, why in cases:
        with pytest.raises((InputError, OutputError), match=why):
            run(source, tmp_path / target, settings=RunSettings(audio=audio, **SMALL))
    assert not (tmp_path / "out.mov").exists()
