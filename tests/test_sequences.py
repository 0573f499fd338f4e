"""Image sequences as films: the luma of every frame survives its colors to the code, in video, log and light."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from numpy.typing import NDArray

from vidcolor.color.codes import luma_codes
from vidcolor.errors import InputError, OutputError
from vidcolor.film.frame import ColorTags, Frame
from vidcolor.film.images.dpx import Header, new_header, read_dpx, write_dpx
from vidcolor.film.images.image import Image
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.images.reading import read_image
from vidcolor.film.images.writing import write_image
from vidcolor.film.reader import frames, open_video
from vidcolor.film.rgb import frame_to_picture
from vidcolor.film.sequences.numbering import FEWEST, find_sequence, parse_numbered
from vidcolor.film.sequences.reading import SequenceFrame, SequenceReader, open_sequence, sequence_at
from vidcolor.film.sequences.writing import FrameFiles, FrameWriter
from vidcolor.film.transfer import LINEAR, LOG, VIDEO, Transfer

Array = NDArray[Any]
WIDTH, HEIGHT = 33, 18


def tones(bits: int, seed: int = 0) -> Array:
    values = np.random.default_rng(seed).integers(0, 1 << bits, (HEIGHT, WIDTH))
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def write_scan(
    folder: Path, count: int = 4, bits: int = 10, transfer: Transfer = VIDEO, rate: float | None = 24
) -> Path:
    """A grey scan in RGB files, with a timecode in each."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        header = new_header(WIDTH, HEIGHT, bits, transfer, 3).with_timecode(f"01:00:00:{number:02d}")
        header = header.with_rate(Fraction(rate)) if rate else header
        grey = np.repeat(tones(bits, number)[..., None], 3, axis=2)
        image = Image(grey, bits, transfer=transfer, metadata=Metadata(header=header.data))
        write_dpx(folder / f"reel_{number + 1:06d}.dpx", image)
    return folder


def chroma(frame: Frame, seed: int = 5, strength: float = 0.3) -> tuple[Array, Array]:
    """Codes of strong colors, many of them outside what R'G'B' can show."""
    rng = np.random.default_rng(seed)
    half, top = 1 << (frame.bits - 1), (1 << frame.bits) - 1
    planes = rng.normal(half, strength * top, (2, *frame.luma.shape))
    return tuple(np.clip(np.rint(p), 0, top).astype(frame.luma.dtype) for p in planes)


def writer_to(path: Path, **options: Any) -> FrameWriter:
    """A writer of files such as folder/a_%04d.dpx."""
    name = parse_numbered(path)
    assert name is not None
    return FrameWriter(FrameFiles(replace(name, folder=Path()), **options), path.parent)


def opened(path: Path, **options: Any) -> SequenceReader:
    sequence = find_sequence(path)
    assert sequence is not None
    return open_sequence(sequence, **options)


@pytest.mark.parametrize("transfer", [VIDEO, LOG])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_scan_keeps_its_luma_to_the_code(tmp_path: Path, bits: int, transfer: Transfer) -> None:
    """Whatever the colors, the luma of what is written is the luma of what was read; headers and times stay."""
    reader = opened(write_scan(tmp_path / "in", bits=bits, transfer=transfer))
    writer = writer_to(tmp_path / "out" / "c_%04d.dpx")
    (tmp_path / "out").mkdir()
    for place, frame in enumerate(reader.frames()):
        assert (frame.pts, frame.time_base, frame.number) == (place, Fraction(1, 24), place + 1)
        assert frame.bits == (bits if transfer is VIDEO else 16)
        if transfer is VIDEO:
            assert np.array_equal(frame.luma, tones(bits, place))
        path = writer.write(frame, chroma(frame), 0)
        assert path.name == f"c_{place + 1:04d}.dpx"
        found = read_dpx(path)
        assert np.ptp(found.pixels.astype(int), axis=2).max() > 5
        assert np.array_equal(luma_codes(found.pixels), tones(bits, place))
        exact = found.pixels.astype(float) @ [0.2126, 0.7152, 0.0722]
        assert np.abs(exact - tones(bits, place)).max() < 0.4
        header = Header(found.metadata.header)
        assert (header.timecode, header.rate, found.transfer) == (f"01:00:00:{place:02d}", Fraction(24), transfer)
    assert reader.info.timecode == "01:00:00:00"


