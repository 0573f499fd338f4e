"""Image sequences go through the pipeline of films: colored with their luma to the code, stopped, taken up again."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from calls import stop_at
from reels import HEIGHT, SHOT, WIDTH, textures, write_scan
from scans import RUN, SMALL, run, state, write_film
from vidcolor.color.codes import luma_codes
from vidcolor.errors import InputError, OutputError
from vidcolor.film.images.dpx import Header, read_dpx, write_dpx
from vidcolor.film.images.image import Image
from vidcolor.film.images.reading import read_image
from vidcolor.film.reader import frames, open_video
from vidcolor.film.transfer import LOG, VIDEO, Transfer
from vidcolor.pipeline.batch import colorize_all
from vidcolor.pipeline.forecast import forecast_all
from vidcolor.pipeline.inputs import are_several, find_inputs
from vidcolor.settings import RunSettings

pytestmark = pytest.mark.usefixtures("short_segments", "tiny_network")


@pytest.mark.parametrize(("bits", "transfer"), [(8, VIDEO), (10, VIDEO), (10, LOG), (12, VIDEO), (16, VIDEO)])
def test_a_scan_comes_out_with_its_luma_and_header(tmp_path: Path, bits: int, transfer: Transfer) -> None:
    """To the code, in colors, under the same numbers; only what tells of the pixels changes in a header."""
    lumas = write_scan(tmp_path / "scan", 5, bits, transfer)
    result = run(tmp_path / "scan" / "reel1_%06d.dpx", tmp_path / "new" / "out" / "c_%06d.dpx")
    assert (result.frames, result.warnings) == (5, ())
    assert ("log" in " ".join(result.notes)) == (transfer is LOG)
    names = [f"c_{number:06d}.dpx" for number in range(86400, 86405)]
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == names
    for number, name in enumerate(names):
        found = read_dpx(tmp_path / "new" / "out" / name)
        assert np.array_equal(luma_codes(found.pixels), lumas[number])
        assert np.ptp(found.pixels.astype(int), axis=2).max() > 3
        before = (tmp_path / "scan" / f"reel1_{86400 + number:06d}.dpx").read_bytes()[:2048]
        assert (found.transfer, found.bits) == (transfer, bits)
        assert found.metadata.header == before  # it was RGB already: not a byte is another


def test_the_same_frames_as_film_and_as_files_get_the_same_colors(tmp_path: Path) -> None:
    """One pipeline: what FFV1 holds of a sequence is what the colored files hold, but for rounding to R'G'B'."""
    lumas = write_scan(tmp_path / "scan", 2 * SHOT)
    run(tmp_path / "scan", tmp_path / "film.mkv", settings=RunSettings(codec="ffv1", pix_fmt="yuv444p10le", **SMALL))
    run(tmp_path / "scan", tmp_path / "out" / "c_%06d.dpx", settings=RUN)
    with open_video(tmp_path / "film.mkv") as film, open_video(tmp_path / "out") as files:
        assert film.info.rate == files.info.rate == 24
        assert files.info.frames == 2 * SHOT
        pairs = list(zip(frames(film, chroma=True), frames(files, chroma=True), strict=True))
    assert len(pairs) == 2 * SHOT
    for luma, (a, b) in zip(lumas, pairs, strict=True):
        assert np.array_equal(a.luma, luma)
        assert np.array_equal(b.luma, luma)
        assert a.chroma is not None
        assert b.chroma is not None
        for one, other in zip(a.chroma, b.chroma, strict=True):
            assert np.abs(one.astype(int) - other).max() <= 1


def test_a_part_has_the_numbers_of_the_whole(tmp_path: Path) -> None:
    """By a range, by times; and a range that is taken up again is that range."""
    lumas = write_scan(tmp_path / "scan", 3 * SHOT)
    ranged = tmp_path / "scan" / "reel1_[086410-086420].dpx"
    run(ranged, tmp_path / "a" / "%06d.dpx")
    assert sorted(state(tmp_path / "a")) == [f"{number:06d}.dpx" for number in range(86410, 86421)]
    settings = RunSettings(start=0.5, duration=0.25, **SMALL)
    run(tmp_path / "scan", tmp_path / "b" / "%06d.dpx", settings=settings)
    assert sorted(state(tmp_path / "b")) == [f"{number:06d}.dpx" for number in range(86412, 86418)]
    assert np.array_equal(luma_codes(read_dpx(tmp_path / "b" / "086412.dpx").pixels), lumas[12])
    part = tmp_path / "scan" / f"reel1_[086407-{86400 + 3 * SHOT - 1:06d}].dpx"
    with pytest.raises(KeyboardInterrupt):
        run(part, tmp_path / "c" / "%06d.dpx", progress=stop_at(3 * SHOT - 8))
    assert run(part, tmp_path / "c" / "%06d.dpx").resumed > 0
    assert len(state(tmp_path / "c")) == 3 * SHOT - 7


