"""A preview shows a film as players show it, and is written like any other picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from planes import rows_of
from vidcolor.errors import InputError, OutputError, VidcolorError
from vidcolor.film.reader import open_video
from vidcolor.film.sequences.reading import sequence_at
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.preview.samples import Choice, samples_of_shots
from vidcolor.pipeline.preview.sheets import preview
from vidcolor.pipeline.preview.variants import variants_of
from vidcolor.pipeline.shotlist.check import check_list
from vidcolor.pipeline.shotlist.listing import list_shots
from vidcolor.pipeline.shotlist.survey import survey
from vidcolor.settings import RunSettings, ShotSettings

SMALL = RunSettings(size=64, device="cpu", precision="fp32")
GREY = ShotSettings(saturation=0.0)


def write_film(path: Path, level: int = 128, *, rotation: int = 0, hflip: bool = False, aspect: int = 1) -> Path:
    """One frame of 96x64, its left third and its top eighth darker: no turn and no mirroring leaves it as it is."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if aspect != 1:
            stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip=hflip)
        codes = np.full((64, 96), level, np.uint8)
        codes[:, :32], codes[:8] = 40, 70
        frame = av.VideoFrame.from_ndarray(np.full((96, 96), 128, np.uint8), format="yuv420p")
        rows_of(frame.planes[0])[:, :96] = codes
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shown(path: Path, tmp_path: Path, name: str = "out.png") -> np.ndarray:
    """The grey half of a preview."""
    choice = Choice() if path.suffix == ".png" else Choice((0.0,))
    preview(path, tmp_path / name, choice=choice, settings=SMALL, shot=GREY, overwrite=True)
    pair = cv2.imread(str(tmp_path / name))
    assert pair.shape[1] % 2 == 0
    grey, colored = pair[:, : pair.shape[1] // 2], pair[:, pair.shape[1] // 2 :]
    assert np.abs(grey.astype(int) - colored).max() <= 1  # without saturation both halves are the same
    green: NDArray[np.uint8] = grey[..., 1]
    return green


def test_a_mirrored_film_is_shown_mirrored(tmp_path: Path) -> None:
    """Left and right are exchanged as players do it."""
    plain = shown(write_film(tmp_path / "a.mp4"), tmp_path)
    assert plain.shape == (64, 96)
    np.testing.assert_array_equal(shown(write_film(tmp_path / "b.mp4", hflip=True), tmp_path), plain[:, ::-1])
    np.testing.assert_array_equal(shown(write_film(tmp_path / "c.mp4", rotation=90), tmp_path), np.rot90(plain))


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    """A pixel twice as wide as high: the picture is half as high, never enlarged."""
    assert shown(write_film(tmp_path / "a.mkv", aspect=2), tmp_path).shape == (32, 96)


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("jpg", b"\xff\xd8\xff"), ("tif", b"II*\0")])
def test_the_suffix_names_the_format(tmp_path: Path, suffix: str, magic: bytes) -> None:
    """Not PNG bytes under any name."""
    preview(write_film(tmp_path / "a.mp4"), tmp_path / f"out.{suffix}", settings=SMALL)
    assert (tmp_path / f"out.{suffix}").read_bytes().startswith(magic)
    with pytest.raises(OutputError, match="not written as"):
        preview(tmp_path / "a.mp4", tmp_path / "out.doc", settings=SMALL)


def test_a_preview_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves the older picture as it was, and nothing else."""
    write_film(tmp_path / "a.mp4")
    (tmp_path / "out.png").write_bytes(b"precious")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vidcolor.files.os.replace", full)
    with pytest.raises(OutputError, match="no space left"):
        preview(tmp_path / "a.mp4", tmp_path / "out.png", settings=SMALL, overwrite=True)
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "out.png"}


def test_a_stream_is_chosen_by_its_number(tmp_path: Path) -> None:
    """Of a film with two pictures, the one asked for."""
    with av.open(str(tmp_path / "two.mkv"), "w") as container:
        streams = [container.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 96, 64, "gray"
        for level, stream in zip((60, 190), streams, strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96), level, np.uint8), format="gray")
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    for number, level in enumerate((60, 190)):
        preview(
            tmp_path / "two.mkv", tmp_path / "out.png", choice=Choice((0.0,)), overwrite=True, shot=GREY,
            settings=RunSettings(size=64, stream=number),
        )  # fmt: skip
        assert abs(int(cv2.imread(str(tmp_path / "out.png"))[0, 0, 0]) - level) <= 1


def test_a_photograph_is_shown_beside_its_colors(tmp_path: Path) -> None:
    """As it is read for coloring; there is no time in it."""
    grey = np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1))
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    np.testing.assert_array_equal(shown(tmp_path / "a.png", tmp_path), grey)
    with pytest.raises(InputError, match="it is a photograph"):
        preview(tmp_path / "a.png", tmp_path / "b.png", choice=Choice((1.0,)), settings=SMALL)


LENGTHS = (9, 24, 6, 17)  # frames of the shots of a film, at 25 a second


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four shots of textures that are not alike, each as bright as its number tells."""
    path = tmp_path_factory.mktemp("reel") / "reel.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "gray"
        for shot, length in enumerate(LENGTHS):
            texture = cv2.GaussianBlur(np.random.default_rng(shot).normal(size=(64, 96)), (0, 0), 3)
            codes = np.clip(60 + 40 * shot + 20 * texture / texture.std(), 0, 255).astype(np.uint8)
            for _ in range(length):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(codes, format="gray")))
        container.mux(stream.encode(None))
    return path