def test_no_color_leaves_the_codes_as_they_are(tmp_path: Path) -> None:
    """Neutral chroma gives three times the luma, in log too: nothing is converted there and back."""
    for transfer in (VIDEO, LOG):
        reader = opened(write_scan(tmp_path / transfer.name, 1, transfer=transfer) / "reel_%06d.dpx")
        frame = next(reader.frames())
        neutral = np.full(frame.luma.shape, 1 << (frame.bits - 1), frame.luma.dtype)
        writer = writer_to(tmp_path / f"{transfer.name}_%d.dpx")
        found = read_dpx(writer.write(frame, (neutral, neutral), 0)).pixels
        assert np.array_equal(found, np.repeat(tones(10)[..., None], 3, axis=2))


def test_log_is_colored_as_it_looks_developed(tmp_path: Path) -> None:
    """A color that is asked for on the screen is the color that the log frame shows when it is developed."""
    folder = tmp_path / "in"
    folder.mkdir()
    ramp = np.tile(np.linspace(200, 640, WIDTH).round().astype(np.uint16), (HEIGHT, 1))
    header = new_header(WIDTH, HEIGHT, 10, LOG, 3).with_rate(Fraction(24))
    grey = np.repeat(ramp[..., None], 3, axis=2)
    write_dpx(folder / "a_1.dpx", Image(grey, 10, transfer=LOG, metadata=Metadata(header=header.data)))
    frame = next(opened(folder / "a_%d.dpx").frames())
    # Kodak's table for video: code 445 of 18 % grey is 0.42 or so on the screen, 685 nearly white.
    assert frame.luma[0, np.argmin(np.abs(ramp[0] - 445.0))] / 65535 == pytest.approx(0.42, abs=0.02)
    red = np.full(frame.luma.shape, 32768 + 3000, np.uint16)
    neutral = np.full(frame.luma.shape, 32768, np.uint16)
    writer = writer_to(tmp_path / "b_%d.dpx")
    found = read_dpx(writer.write(frame, (neutral, red), 0))
    shown = LOG.shown(found.pixels, 10)
    wanted = frame.luma / 65535
    assert np.abs((shown[..., 0] - shown[..., 2]) - 3000 / 65535 * 1.5748).mean() < 0.01  # BT.709: R' - Y' = 1.5748 Cr
    assert np.abs(shown @ [0.2126, 0.7152, 0.0722] - wanted).max() < 0.02