def test_log_becomes_a_film_as_it_looks(tmp_path: Path) -> None:
    """At the depth of its codes: what is shown of ten bits of density is no finer."""
    write_scan(tmp_path / "scan", 3, transfer=LOG)
    assert run(tmp_path / "scan", tmp_path / "film.mp4").frames == 3
    run(tmp_path / "scan", tmp_path / "film.mkv", settings=RunSettings(codec="ffv1", **SMALL))
    with open_video(tmp_path / "scan") as scan, open_video(tmp_path / "film.mkv") as film:
        assert film.info.bits == 10
        for shown, found in zip(frames(scan), frames(film), strict=True):
            assert np.abs(found.luma - shown.luma / 64).max() < 1  # rounded; white, 65535 / 64, is the top code


@pytest.mark.parametrize("suffix", [".png", ".dpx", ".tif"])
def test_a_film_becomes_a_sequence(tmp_path: Path, suffix: str) -> None:
    """Frames are counted from 1; limited range is stretched to full, and every code comes back."""
    lumas = [np.clip(luma, 16, 235) for luma in textures(SHOT + 4, 8)]
    film = write_film(tmp_path / "film.mkv", lumas, sound=True)
    result = run(film, tmp_path / "out" / f"f_%06d{suffix}")
    assert result.frames == len(lumas)
    (warning,) = result.warnings
    assert "audio stream 1 (pcm_s16le) left out" in warning
    assert sorted(state(tmp_path / "out")) == [f"f_{number:06d}{suffix}" for number in range(1, len(lumas) + 1)]
    for number, luma in enumerate(lumas, 1):
        found = read_image(tmp_path / "out" / f"f_{number:06d}{suffix}")
        y = found.pixels.astype(float) @ [0.299, 0.587, 0.114]  # BT.601, of a film this small
        assert np.array_equal(np.rint(16 + np.rint(y) * 219 / 255).astype(np.uint8), luma)
        if suffix == ".dpx":
            header = Header(found.metadata.header)
            assert (header.rate, header.timecode) == (Fraction(25), f"10:00:00:{number - 1:02}")
    with pytest.raises(OutputError, match=r"13 of its frames exist, f_000001"):
        run(film, tmp_path / "out" / f"f_%06d{suffix}")
    strict = RunSettings(strict=True, **SMALL)
    with pytest.raises(InputError, match="left out"):
        run(film, tmp_path / "strict" / f"f_%06d{suffix}", settings=strict)
    assert state(tmp_path / "strict") == {}


def test_a_film_with_uneven_times_is_told(tmp_path: Path) -> None:
    """Numbered files have a rate and no times."""
    film = write_film(tmp_path / "film.mkv", textures(8, 8), uneven=True)
    (warning,) = run(film, tmp_path / "out" / "f_%02d.png").warnings
    assert "do not come at an even rate" in warning


def test_sequences_in_other_formats_and_out(tmp_path: Path) -> None:
    """16-bit TIFF to 16-bit PNG and back to 16-bit TIFF: the luma is the same after both."""
    lumas = textures(3, 16)
    (tmp_path / "a").mkdir()
    for number, luma in enumerate(lumas):
        cv2.imwrite(str(tmp_path / "a" / f"a{number}.tif"), luma)
    for source, target in (("a/a%d.tif", "b/b%d.png"), ("b/b%d.png", "c/c%d.tif")):
        run(tmp_path / source, tmp_path / target, fps=24)
        for number, luma in enumerate(lumas):
            found = read_image(tmp_path / (target % number))
            assert found.bits == 16
            assert np.array_equal(luma_codes(found.pixels), luma)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda scan: (scan / "reel1_086403.dpx").unlink(), r"1 of its frames are missing: 86403\."),
        (
            lambda scan: write_dpx(scan / "reel1_086402.dpx", Image(np.zeros((HEIGHT, 90, 3), np.uint16), 10)),
            r"reel1_086402\.dpx: its size is 90x64, and that of the first frame 96x64\.",
        ),
        (lambda scan: write_scan(scan, 3, name="reel2_"), "it holds 2 sequences"),
        (lambda scan: spoil_header(scan, 1724, b"\xff" * 4, 1940, b"\xff" * 4), r"how many frames a second.*--fps 24"),
        (lambda scan: spoil_header(scan, 772, b"\x00\x0f\xff\xff"), r"its header claims 1048575x64 pixels|cut short"),
        (lambda scan: spoil_header(scan, 4, b"\x7f\xff\xff\xff", 808, b"\xff" * 4), r"said to begin at byte"),
        (lambda scan: spoil_header(scan, 803, b"\x07"), r"7-bit numbers"),
        (lambda scan: (scan / "reel1_086401.dpx").write_bytes(b""), r"it is no DPX file|the file is empty|cut short"),
    ],
    ids=["hole", "other size", "two sequences", "no rate", "absurd width", "absurd offset", "absurd depth", "empty"],
)
def test_bad_sequences_are_one_clear_line(tmp_path: Path, spoil: Callable[[Path], object], why: str) -> None:
    """Which file, why, and what to do; found before any work, and nothing is written or lost."""
    write_scan(tmp_path / "scan", 6)
    spoil(tmp_path / "scan")
    before = state(tmp_path / "scan")
    with pytest.raises(InputError, match=why) as refused:
        run(tmp_path / "scan", tmp_path / "out" / "c_%06d.dpx")
    assert "\n" not in str(refused.value)
    assert refused.value.remedy
    assert state(tmp_path / "scan") == before
    assert not (tmp_path / "out").exists()


