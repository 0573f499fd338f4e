"""References and hints: known colors come out in their place, in other frames of the shot, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.errors import CheckpointError, VidcolorError
from vidcolor.film.frame import Frame
from vidcolor.film.reader import frames, open_video
from vidcolor.film.timecode import TimecodeClock
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import Model, save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.colorizer import Colorizer
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.guidance.carrying import Anchor, track
from vidcolor.pipeline.guidance.confining import confined
from vidcolor.pipeline.guidance.matching import CELL, Cells, Reference, chosen, match
from vidcolor.pipeline.guidance.picture import shrunk_hints
from vidcolor.pipeline.guidance.sources import parse_moment
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings, ShotSettings

NET = NetworkConfig(encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), size=64)
SIZE = (96, 64)
LENGTH = 12  # frames of a shot
RATE = 24
CLOCK = TimecodeClock(Fraction(RATE))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """An untrained network that takes hints and hardly has colors of its own."""
    torch.manual_seed(0)
    config = NET.with_(hints=8)
    return Predictor(Model("untrained", build_network(config), config, ""), torch.device("cpu"), torch.float32)


def scene(seed: int, width: int = 160) -> np.ndarray:
    """Blobs of light and of color that have nothing to do with each other, sRGB ``(64, width, 3)``."""
    random = np.random.default_rng(seed)
    light, colors = random.random((8, width // 8)), random.random((3, width // 24, 3)) - 0.5
    height = SIZE[1]
    grey = cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)[..., None] * 110 + 70
    tint = cv2.resize(colors, (width, height), interpolation=cv2.INTER_CUBIC) * 90
    codes: np.ndarray = np.rint(grey + tint - tint @ np.array([0.2126, 0.7152, 0.0722])[:, None])
    return codes.clip(0, 255).astype(np.uint8)


def shot(seed: int, length: int = LENGTH) -> list[np.ndarray]:
    """A slow pan over a scene."""
    wide = scene(seed)
    return [np.ascontiguousarray(wide[:, 2 * i : 2 * i + SIZE[0]]) for i in range(length)]


def write_film(path: Path, pictures: list[np.ndarray]) -> Path:
    """A lossless film in color, whose colors nobody looks at."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv444p")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def truth() -> list[np.ndarray]:
    """Two shots."""
    return shot(1) + shot(2)


@pytest.fixture(scope="module")
def film(truth: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("guided") / "film.mkv", truth)


def png(path: Path, picture: np.ndarray) -> Path:
    order = [2, 1, 0, 3][: picture.shape[2]]
    assert cv2.imwrite(str(path), picture[..., order])
    return path


def ab_of(rgb: np.ndarray) -> Plane:
    return rgb_to_lab(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None] / 255)[0, 1:].numpy()


