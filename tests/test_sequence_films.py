"""Image sequences go through the pipeline of films: colored with their luma to the code, stopped, taken up again."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from planes import rows_of
from reels import HEIGHT, SHOT, WIDTH, Array, textures, write_scan
from vidcolor.color.codes import luma_codes
from vidcolor.errors import InputError, OutputError
from vidcolor.film.images.dpx import Header, read_dpx, write_dpx
from vidcolor.film.images.image import Image
from vidcolor.film.images.reading import read_image
from vidcolor.film.reader import frames, open_video, probe
from vidcolor.film.transfer import LOG, VIDEO, Transfer
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.batch import colorize, colorize_all
from vidcolor.pipeline.forecast import forecast_all
from vidcolor.pipeline.inputs import are_several, find_inputs
from vidcolor.pipeline.result import Result
from vidcolor.settings import RunSettings

SMALL: dict[str, Any] = {"size": 32, "batch_size": 4, "device": "cpu"}
RUN = RunSettings(**SMALL)
pytestmark = pytest.mark.usefixtures("short_segments")


def write_sound(path: Path, seconds: float) -> Path:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        codes = np.full((1, round(seconds * 48000)), 1000, np.int16)
        block = av.AudioFrame.from_ndarray(codes, format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


@cache
def network() -> Predictor:
    """One network for all runs."""
    return Predictor.load(RUN)


def run(source: Path | str, output: Path | str | None = None, **options: Any) -> Result:
    return colorize(source, output, settings=options.pop("settings", RUN), predictor=network(), **options)


def stop_at(count: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == count:
            raise KeyboardInterrupt

    return progress


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir() if path.is_file()}


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


def test_a_stopped_run_goes_on_without_writing_finished_frames_again(tmp_path: Path) -> None:
    """Nothing has its name before all have; what was finished keeps its very file, and all is as in one go."""
    write_scan(tmp_path / "scan", 5 * SHOT)
    source, out, whole = tmp_path / "scan", tmp_path / "out", tmp_path / "whole"
    run(source, whole / "c_%06d.dpx")
    with pytest.raises(KeyboardInterrupt, match="frames are kept, and the same command goes on"):
        run(source, out / "c_%06d.dpx", progress=stop_at(4 * SHOT - 1))
    assert state(out) == {}
    work = out / ".c_%06d.dpx.vidcolor" / "frames"
    before = {name: found for folder in work.iterdir() for name, found in state(folder).items()}
    result = run(source, out / "c_%06d.dpx")
    assert 2 * SHOT <= result.resumed < result.frames == 5 * SHOT
    after = state(out)
    kept = [name for name in before if after[name] == before[name]]
    assert result.resumed <= len(kept)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    for path in whole.iterdir():
        assert path.read_bytes() == (out / path.name).read_bytes(), path.name


def test_frames_that_were_lost_or_changed_are_made_again(tmp_path: Path) -> None:
    """A segment is whole only when all of its files are as they were written."""
    write_scan(tmp_path / "scan", 4 * SHOT)
    out = tmp_path / "out" / "c_%06d.dpx"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "scan", out, progress=stop_at(4 * SHOT - 1))
    work = out.parent / ".c_%06d.dpx.vidcolor" / "frames"
    (lost,) = work.rglob(f"c_{86400 + SHOT + 2:06d}.dpx")
    lost.unlink()
    result = run(tmp_path / "scan", out)
    assert (result.resumed, result.frames) == (2 * SHOT, 4 * SHOT)  # of three that were finished


def test_a_run_killed_while_frames_get_their_names_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some files have their names, others not yet: the same command ends it, without asking about what is there."""
    write_scan(tmp_path / "scan", 2 * SHOT)
    out, count, replace = tmp_path / "out" / "c_%06d.dpx", [0], os.replace

    def killed(source: Path, target: Path) -> None:
        if Path(target).parent == out.parent:
            count[0] += 1
            if count[0] == 10:
                raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "scan", out)
    monkeypatch.undo()
    assert len(state(out.parent)) == 9
    result = run(tmp_path / "scan", out)
    assert (result.resumed, result.frames) == (2 * SHOT, 2 * SHOT)
    assert len(list(out.parent.iterdir())) == 2 * SHOT


@pytest.mark.parametrize("resume", [True, False])
def test_what_is_there_stays_until_all_is_written(tmp_path: Path, resume: bool) -> None:
    """Without -y nothing is begun; with it, an error in the middle leaves the old frames as they were."""
    write_scan(tmp_path / "scan", SHOT + 6)
    out = tmp_path / "out"
    write_scan(out, SHOT + 6)
    before = state(out)
    with pytest.raises(OutputError, match=r"15 of its frames exist, reel1_086400\.dpx first\. Use -y"):
        run(tmp_path / "scan", out / "reel1_%06d.dpx")
    last = tmp_path / "scan" / f"reel1_{86400 + SHOT + 3:06d}.dpx"
    data = bytearray(last.read_bytes())
    data[800] = 9  # no longer a picture that is known: found only when it is read
    settings = RunSettings(resume=resume, **SMALL)
    whole = last.read_bytes()
    monkey = pytest.MonkeyPatch()
    monkey.setattr("vidcolor.film.sequences.reading.picture_size", lambda path: None)
    last.write_bytes(data)
    with pytest.raises(InputError, match="composite video"):
        run(tmp_path / "scan", out / "reel1_%06d.dpx", settings=settings, overwrite=True)
    monkey.undo()
    assert state(out) == before
    last.write_bytes(whole)
    result = run(tmp_path / "scan", out / "reel1_%06d.dpx", settings=settings, overwrite=True)
    assert result.frames == SHOT + 6
    assert state(out).keys() == before.keys()
    assert not (state(out).items() & before.items())
    assert not list(out.glob(".*"))


def test_the_input_is_never_written_over(tmp_path: Path) -> None:
    """Not even with -y, and by whatever way the folder is written."""
    write_scan(tmp_path / "scan", 3)
    (tmp_path / "link").symlink_to(tmp_path / "scan")
    for folder in ("scan", "link"):
        with pytest.raises(OutputError, match="it is the input itself"):
            run(tmp_path / "scan", tmp_path / folder / "reel1_%06d.dpx", overwrite=True)


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


def test_log_becomes_a_film_as_it_looks(tmp_path: Path) -> None:
    """At the depth of its codes: what is shown of ten bits of density is no finer."""
    write_scan(tmp_path / "scan", 3, transfer=LOG)
    assert run(tmp_path / "scan", tmp_path / "film.mp4").frames == 3
    run(tmp_path / "scan", tmp_path / "film.mkv", settings=RunSettings(codec="ffv1", **SMALL))
    with open_video(tmp_path / "scan") as scan, open_video(tmp_path / "film.mkv") as film:
        assert film.info.bits == 10
        for shown, found in zip(frames(scan), frames(film), strict=True):
            assert np.abs(found.luma - shown.luma / 64).max() < 1  # rounded; white, 65535 / 64, is the top code


def write_film(path: Path, lumas: list[Array], *, rate: int = 25, uneven: bool = False, sound: bool = False) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.metadata["timecode"] = "10:00:00:00"
        track = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for number, luma in enumerate(lumas):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            rows_of(frame.planes[0], 8)[:, :WIDTH] = luma
            for plane in list(frame.planes)[1:]:
                rows_of(plane, 8)[...] = 128
            frame.pts, frame.time_base = 40 * number + (300 if uneven and number > 3 else 0), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None:
            block = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = 8000, 0, Fraction(1, 8000)
            container.mux(track.encode(block))
            container.mux(track.encode(None))
    return path


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