def test_light_keeps_its_luminance(tmp_path: Path) -> None:
    """16-bit linear DPX to the code, EXR to the rounding of its numbers, brighter than white too."""
    reader = opened(write_scan(tmp_path / "lin", 1, 16, LINEAR) / "reel_%06d.dpx")
    frame = next(reader.frames())
    writer = writer_to(tmp_path / "lin_%d.dpx")
    assert np.array_equal(luma_codes(read_dpx(writer.write(frame, chroma(frame), 0)).pixels), tones(16))
    light = (np.random.default_rng(0).random((HEIGHT, WIDTH)) * 3).astype(np.float32)
    (tmp_path / "exr").mkdir()
    with OpenEXR.File({"framesPerSecond": Fraction(24)}, {"Y": light}) as file:
        file.write(str(tmp_path / "exr" / "a_1.exr"))
    frame = next(opened(tmp_path / "exr" / "a_%d.exr").frames())
    writer = writer_to(tmp_path / "exr" / "b_%d.exr")
    found = read_image(writer.write(frame, chroma(frame), 0)).pixels
    assert np.ptp(found, axis=2).max() > 0.1
    assert found @ np.array([0.2126, 0.7152, 0.0722]) == pytest.approx(light, rel=1e-5)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_sequences_of_other_formats(tmp_path: Path, suffix: str) -> None:
    """16 bits and Exif of each frame; a rate must be told."""
    for number in range(3):
        path = tmp_path / f"a_{number:03d}.tif"
        tifffile.imwrite(path, tones(16, number), photometric="minisblack", software="Scan 3")
        if suffix == ".png":
            image = read_image(path)
            rgb = np.repeat(image.pixels[..., None], 3, axis=2)
            write_image(path.with_suffix(".png"), replace(image, pixels=rgb))
    with pytest.raises(InputError, match=r"how many frames a second.*--fps"):
        opened(tmp_path / f"a_%03d{suffix}")
    reader = opened(tmp_path / f"a_%03d{suffix}", fps=Fraction(16))
    writer = writer_to(tmp_path / f"b_%03d{suffix}")
    for number, frame in enumerate(reader.frames()):
        assert np.array_equal(frame.luma, tones(16, number))
        found = read_image(writer.write(frame, chroma(frame), 0))
        assert np.array_equal(luma_codes(found.pixels), tones(16, number))
        assert b"Scan 3" in found.metadata.exif


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize(("bits", "full", "wanted"), [(8, False, 8), (10, False, 10), (8, True, 10)])
def test_a_film_becomes_a_sequence(tmp_path: Path, bits: int, full: bool, wanted: int, matrix: Any) -> None:
    """R'G'B' of a film's luma and chroma, by the film's own matrix, in full range; rate and timecode in the header."""
    luma = np.clip(tones(bits), 16 << (bits - 8), 235 << (bits - 8)) if not full else tones(bits)
    frame = Frame(luma, bits, 2, Fraction(1, 25), ColorTags(matrix, full))
    how = {"first": 100, "bits": wanted, "rate": Fraction(25), "timecode": "10:00:00:00"}
    cb, cr = chroma(frame, strength=0.02)
    path = writer_to(tmp_path / "f_%06d.dpx", **how).write(frame, (cb, cr), 2)
    found = read_dpx(path)
    assert (path.name, found.bits) == ("f_000102.dpx", wanted)
    assert (Header(found.metadata.header).rate, Header(found.metadata.header).timecode) == (Fraction(25), "10:00:00:02")
    kr, kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}[matrix]
    top = (1 << wanted) - 1
    expected = (luma.astype(float) - frame.black) / frame.span * top
    y = found.pixels.astype(float) @ [kr, 1 - kr - kb, kb]
    assert np.abs(y - np.rint(expected)).max() < 0.5
    span = (1 << bits) - 1 if full else 224 << (bits - 8)
    red = expected + (cr.astype(float) - (1 << (bits - 1))) / span * 2 * (1 - kr) * top
    middle = (expected > 0.3 * top) & (expected < 0.7 * top)  # where nothing had to give way
    assert np.abs(found.pixels[..., 0] - red)[middle].max() <= 1.01


def test_transfer_may_be_told(tmp_path: Path) -> None:
    """A scan that is log without saying so, and is kept unsaid."""
    folder = write_scan(tmp_path / "in", 1)
    assert find_sequence(folder) is None  # one frame alone is a still
    frame = next(opened(folder / "reel_%06d.dpx", transfer=LOG).frames())
    assert frame.bits == 16
    assert frame.still is not None
    assert np.array_equal(frame.still.pixels, tones(10))
    assert "log" in opened(folder / "reel_%06d.dpx", transfer=LOG).notes[0]