def brightness(sheet: Path) -> list[int]:
    """The shots, from 0 on, whose pictures stand side by side on a sheet, by their brightness in the middle."""
    grey = cv2.imread(str(sheet), cv2.IMREAD_GRAYSCALE)[30 + 208 // 4 : 30 + 3 * 208 // 4]
    columns = [grey[:, 4 + 314 * n + 50 : 4 + 314 * n + 260].mean() for n in range(grey.shape[1] // 316)]
    return [round((float(mean) - 60) / 40) for mean in columns]


def test_without_a_time_the_longest_shots_are_shown(tmp_path: Path, reel: Path) -> None:
    """In the order of the film, each in grey and beside it in color."""
    found = preview(reel, tmp_path / "sheet.png", choice=Choice(count=2), settings=SMALL, shot=GREY)
    assert (found.pictures, found.failed, found.notes) == (2, (), ())
    assert brightness(found.output) == [1, 1, 3, 3]
    with open_video(reel) as video:
        shots = survey(reel).shots
        taken = [(s.number, s.caption) for s in samples_of_shots(video, Grading(shots=shots), 3)]
    assert taken == [(4, "1  00:00:00:04"), (21, "2  00:00:00:21"), (47, "4  00:00:01:22")]


def test_times_are_shown_as_they_are_named(tmp_path: Path, reel: Path) -> None:
    """One by one, or at a distance up to the film's end."""
    named = preview(reel, tmp_path / "named.png", choice=Choice((1.7, 0.1)), settings=SMALL, shot=GREY)
    assert brightness(named.output) == [3, 3, 0, 0]
    even = preview(reel, tmp_path / "even.png", choice=Choice(every=0.5), settings=SMALL, shot=GREY)
    assert (even.pictures, brightness(even.output)[::2]) == (5, [0, 1, 1])
    few = preview(reel, tmp_path / "few.png", choice=Choice(every=0.5, count=2), settings=SMALL, shot=GREY)
    assert (few.pictures, brightness(few.output)[::2]) == (2, [0, 1])


def test_a_list_of_shots_says_how_they_look(tmp_path: Path, reel: Path) -> None:
    """A shot that its row leaves grey is grey, and numbers are those of the list; what is compared wins."""
    rows = tmp_path / "reel.shots.csv"
    rows.write_text("shot,start_frame,end_frame,saturation\n7,0,9,\n8,9,33,0\n9,33,56,3\n")
    listed = RunSettings(shots=rows, size=64, device="cpu", precision="fp32")

    def colors(compare: str = "") -> list[float]:
        """The mean distance from grey of each picture."""
        found = preview(reel, tmp_path / "a.png", settings=listed, compare=compare, overwrite=True)
        picture = cv2.imread(str(found.output)).astype(int)[30 : 30 + 208]
        spread = picture.max(axis=2) - picture.min(axis=2)
        return [float(spread[:, 4 + 314 * n + 9 : 4 + 314 * n + 300].mean()) for n in range(picture.shape[1] // 316)]

    strong = colors()
    rows.write_text(rows.read_text().replace(",3\n", ",\n"))
    plain = colors()
    assert plain[0] == plain[2] == plain[3] == plain[4] == 0 < plain[1]
    assert plain[:5] == strong[:5]
    assert 0 < plain[5] < strong[5]
    compared = colors("saturation=0,1")
    assert len(compared) == 6
    assert compared[0] == compared[1] == compared[3] == compared[4] == 0 < min(compared[2], compared[5])
    with open_video(reel) as video:
        grading = Grading.of(listed, ShotSettings(), video.info)
        assert [s.caption.split()[0] for s in samples_of_shots(video, grading, 9)] == ["7", "8", "9"]


def test_variants_differ_by_one_setting() -> None:
    """Values are those of the setting's type, in its range."""
    settings, shot = RunSettings(size=96), ShotSettings(tint=3.0)
    assert [(v.settings.size, v.name) for v in variants_of("size=64,128", settings, shot)] == [
        (64, "size 64"),
        (128, "size 128"),
    ]
    assert [v.shot for v in variants_of("mode = grey, color", settings, shot)] == [
        ShotSettings(mode="grey", tint=3.0),
        ShotSettings(tint=3.0),
    ]
    assert [v.settings.reference for v in variants_of("reference=none,a.png", settings, shot)] == [(), ("a.png",)]
    (plain,) = variants_of("", settings, shot)
    assert (plain.settings, plain.shot, plain.name) == (settings, shot, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("smooth=0,1", "a still does not show it"),
        ("codec=ffv1,mpeg4", "there is no such setting"),
        ("saturation", "it names no values"),
        ("saturation=1", "it takes 2 to 8 values"),
        ("saturation=1,,2", "it takes 2 to 8 values"),
        ("saturation=1,9", "it is above 5"),
        ("saturation=1,much", "it is no number"),
        ("size=1.5,2", "it is no whole number"),
        ("mode=red,blue", "there is no such choice"),
    ],
)
def test_what_cannot_be_compared_is_one_line(text: str, why: str) -> None:
    """The value that is wrong, or what can be compared."""
    with pytest.raises(VidcolorError, match=why):
        variants_of(text, RunSettings(), ShotSettings())


def test_choices_that_cannot_be_are_one_line(tmp_path: Path, reel: Path) -> None:
    """Options that contradict each other, times after the end, sheets that nobody can look at."""
    with pytest.raises(InputError, match="--at names them one by one"):
        Choice(at=(1.0,), count=3)
    with pytest.raises(InputError, match="no time above 0"):
        Choice(every=0.0)
    for choice, why in (
        (Choice((0.1, 99.0)), "at 99 s: the film is shorter"),
        (Choice((99.0,)), "at 99 s: the film is shorter"),
        (Choice(every=0.001), "a sheet has at most 400"),
    ):
        with pytest.raises(InputError, match=why):
            preview(reel, tmp_path / "a.png", choice=choice, settings=SMALL)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_one_sheet(tmp_path: Path, reel: Path) -> None:
    """A section for each film, one for the photographs; what fails is told, and the rest is shown."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.mkv").write_bytes(reel.read_bytes())
    for number in range(3):
        cv2.imwrite(str(folder / f"b{number}.png"), np.full((80, 60), 90 + number, np.uint8))
    (folder / "c.mp4").write_bytes(b"no film")
    found = preview(folder, settings=SMALL, choice=Choice(count=1))
    assert found.output == tmp_path / "in.preview.png"
    assert found.pictures == 4
    (line,) = found.failed
    assert "c.mp4" in line
    with pytest.raises(InputError, match="cannot make a sheet"):
        preview([folder / "c.mp4", folder / "none.mp4"], tmp_path / "b.png", settings=SMALL)
    with pytest.raises(OutputError, match="it exists"):
        preview(folder, settings=SMALL)


def test_a_photograph_is_compared(tmp_path: Path) -> None:
    """Grey, and once for each value; what only films have is refused."""
    cv2.imwrite(str(tmp_path / "a.png"), np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1)))
    found = preview(tmp_path / "a.png", compare="saturation=0,2", settings=SMALL)
    assert found.output == tmp_path / "a.preview.png"
    assert cv2.imread(str(found.output)).shape[1] == 4 + 3 * 314 + 2
    with pytest.raises(InputError, match="are for films"):
        preview(tmp_path / "a.png", tmp_path / "b.png", compare="reference=none,a.png", settings=SMALL)


def test_a_preview_and_the_shots_of_a_sequence(tmp_path: Path) -> None:
    """Where a film is taken, its frames are too."""
    for number in range(20):
        wide = np.random.default_rng(number // 10).integers(0, 255, (14, 28)).astype(np.uint8)
        picture = cv2.resize(wide, (128, 64), interpolation=cv2.INTER_CUBIC)[:, number : number + 96]
        cv2.imwrite(str(tmp_path / f"a_{number:02d}.png"), picture)
    with pytest.raises(InputError, match="--fps"):
        preview(tmp_path / "a_%02d.png", tmp_path / "p.jpg")
    small = RunSettings(size=32, device="cpu", fps=10)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "p.jpg"
    choice = Choice((1.5,))
    preview(tmp_path / "a_%02d.png", target, choice=choice, settings=small, shot=ShotSettings(saturation=0))
    found = cv2.imread(str(target), cv2.IMREAD_GRAYSCALE)
    grey = cv2.imread(str(tmp_path / "a_15.png"), cv2.IMREAD_GRAYSCALE)
    assert np.abs(found[:, :96].astype(int) - grey).mean() < 2
    assert [row["frame"] for row in survey(tmp_path / "a_%02d.png", fps=Fraction(10)).rows()] == [0, 10]
    listing = list_shots(tmp_path / "a_%02d.png", fps=Fraction(10))
    assert [path.name for path in (listing.output, *listing.sheets)] == ["a.shots.csv", "a.shots.jpg"]
    assert sequence_at(tmp_path) is not None  # the sheet is none of its pictures
    assert check_list(listing.output, tmp_path / "a_%02d.png", fps=Fraction(10)).problems == ()