def run(source: Path, target: Path, predictor: Predictor, shot: ShotSettings | None = None, **how: Any) -> list[Plane]:
    """The ab of a film colorized without loss."""
    settings = RunSettings(codec="ffv1", pix_fmt="yuv444p", size=64, batch_size=4, **how)
    colorize_film(source, target, settings=settings, shot=shot, predictor=predictor, overwrite=True)
    with av.open(str(target)) as container:
        return [ab_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def error(found: Plane, wanted: Plane) -> float:
    """Mean distance in ab, away from the borders, which a pan brings into sight."""
    return float(np.hypot(*(found - wanted)[:, 8:-8, 24:-24]).mean())


def cells(picture: np.ndarray, predictor: Predictor) -> tuple[Cells, Plane]:
    luma = (picture @ np.array([0.2126, 0.7152, 0.0722]) / 255).astype(np.float32)
    return Cells.of(luma, predictor.cells([luma])[0]), ab_of(picture)


def test_a_match_brings_colors_to_their_places(predictor: Predictor) -> None:
    """Of a picture moved by whole cells, each cell finds itself again, and the colors of its smallest parts."""
    wide = scene(3)
    (one, ab), (other, _) = cells(wide[:, :96], predictor), cells(wide[:, 32:128], predictor)
    everywhere = np.ones(ab.shape[1:], np.float32)
    itself = match(one, Reference.of(one, ab, everywhere))
    assert np.median(np.hypot(*(itself[:2] - ab))) < 3
    assert itself[2].mean() > 0.7
    found = match(other, Reference.of(one, ab, everywhere), related=True)[:, 16:48, 16:48]
    assert np.median(np.hypot(*(found[:2] - ab[:, 16:48, 48:80]))) < 4
    assert np.abs(ab).mean() > 5  # a grey world would prove nothing


def test_unknown_places_of_a_reference_say_nothing(predictor: Predictor) -> None:
    """Nor does a reference of which nothing is known."""
    one, ab = cells(scene(3)[:, :96], predictor)
    left = np.zeros(ab.shape[1:], np.float32)
    assert not match(one, Reference.of(one, ab, left)).any()
    left[:, :48] = 1
    painted = np.where(left > 0, ab, 99).astype(np.float32)
    assert np.abs(match(one, Reference.of(one, painted, left))[:2]).max() <= np.abs(ab).max() + 1e-3


def test_a_picture_that_shows_something_else_says_nothing() -> None:
    """Cells as different as those of two unrelated pictures; known to be related, they are compared all the same."""
    random = np.random.default_rng(0)
    frame, other = (
        Cells.of(np.full((64, 96), 0.5, np.float32), random.normal(size=(40, 8, 12)).astype(np.float32))
        for _ in range(2)
    )
    reference = Reference.of(other, np.full((2, 64, 96), 30, np.float32), np.ones((64, 96), np.float32))
    assert not match(frame, reference)[2].any()
    assert match(frame, reference, related=True)[2].any()


def test_references_are_chosen_not_mixed() -> None:
    """Where two disagree, the surer one is taken as it is."""
    red, blue = np.zeros((3, 64, 96), np.float32), np.zeros((3, 64, 96), np.float32)
    red[0], blue[1] = 60, -60
    red[2, :, :48], blue[2] = 0.9, 0.5
    found = chosen([red, blue])
    assert {tuple(color) for color in found[:2].reshape(2, -1).T} == {(60, 0), (0, -60)}
    assert (found[0, :, : 48 - CELL] == 60).all()
    assert (found[1, :, 48 + CELL :] == -60).all()


@pytest.mark.parametrize("at", [0, LENGTH // 2, LENGTH - 1])
def test_colors_are_carried_both_ways_and_not_over_cuts(film: Path, truth: list[np.ndarray], at: int) -> None:
    """A pan takes its colors along, to either end of the shot; what is sure is right."""
    with open_video(film) as video:
        view = View(video.info, 64, 32)
        pts = [frame.pts for frame in frames(video)]
    known = np.concatenate([ab_of(truth[at]), np.ones((1, 64, 96), np.float32)])
    found = track(lambda: open_video(film), view, Anchor(pts[at], at / RATE, known))
    assert (found.first, found.last) == (pts[0], pts[LENGTH - 1])
    assert [found.at(each) is not None for each in pts] == [True] * LENGTH + [False] * LENGTH
    for number in range(LENGTH):
        carried = found.at(pts[number])
        assert carried is not None
        sure = carried[2, 8:-8, 24:-24] > 0.5
        assert sure.mean() > 0.6
        distance = np.hypot(*(carried[:2] - ab_of(truth[number])))[8:-8, 24:-24]
        assert distance[sure].mean() < 3


def test_a_carried_point_follows_its_thing(film: Path, truth: list[np.ndarray]) -> None:
    """Its disc moves with the pan, keeps its color, and nothing else is known."""
    with open_video(film) as video:
        view = View(video.info, 64, 32)
        pts = [frame.pts for frame in frames(video)]
    known = np.zeros((3, 64, 96), np.float32)
    known[:, 30:35, 46:51] = np.array([40, -20, 1], np.float32)[:, None, None]
    found = track(lambda: open_video(film), view, Anchor(pts[6], 6 / RATE, known))
    for number in range(2, 11):
        carried = found.at(pts[number])
        assert carried is not None
        rows, columns = np.nonzero(carried[2] > 0.3)
        assert abs(rows.mean() - 32) < 1
        assert abs(columns.mean() - (48 - 2 * (number - 6))) < 1
        assert len(rows) < 60
        np.testing.assert_allclose(carried[0, rows, columns], 40, atol=0.1)


@pytest.mark.parametrize("at", ["00:00:00:00", "00:00:00:06", "0:00.46"])
def test_a_painted_frame_is_followed_through_its_shot(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor, at: str
) -> None:
    """Exactly on its own frame, nearly so in the frames around it; the other shot stays as it is."""
    place = round(parse_moment(at, CLOCK) * RATE)
    painted = png(tmp_path / "painted.png", truth[place])
    plain = run(film, tmp_path / "plain.mkv", predictor)
    found = run(film, tmp_path / "out.mkv", predictor, reference=(f"{at}={painted}",))
    assert error(found[place], ab_of(truth[place])) < 1.6
    for number in range(LENGTH):
        assert error(found[number], ab_of(truth[number])) < 0.4 * error(plain[number], ab_of(truth[number]))
    np.testing.assert_array_equal(np.stack(found[LENGTH:]), np.stack(plain[LENGTH:]))


def test_segments_are_as_the_whole(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment follows from its own frames and the files alone: to the bit, however the film is divided."""
    painted, still = png(tmp_path / "a.png", truth[5]), png(tmp_path / "b.png", truth[LENGTH + 6])
    reference = (f"00:00:00:05={painted}", str(still))
    whole = run(film, tmp_path / "whole.mkv", predictor, reference=reference, resume=False)
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.SHORTEST", 4)
    parts = run(film, tmp_path / "parts.mkv", predictor, reference=reference)
    np.testing.assert_array_equal(np.stack(whole), np.stack(parts))
    late = run(film, tmp_path / "late.mkv", predictor, reference=reference, start=LENGTH / RATE)
    np.testing.assert_array_equal(np.stack(whole[LENGTH:]), np.stack(late))


def test_a_still_colors_what_it_shows(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor
) -> None:
    """A picture without a time: frames of the same place take its colors, in whichever shot they are."""
    still = png(tmp_path / "still.png", truth[LENGTH + 3])
    plain = run(film, tmp_path / "plain.mkv", predictor)
    found = run(film, tmp_path / "out.mkv", predictor, reference=(str(still),))
    after = [error(found[n], ab_of(truth[n])) for n in range(LENGTH, 2 * LENGTH)]
    before = [error(plain[n], ab_of(truth[n])) for n in range(LENGTH, 2 * LENGTH)]
    assert max(after) < 0.6 * min(before)


def test_hints_are_exact_at_their_points(film: Path, tmp_path: Path, predictor: Predictor) -> None:
    """On their frame, and on the frames to which the motion takes them."""
    table = tmp_path / "film.hints.csv"
    table.write_text("time,x,y,color,radius\n00:00:00:06,48,32,#805a6e,9\n00:00:00:06,70,20,grey,\n")
    found = run(film, tmp_path / "out.mkv", predictor, hints=(str(table),))
    wanted = ab_of(np.array([[[0x80, 0x5A, 0x6E]]], np.uint8))[:, 0, 0]
    for number in (4, 6, 8):
        np.testing.assert_allclose(found[number][:, 32, 48 - 2 * (number - 6)], wanted, atol=3)
        np.testing.assert_allclose(found[number][:, 20, 70 - 2 * (number - 6)], 0, atol=3)


def test_strokes_are_painted(film: Path, tmp_path: Path, predictor: Predictor) -> None:
    """A picture that is transparent where nothing is said; also at another size."""
    layer = np.zeros((128, 192, 4), np.uint8)
    layer[56:72, 60:130] = (0x80, 0x5A, 0x6E, 255)
    picture = png(tmp_path / "strokes.png", layer)
    found = run(film, tmp_path / "out.mkv", predictor, hints=(f"00:00:00:06={picture}",))
    wanted = ab_of(np.array([[[0x80, 0x5A, 0x6E]]], np.uint8))[:, 0, 0]
    np.testing.assert_allclose(found[6][:, 32, 36:60].mean(axis=1), wanted, atol=2)


def test_hints_change_their_things_and_nothing_else() -> None:
    """Where the network moved to the wish of a hint that it takes a place for; not where it changed its mind."""
    plain = np.zeros((2, 16, 48), np.float32)
    told = plain.copy()
    told[0, :, :16] = 30  # the thing: the wish is a = 40
    told[1, :, 16:32] = 20  # elsewhere: another color than before
    told[0, :, 32:] = 30  # the same, on what no hint is taken for
    spread = np.zeros((3, 2, 6), np.float32)
    spread[0], spread[2, :, :4] = 40, 0.9
    spread[:2] *= spread[2]
    found = confined(plain, plain, told, spread)
    assert np.abs(found[0, :, 2:10] - 40).max() < 6
    assert np.abs(found[:, :, 20:28]).max() < 0.5
    assert np.abs(found[:, :, 38:]).max() < 0.5
    grey = confined(np.full_like(plain, 7), plain, told, 0 * spread)
    np.testing.assert_array_equal(grey, np.full_like(plain, 7))


def listed(folder: Path, *rows: str) -> Path:
    """A list of the film's two shots, with cells of the columns reference, hints and like."""
    path = folder / "film.shots.csv"
    lines = [f"{n + 1},{n * LENGTH},{(n + 1) * LENGTH},{cells}" for n, cells in enumerate(rows)]
    path.write_text("\n".join(["shot,start_frame,end_frame,reference,hints,like", *lines]) + "\n")
    return path


def test_shots_have_references_of_their_own(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor
) -> None:
    """Beside the list; the other shot is not touched. Made alone, a shot comes out as in the whole film."""
    png(tmp_path / "painted.png", truth[LENGTH + 4])
    plain = run(film, tmp_path / "plain.mkv", predictor, shots=listed(tmp_path, ",,", ",,"))
    shots = listed(tmp_path, ",,", "00:00:00:16=painted.png,,")
    found = run(film, tmp_path / "out.mkv", predictor, shots=shots)
    np.testing.assert_array_equal(np.stack(found[:LENGTH]), np.stack(plain[:LENGTH]))
    assert error(found[LENGTH + 4], ab_of(truth[LENGTH + 4])) < 1.6
    alone = run(film, tmp_path / "alone.mkv", predictor, shots=shots, only="2")
    np.testing.assert_array_equal(np.stack(found[LENGTH:]), np.stack(alone))


def test_shots_that_are_like_another_share_its_reference(tmp_path: Path, predictor: Predictor) -> None:
    """The same place in two shots, one painted; a reference of the whole film, of a frame, stays in its shot."""
    pictures = shot(1) + shot(2) + shot(1)[::-1]
    film, painted = write_film(tmp_path / "film.mkv", pictures), png(tmp_path / "painted.png", pictures[2])
    rows = [f"{n + 1},{n * LENGTH},{(n + 1) * LENGTH}" for n in range(3)]
    shots = tmp_path / "film.shots.csv"
    reference = f"00:00:00:02={painted.name}"
    shots.write_text(f"shot,start_frame,end_frame,reference,like\n{rows[0]},{reference},\n{rows[1]},,\n{rows[2]},,1\n")
    found = run(film, tmp_path / "like.mkv", predictor, shots=shots)
    lone = run(film, tmp_path / "lone.mkv", predictor, reference=(f"00:00:00:02={painted}",))
    last = 2 * LENGTH + 9  # the same picture
    assert error(found[last], ab_of(pictures[last])) < 0.7 * error(lone[last], ab_of(pictures[last]))
    np.testing.assert_array_equal(np.stack(found[:LENGTH]), np.stack(lone[:LENGTH]))


def test_shots_that_are_like_another_look_as_it_comes_out(tmp_path: Path, predictor: Predictor) -> None:
    """The same place in two shots: with a stroke on the first, the second takes its color too, without a reference."""
    pictures = shot(1) + shot(2) + shot(1)[::-1]
    film = write_film(tmp_path / "film.mkv", pictures)
    layer = np.zeros((64, 96, 4), np.uint8)
    layer[20:44, 30:66] = (0x80, 0x5A, 0x6E, 255)
    png(tmp_path / "stroke.png", layer)
    head = "shot,start_frame,end_frame,hints,like"
    rows = [f"{n + 1},{n * LENGTH},{(n + 1) * LENGTH}" for n in range(3)]

    def colors(*cells: str) -> list[Plane]:
        shots = tmp_path / "film.shots.csv"
        shots.write_text("\n".join([head, *(f"{row},{cell}" for row, cell in zip(rows, cells, strict=True))]) + "\n")
        return run(film, tmp_path / "out.mkv", predictor, shots=shots)

    hint = f"00:00:00:06={tmp_path / 'stroke.png'}"
    lone, like = colors(f"{hint},", ",", ","), colors(f"{hint},", ",", ",1")
    place = np.s_[:, 26:38, 36:60]
    wanted = lone[6][place].mean(axis=(1, 2))
    found = 2 * LENGTH + 5  # the same picture
    assert np.hypot(*(like[found][place].mean(axis=(1, 2)) - wanted)) < 0.6 * np.hypot(
        *(lone[found][place].mean(axis=(1, 2)) - wanted)
    )
    np.testing.assert_array_equal(np.stack(like[: 2 * LENGTH]), np.stack(lone[: 2 * LENGTH]))
    plain, guessed = colors(",", ",", ","), colors(",", ",", ",1")  # what the network guesses counts a little
    assert np.stack(plain[: 2 * LENGTH]).tolist() == np.stack(guessed[: 2 * LENGTH]).tolist()
    assert error(guessed[found], plain[6]) <= error(plain[found], plain[6]) + 0.3


def test_another_painting_is_another_film(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished with a file of other contents is told, not joined."""
    painted, out = png(tmp_path / "painted.png", truth[5]), tmp_path / "out.mkv"
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.SHORTEST", 4)
    settings = RunSettings(codec="ffv1", size=64, batch_size=4, reference=(f"00:00:00:05={painted}",))

    def stop(done: int, total: int) -> None:
        if done > LENGTH + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colorize_film(film, out, settings=settings, predictor=predictor, progress=stop)
    png(painted, truth[4])
    with pytest.raises(VidcolorError, match="finished with another references"):
        colorize_film(film, out, settings=settings, predictor=predictor)


def test_bad_input_is_one_line(film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor) -> None:
    """What is wrong, where, and what to do; nothing is left behind."""
    grey = png(tmp_path / "grey.png", np.repeat(truth[0][..., :1], 3, axis=2))
    other, narrow = png(tmp_path / "other.png", truth[LENGTH]), png(tmp_path / "narrow.png", truth[0][:, :70])
    clear = png(tmp_path / "clear.png", np.zeros((64, 96, 4), np.uint8))
    text = tmp_path / "text.png"
    text.write_text("no picture")

    def table(*rows: str, head: str = "time,x,y,color,radius") -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_text("\n".join([head, *rows]))
        return str(path)

    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"reference": (str(grey),)}, "grey.png: the picture is grey"),
        ({"reference": (str(tmp_path / "none.png"),)}, "none.png: no such file"),
        ({"reference": (str(text),)}, "text.png"),
        ({"reference": (f"0:09={other}",)}, "9.000 s lies outside the film"),
        ({"reference": (f"0:00={other}",)}, "it shows another picture than the film at this time"),
        ({"reference": (f"0:00={narrow}",)}, "its shape is 1.094 to 1, the film's 1.500 to 1"),
        ({"hints": (f"0:00={clear}",)}, "all of it is transparent"),
        ({"hints": (table("0,96,5,red,"),)}, "line 2: 96, 5 lies outside the picture of 96x64"),
        ({"hints": (table("0,5,5,red,", "9,5,5,red,"),)}, "line 3: 9.000 s lies outside the film"),
        ({"hints": (table("0,5,5,reddish,"),)}, "line 2, column color: 'reddish': it is no color"),
        ({"hints": (table("0,5,-5,red,"),)}, "line 2, column y"),
        ({"hints": (table("0,5,5,red,0"),)}, "line 2, column radius"),
        ({"hints": (table("0,5,5", head="when,x,y"),)}, "does not name the columns time, x, y, color"),
        ({"hints": (table(),)}, "it holds no hint"),
        ({"shots": listed(tmp_path, f",{Path(table('0:00.6,5,5,red,')).name},", ",,")}, "outside the shot"),
    )
    for how, why in cases:
        with pytest.raises(VidcolorError, match=why) as caught:
            run(film, tmp_path / "out.mkv", predictor, **how)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out.mkv").exists()


def test_points_in_black_borders_are_refused(tmp_path: Path, predictor: Predictor) -> None:
    """A wide picture in a tall one: its borders have no color."""
    pictures = [np.pad(picture, ((16, 16), (0, 0), (0, 0)))[:, :96] for picture in shot(1, 2)]
    film, table = write_film(tmp_path / "film.mkv", pictures), tmp_path / "hints.csv"
    table.write_text("time,x,y,color\n0,50,8,red\n")
    with pytest.raises(VidcolorError, match="line 2: 50, 8 lies in the black border"):
        run(film, tmp_path / "out.mkv", predictor, hints=(str(table),))
    table.write_text("time,x,y,color\n0,50,48,red\n")
    assert run(film, tmp_path / "out.mkv", predictor, hints=(str(table),))


def test_networks_without_hints_are_refused(film: Path, truth: list[np.ndarray], tmp_path: Path) -> None:
    """One line before any work is done."""
    plain = Predictor(Model("plain", build_network(NET), NET, ""), torch.device("cpu"), torch.float32)
    with pytest.raises(CheckpointError, match="cannot give hints to plain"):
        run(film, tmp_path / "out.mkv", plain, reference=(str(png(tmp_path / "a.png", truth[0])),))


def test_photographs_are_refused(photo_folder: Callable[..., Path], tmp_path: Path, predictor: Predictor) -> None:
    """References and hints are for films."""
    from vidcolor.pipeline.photos.photo import colorize_photograph

    (photo,) = photo_folder(count=1).iterdir()
    with pytest.raises(VidcolorError, match="are for films"):
        colorize_photograph(photo, tmp_path / "out.png", settings=RunSettings(hints=("a.csv",)), predictor=predictor)


def test_pictures_in_memory_take_hints(predictor: Predictor, tmp_path: Path) -> None:
    """In Python: a point has its color, and a picture without hints is as before."""
    path = tmp_path / "hinted.safetensors"
    save_model(path, predictor.model.network, predictor.model.config)
    colorizer = Colorizer(path, device="cpu", size=64)
    grey = (scene(4)[:, :96] @ np.array([0.2126, 0.7152, 0.0722])).astype(np.uint8)
    hints = np.zeros((64, 96, 3), np.float32)
    np.testing.assert_array_equal(colorizer.picture(grey, hints=hints), colorizer.picture(grey))
    hints[24:40, 40:56] = 15, -10, 1
    found = ab_of(colorizer.picture(grey, hints=hints))
    np.testing.assert_allclose(found[:, 32, 48], (15, -10), atol=3)
    for wrong, why in ((hints[1:], "their shape is"), (hints * 2, "a weight is not in 0..1")):
        with pytest.raises(VidcolorError, match=why):
            colorizer.picture(grey, hints=wrong)


def test_no_hint_is_too_small() -> None:
    """A pixel of a large picture weighs as much in the network's small one, and has its own color there."""
    hints = np.zeros((640, 960, 3), np.float32)
    hints[333, 517] = 30, -40, 1
    small = shrunk_hints(hints, (640, 960), 96, 64)
    (row,), (column,) = np.nonzero(small[2])
    assert (int(row), int(column)) == (33, 51)
    np.testing.assert_allclose(small[:, row, column], (30, -40, 1), rtol=1e-5)


def test_frames_know_their_time_in_the_film() -> None:
    """Also where shots alone are made into a film of their own, in which they have other times."""
    from dataclasses import replace

    with_luma = Frame(np.zeros((4, 4), np.uint8), 8, 7, Fraction(1, 24), None)  # type: ignore[arg-type]
    assert replace(with_luma, pts=3, moved=-4).film_pts == 7