def test_frames_of_other_sizes_and_depths_are_named(tmp_path: Path) -> None:
    """Before any work is done, by the headers; and where headers are not looked at, when the frame is read."""
    folder = write_scan(tmp_path / "in")
    other = np.zeros((HEIGHT + 1, WIDTH, 3), np.uint16)
    write_dpx(folder / "reel_000003.dpx", Image(other, 10))
    with pytest.raises(InputError, match=r"reel_000003\.dpx: its size is 33x19, and that of the first frame 33x18"):
        opened(folder)
    with pytest.raises(InputError, match="its size is 33x19"):
        list(opened(folder, check=False).frames())
    write_dpx(folder / "reel_000003.dpx", Image(np.zeros((HEIGHT, WIDTH, 3), np.uint16), 12))
    with pytest.raises(InputError, match=r"its depth is 12 bit, and that of the first frame 10 bit"):
        opened(folder)
    (folder / "reel_000003.dpx").unlink()
    with pytest.raises(InputError, match=r"missing: 3\."):
        opened(folder)


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    """Found by its header and length before the first frame is colored."""
    folder = write_scan(tmp_path / "in")
    whole = (folder / "reel_000002.dpx").read_bytes()
    (folder / "reel_000002.dpx").write_bytes(whole[:-10])
    with pytest.raises(InputError, match=r"reel_000002\.dpx: the picture is cut short"):
        opened(folder)


def test_rates_of_headers(tmp_path: Path) -> None:
    """What is told beats the header; without either it is asked for."""
    folder = write_scan(tmp_path / "in", rate=18)
    assert opened(folder).rate == 18
    assert opened(folder, fps=Fraction(24000, 1001)).info.time_base == Fraction(1001, 24000)
    info = opened(folder).info
    assert (info.frames, info.width, info.height, info.bits, info.codec) == (4, WIDTH, HEIGHT, 10, "dpx")
    assert info.seconds == pytest.approx(4 / 18)
    with pytest.raises(InputError, match="how many frames a second"):
        opened(write_scan(tmp_path / "silent", rate=None))


def test_a_start_in_the_middle_has_the_times_of_the_whole(tmp_path: Path) -> None:
    """Going on at frame 2 gives what going through gives."""
    reader = opened(write_scan(tmp_path / "in"))
    whole, rest = list(reader.frames()), list(reader.frames(2))
    assert [frame.pts for frame in rest] == [frame.pts for frame in whole[2:]] == [2, 3]
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(rest, whole[2:], strict=True))
    assert isinstance(rest[0], SequenceFrame)


def test_a_format_without_colors_is_refused_before_the_work(tmp_path: Path) -> None:
    """The writer says so when it is made."""
    with pytest.raises(OutputError, match="holds no colors"):
        writer_to(tmp_path / "a_%d.pgm")


def test_alpha_goes_along(tmp_path: Path) -> None:
    """RGBA in, RGBA out."""
    alpha = tones(10, 7)
    header = new_header(WIDTH, HEIGHT, 10, VIDEO, 4).with_rate(Fraction(24))
    for number in (1, 2):
        grey = np.repeat(tones(10)[..., None], 3, axis=2)
        write_dpx(tmp_path / f"a_{number}.dpx", Image(grey, 10, alpha, metadata=Metadata(header=header.data)))
    frame = next(opened(tmp_path / "a_%d.dpx").frames())
    assert frame.alpha is not None
    writer = writer_to(tmp_path / "b_%d.dpx")
    found = read_dpx(writer.write(frame, chroma(frame), 0))
    assert found.alpha is not None
    assert np.array_equal(found.alpha, alpha)


