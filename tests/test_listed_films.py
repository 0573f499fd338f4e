"""A film colorized by its list of shots: every shot as its row says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from planes import rows_of
from reels import landscape
from vidcolor.color.arrays import Plane
from vidcolor.color.lut import read_lut
from vidcolor.errors import VidcolorError
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.batch import colorize, colorize_all
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.shotlist.listing import list_shots
from vidcolor.pipeline.target import excerpt
from vidcolor.settings import RunSettings, ShotSettings

SHOT, SHOTS = 12, 4  # frames of a shot, shots of the film
LOSSLESS = RunSettings(codec="ffv1", size=32)
Planes = list[NDArray[np.uint8]]


class World(Predictor):
    """A network that gives every point the same strong color; it counts what it is shown."""

    def __init__(self) -> None:
        super().__init__(Predictor.load(RunSettings(device="cpu")).model, torch.device("cpu"), torch.float32)
        self.seen = 0

    def predict(self, lumas: object, **how: object) -> list[Plane]:
        """Return a = 20, b = 30 everywhere."""
        self.seen += len(lumas)  # type: ignore[arg-type]
        return [np.stack([np.full_like(x, 20), np.full_like(x, 30)]) for x in lumas]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four still shots of twelve frames, lossless, with faint colors of their own and sound."""
    path = tmp_path_factory.mktemp("graded") / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(SHOT * SHOTS):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane, values in zip(frame.planes, (landscape(number // SHOT), 131, 122), strict=True):
                rows_of(plane)[:, : plane.width] = values
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for start in range(0, 16_000, 800):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = 8000, start, Fraction(1, 8000)
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


def decoded(path: Path) -> list[Planes]:
    """The three planes of each frame."""
    with av.open(str(path)) as container:
        return [
            [np.frombuffer(p, np.uint8).reshape(p.height, -1)[:, : p.width].copy() for p in frame.planes]
            for frame in container.decode(video=0)
        ]


def listed(folder: Path, *rows: str, head: str = "mode") -> str:
    """A list of the four shots, each row with what is wanted."""
    lines = [f"{n + 1},{n * SHOT},{(n + 1) * SHOT},{row}" for n, row in enumerate(rows)]
    path = folder / "film.shots.csv"
    path.write_text("\n".join([f"shot,start_frame,end_frame,{head}", *lines]))
    return str(path)


def run(film: Path, out: Path, world: World, shot: ShotSettings | None = None, **settings: object) -> list[Planes]:
    how = RunSettings(**{"codec": "ffv1", "size": 32, **settings})  # type: ignore[arg-type]
    colorize_film(film, out, settings=how, shot=shot, predictor=world, overwrite=True)
    return decoded(out)


def chroma(frames: list[Planes], shot: int) -> tuple[float, float]:
    """Mean Cb and Cr of a shot, from 128."""
    part = frames[shot * SHOT : (shot + 1) * SHOT]
    cb, cr = (float(np.mean([frame[plane] for frame in part])) - 128 for plane in (1, 2))
    return cb, cr


def test_every_shot_is_as_its_row_says(tmp_path: Path, film: Path, world: World) -> None:
    """Luma stays in all; colored, grey to the bit, with its own colors to the bit, and half as strong."""
    rows = listed(tmp_path, "color,1", "grey,1", "keep,1", "color,0.5", head="mode,strength")
    found = run(film, tmp_path / "out.mkv", world, ShotSettings(smooth=0.0), shots=rows)
    source = decoded(film)
    assert len(found) == SHOT * SHOTS
    assert all(np.array_equal(frame[0], own[0]) for frame, own in zip(found, source, strict=True))
    cb, cr = chroma(found, 0)
    assert cb < -10
    assert cr > 10
    assert all((plane == 128).all() for frame in found[SHOT : 2 * SHOT] for plane in frame[1:])
    for frame, own in zip(found[2 * SHOT : 3 * SHOT], source[2 * SHOT : 3 * SHOT], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(frame[1:], own[1:], strict=True))
    half = chroma(found, 3)
    assert 0.4 < half[0] / cb < 0.65  # a color of half the ab has about half the chroma
    assert 0.4 < half[1] / cr < 0.65


def test_grades_of_rows_are_those_of_the_whole_film(tmp_path: Path, film: Path, world: World) -> None:
    """A shot with a grade of its own comes out as when the film has it; the others as when it has none."""
    rows = listed(tmp_path, "0.5,40,0,", ",,,", ",-30,25,", ",,,1", head="saturation,temperature,tint,like")
    plain = ShotSettings(smooth=0.0)
    found = run(film, tmp_path / "out.mkv", world, plain, shots=rows)
    for place, settings in enumerate(
        (
            ShotSettings(saturation=0.5, temperature=40, smooth=0.0),
            plain,
            ShotSettings(temperature=-30, tint=25, smooth=0.0),
            ShotSettings(saturation=0.5, temperature=40, smooth=0.0),
        )
    ):
        whole = run(film, tmp_path / "whole.mkv", world, settings, shots=listed(tmp_path, "", "", "", "", head="note"))
        part = slice(place * SHOT, (place + 1) * SHOT)
        assert np.array_equal(np.stack([f[1] for f in found[part]]), np.stack([f[1] for f in whole[part]])), place


def test_some_shots_make_a_film_of_their_own(tmp_path: Path, film: Path, world: World) -> None:
    """The second and the fourth, one after the other, as they are in the whole film; without sound."""
    rows = listed(tmp_path, "", "", "", "", head="note")
    whole = run(film, tmp_path / "whole.mkv", world, shots=rows)
    some = run(film, tmp_path / "some.mkv", world, shots=rows, only="4, 2")
    wanted = [*whole[SHOT : 2 * SHOT], *whole[3 * SHOT :]]
    assert [frame[0].tobytes() for frame in some] == [frame[0].tobytes() for frame in wanted]
    assert [frame[1].tobytes() for frame in some] == [frame[1].tobytes() for frame in wanted]
    with av.open(str(tmp_path / "some.mkv")) as container:
        assert not container.streams.audio
        times = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert {b - a for a, b in pairwise(sorted(times))} == {40}


def test_shots_in_a_row_keep_their_sound(tmp_path: Path, film: Path, world: World) -> None:
    """As a stretch of the film does."""
    rows = listed(tmp_path, "", "", "", "", head="note")
    assert len(run(film, tmp_path / "some.mkv", world, shots=rows, only="2-3")) == 2 * SHOT
    with av.open(str(tmp_path / "some.mkv")) as container:
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 8000
    assert seconds == pytest.approx(2 * SHOT / 25, abs=0.21)  # sound is cut between packets


def test_single_shots_are_found_by_landmarks(tmp_path: Path, film: Path, world: World) -> None:
    """The frames are those that counting from the beginning gives."""
    found = list_shots(film, tmp_path / "film.shots.csv")
    assert found.shots == SHOTS
    some = run(film, tmp_path / "some.mkv", world, shots=found.output, only="3")
    assert [frame[0].tobytes() for frame in some] == [landscape(2).tobytes()] * SHOT


def test_a_part_of_a_film_has_the_shots_of_that_part(tmp_path: Path, film: Path, world: World) -> None:
    """With --start the numbers of frames still count from the film's first."""
    found = list_shots(film, tmp_path / "film.shots.csv").output
    for rows in (listed(tmp_path / "..", "color", "color", "grey", "color"), found):
        if rows == found:
            third = f"{2 * SHOT},{3 * SHOT},cut,"
            found.write_text(found.read_text().replace(f"{third},", f"{third}grey,"))
        part = run(film, tmp_path / "part.mkv", world, ShotSettings(smooth=0.0), shots=rows, start=1.4 * SHOT / 25)
        grey = [bool((frame[1] == 128).all()) for frame in part]
        assert grey == [2 * SHOT <= number < 3 * SHOT for number in range(SHOT * SHOTS - len(grey), SHOT * SHOTS)]


def test_a_stopped_run_goes_on_with_the_list(tmp_path: Path, film: Path, world: World, monkeypatch: object) -> None:
    """The bytes are those of a run in one go; without the list it would start afresh, which is not done unasked."""
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.SHORTEST", SHOT)  # type: ignore[attr-defined]
    rows = listed(tmp_path, "color", "grey", "keep", "color")
    whole = tmp_path / "whole.mkv"
    run(film, whole, world, shots=rows)

    def stop(done: int, total: int) -> None:
        if done == 3 * SHOT + 2:
            raise KeyboardInterrupt

    how = RunSettings(codec="ffv1", size=32, shots=rows)
    out = tmp_path / "out.mkv"
    with pytest.raises(KeyboardInterrupt, match="frames are kept"):
        colorize_film(film, out, settings=how, predictor=world, progress=stop)
    with pytest.raises(VidcolorError, match="are finished with another list of shots"):
        colorize_film(film, out, settings=RunSettings(codec="ffv1", size=32), predictor=world)
    result = colorize_film(film, out, settings=how, predictor=world)
    assert result.resumed >= SHOT
    assert out.read_bytes() == whole.read_bytes()


def test_a_list_of_another_film_is_refused(tmp_path: Path, film: Path, world: World) -> None:
    """Its landmarks are other pictures; nothing is left behind."""
    found = list_shots(film, tmp_path / "film.shots.csv").output
    other = tmp_path / "other.mkv"
    with av.open(str(other), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        for number in range(SHOT * SHOTS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(landscape(90 + number // SHOT), format="gray")))
        container.mux(stream.encode(None))
    with pytest.raises(VidcolorError, match="frame 0 of the film is another than when the list was made"):
        run(other, tmp_path / "out.mkv", world, shots=found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.shots.csv", "film.shots.jpg", "other.mkv"]


def test_shots_after_the_end_are_told(tmp_path: Path, film: Path, world: World) -> None:
    """Far after it they are refused at once; shortly after it they are a warning, which --strict refuses."""
    rows = Path(listed(tmp_path, "", "", "", "", head="note"))
    rows.write_text(rows.read_text().replace(f",{4 * SHOT},", f",{4 * SHOT + 9},"))
    result = colorize_film(film, tmp_path / "out.mkv", settings=RunSettings(codec="ffv1", shots=rows), predictor=world)
    (warning,) = result.warnings
    assert warning == f"the list of shots goes on to frame {4 * SHOT + 8}, but the film has {4 * SHOT} frames"
    rows.write_text(rows.read_text().replace(f",{4 * SHOT + 9},", ",9999,"))
    with pytest.raises(VidcolorError, match="line 5, column end: it ends with frame 9999, but the film has about"):
        run(film, tmp_path / "other.mkv", world, shots=rows)


def test_what_cannot_be_is_one_line(
    tmp_path: Path, film: Path, world: World, photo_folder: Callable[..., Path]
) -> None:
    """Options that contradict each other or what they are used on."""
    rows = listed(tmp_path, "", "", "", "", head="note")
    (photo,) = photo_folder(count=1).iterdir()
    cases: tuple[tuple[Path, dict[str, Any], dict[str, Any], str], ...] = (
        (film, {"only": "1"}, {}, "shots are named by their numbers in a list"),
        (film, {"only": "9", "shots": rows}, {}, "cannot take shot 9: the list has no such shot"),
        (film, {"only": "1-", "shots": rows}, {}, "'1-' is no number of a shot"),
        (film, {"only": "1", "shots": rows, "start": 0.5}, {}, "two ways to say where"),
        (film, {"lut": tmp_path / "none.cube"}, {}, "cannot read the LUT"),
        (photo, {"shots": rows}, {}, "a photograph has no shots"),
        (photo, {"lut_luma": True}, {}, "--lut-luma is for films"),
        (photo, {}, {"mode": "keep"}, "--mode keep is for films"),
    )
    for source, settings, shot, why in cases:
        with pytest.raises(VidcolorError, match=why):
            colorize(
                source, tmp_path / f"out{source.suffix}", settings=RunSettings(**settings), shot=ShotSettings(**shot),
                predictor=world,
            )  # fmt: skip
    with pytest.raises(VidcolorError, match="a list of shots is of one film"):
        list(colorize_all([(film, film.parent)], settings=RunSettings(shots=rows)))


def test_an_excerpt_has_a_name_of_its_own() -> None:
    """The film's own is for the whole."""
    assert excerpt(Path("a.color.mp4"), "12, 15-17") == Path("a.12,15-17.color.mp4")
    assert excerpt(Path("a.color.mp4"), "") == Path("a.color.mp4")


def test_a_look_up_table_changes_colors_and_leaves_luma(tmp_path: Path, film: Path, world: World) -> None:
    """One that exchanges red and blue turns warm to cold; grey shots stay grey. With lut_luma it changes luma too."""
    grid = np.stack(np.meshgrid(*[[0.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)  # b, g, r: exchanged
    cube = tmp_path / "swap.cube"
    cube.write_text("LUT_3D_SIZE 2\n" + "\n".join(" ".join(map(str, row)) for row in grid))
    assert read_lut(cube)(torch.tensor([1.0, 0.5, 0.0])[:, None, None]).flatten().tolist() == [0.0, 0.5, 1.0]
    rows = listed(tmp_path, "color", "grey", "keep", "color")
    plain = run(film, tmp_path / "plain.mkv", world, shots=rows)
    swapped = run(film, tmp_path / "out.mkv", world, shots=rows, lut=cube)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(plain, swapped, strict=True))
    assert chroma(plain, 0)[0] < -10 < 10 < chroma(swapped, 0)[0]
    for place in (1, 2):
        assert chroma(swapped, place) == chroma(plain, place)
    changed = run(film, tmp_path / "luma.mkv", world, shots=rows, lut=cube, lut_luma=True)
    before, after = (np.stack([frame[0] for frame in frames[:SHOT]]).astype(float) for frames in (plain, changed))
    assert (after - before).mean() < -5  # red light is brighter than as much blue light
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(plain[SHOT:], changed[SHOT : 3 * SHOT], strict=False))
    assert chroma(changed, 0)[0] > 10