def spoil_header(scan: Path, *places: Any) -> None:
    """Put bytes into the header of the first frame, at the places named."""
    path = scan / "reel1_086400.dpx"
    data = bytearray(path.read_bytes())
    for offset, value in zip(places[::2], places[1::2], strict=True):
        data[offset : offset + len(value)] = value
    path.write_bytes(data)


def test_folders_of_sequences_are_films_among_others(tmp_path: Path) -> None:
    """A folder with one is one input; below a folder each is one, and photographs stay photographs."""
    write_scan(tmp_path / "reels" / "a", 3)
    write_scan(tmp_path / "reels" / "b", 4)
    (tmp_path / "reels" / "c").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / "reels" / "c" / f"{number}.png"), textures(1, 8)[0])
    assert not are_several([tmp_path / "reels" / "a"])
    assert are_several([tmp_path / "reels"])
    inputs = find_inputs([tmp_path / "reels"], recursive=True)
    assert [str(source.relative_to(tmp_path / "reels")) for source, _ in inputs] == [
        "a/reel1_%06d.dpx", "b/reel1_%06d.dpx", "c/0.png", "c/1.png", "c/2.png",
    ]  # fmt: skip
    outcomes = list(colorize_all(inputs, tmp_path / "out", settings=RUN))
    assert [outcome.status for outcome in outcomes] == ["done"] * 5
    assert len(state(tmp_path / "out" / "a")) == 3
    assert sorted(state(tmp_path / "out" / "c")) == ["0.color.png", "1.color.png", "2.color.png"]
    again = list(colorize_all(inputs, tmp_path / "out", settings=RUN))
    assert [outcome.status for outcome in again] == ["skipped"] * 5


def test_without_an_output_frames_go_into_a_folder_beside_theirs(tmp_path: Path) -> None:
    """Under their names; a folder that is named gets them likewise, and is made."""
    write_scan(tmp_path / "scan", 2)
    assert run(tmp_path / "scan").output == tmp_path / "scan.color" / "reel1_%06d.dpx"
    assert len(state(tmp_path / "scan.color")) == 2
    assert run(tmp_path / "scan", tmp_path / "new").output == tmp_path / "new" / "reel1_%06d.dpx"
    assert len(state(tmp_path / "new")) == 2


def test_a_dry_run_tells_of_sequences(tmp_path: Path) -> None:
    """As many bytes as the frames will have; nothing is written."""
    write_scan(tmp_path / "scan", 30)
    inputs = find_inputs([tmp_path / "scan"])
    (found,) = forecast_all(inputs, tmp_path / "out" / "c_%06d.dpx", settings=RUN)
    assert (found.error, found.frames, found.settings["files"]) == ("", 30, ".dpx")
    assert found.bytes == 30 * (2048 + WIDTH * HEIGHT * 4)
    assert not (tmp_path / "out").exists()
    run(inputs[0][0], tmp_path / "out" / "c_%06d.dpx", settings=RUN)
    (found,) = forecast_all(inputs, tmp_path / "out" / "c_%06d.dpx", settings=RUN)
    assert found.skipped


def test_what_has_no_meaning_is_told(tmp_path: Path) -> None:
    """Options of films with numbered files, and those of sequences with a film."""
    write_scan(tmp_path / "scan", 2)
    film = write_film(tmp_path / "film.mkv", textures(2, 8))
    settings = RunSettings(crf=10, stream=3, **SMALL)
    notes = run(tmp_path / "scan", tmp_path / "a" / "%d.dpx", settings=settings).notes
    assert notes == (
        "stream is for films: an image sequence is read without",
        "crf is for films: numbered files are written without",
    )
    notes = run(film, tmp_path / "b.mkv", settings=RunSettings(fps=24, **SMALL)).notes
    assert notes[-1] == "fps is for image sequences: a film tells its own"


def test_frames_that_are_in_color_already_are_told_and_kept(tmp_path: Path) -> None:
    """Their share of the shots is a note; --keep-color leaves them as they are, to a code."""
    rng = np.random.default_rng(1)
    (tmp_path / "a").mkdir()
    picture = cv2.resize(rng.integers(20, 230, (4, 6, 3)).astype(np.uint8), (WIDTH, HEIGHT))
    for number in range(8):
        cv2.imwrite(str(tmp_path / "a" / f"a{number}.png"), np.roll(picture, number, axis=1))
    (note,) = run(tmp_path / "a" / "a%d.png", tmp_path / "b" / "%d.png", fps=24).notes
    assert "1 of 1 shot (100%) is in color already: recolored" in note
    run(tmp_path / "a" / "a%d.png", tmp_path / "c" / "%d.png", fps=24, keep_color=True)
    for number in range(8):
        found, truth = (
            cv2.imread(str(path)) for path in (tmp_path / "c" / f"{number}.png", tmp_path / f"a/a{number}.png")
        )
        assert found is not None
        assert truth is not None
        assert np.abs(found.astype(int) - truth).max() <= 2