def test_a_folder_of_numbered_photographs_is_no_film(tmp_path: Path) -> None:
    """Neighbors in a film look alike; photographs of one size with numbers do not, unless somebody says frames."""
    rng = np.random.default_rng(0)
    for number in range(FEWEST):
        coarse = rng.integers(0, 255, (6, 8)).astype(np.uint8)
        picture = cv2.resize(coarse, (96, 72), interpolation=cv2.INTER_CUBIC)
        panned = cv2.resize(np.random.default_rng(1).integers(0, 255, (6, 12)).astype(np.uint8), (128, 72))
        for name, values in (("photos", picture), ("film", panned[:, number : number + 96])):
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"{number:03d}.png"), values)
    assert sequence_at(tmp_path / "photos") is None
    assert sequence_at(tmp_path / "photos" / "*.png") is None
    assert sequence_at(tmp_path / "photos" / "%03d.png") is not None
    film = sequence_at(tmp_path / "film")
    assert film is not None
    assert str(film) == str(tmp_path / "film" / "%03d.png")
    cv2.imwrite(str(tmp_path / "film" / "005.png"), np.zeros((80, 96), np.uint8))  # a slip in a film is told
    with pytest.raises(InputError, match=r"005\.png: its size is 96x80"):
        opened(tmp_path / "film", fps=Fraction(24))


def test_a_sequence_is_read_as_a_film_is(tmp_path: Path) -> None:
    """By times: what lies between two of them, and a rate that is told or asked for."""
    path = write_scan(tmp_path / "in", 6, rate=None)
    with pytest.raises(InputError, match=r"--fps 24"), open_video(path):
        pass
    with open_video(path, fps=Fraction(12)) as video:
        assert (video.info.frames, video.info.seconds, video.info.container) == (6, 0.5, "image sequence")
        assert [frame.pts for frame in frames(video)] == [0, 1, 2, 3, 4, 5]
        assert [frame.pts for frame in frames(video, 1 / 12, 0.25)] == [1, 2, 3]
        assert [frame.pts for frame in frames(video, 0.3)] == [4, 5]
        assert [frame.pts for frame in frames(video, near=3)] == [3, 4, 5]
        with pytest.raises(InputError, match="the range holds no frame"):
            next(frames(video, 0.5))


def test_frames_of_another_meaning_are_named(tmp_path: Path) -> None:
    """A log frame among linear ones would be colored as something that it is not."""
    folder = write_scan(tmp_path / "in")
    write_scan(tmp_path / "other", transfer=LOG)
    (tmp_path / "other" / "reel_000003.dpx").replace(folder / "reel_000003.dpx")
    with pytest.raises(InputError, match=r"reel_000003\.dpx: its codes are log, and those of the first frame video"):
        list(opened(folder).frames())
    assert len(list(opened(folder, transfer=VIDEO).frames())) == 4


def test_light_is_not_called_log(tmp_path: Path) -> None:
    """Floating-point numbers mean light, whatever is told."""
    with OpenEXR.File({}, {"Y": np.ones((HEIGHT, WIDTH), np.float32)}) as file:
        file.write(str(tmp_path / "a_1.exr"))
    with pytest.raises(InputError, match="its numbers are light, not log"):
        opened(tmp_path / "a_%d.exr", fps=Fraction(24), transfer=LOG)


@pytest.mark.parametrize("transfer", [VIDEO, LOG])
def test_colors_of_a_sequence_are_the_truth(tmp_path: Path, transfer: Transfer) -> None:
    """A frame's luma and chroma give back the picture that its file shows, to two 8-bit codes."""
    rng = np.random.default_rng(0)
    pixels = cv2.resize(rng.integers(200, 650, (5, 6, 3)).astype(np.uint16), (WIDTH, HEIGHT))
    header = new_header(WIDTH, HEIGHT, 10, transfer, 3).with_rate(Fraction(24))
    image = Image(pixels, 10, transfer=transfer, metadata=Metadata(header=header.data))
    write_dpx(tmp_path / "a_1.dpx", image)
    with open_video(tmp_path / "a_%d.dpx") as video:
        found = frame_to_picture(next(frames(video, chroma=True)), video.info, WIDTH)
    assert np.abs(found.astype(int) - image.as_shown(8).pixels).max() <= 2
