"""A run by an edited list of shots colors what the edit touches, and takes all else from the film that is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vidcolor.errors import OutputError
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.earlier import record_of
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.forecast import forecast_all
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.result import Result
from vidcolor.pipeline.segments import cutting as segments
from vidcolor.pipeline.shotlist.shot import Shot, ShotList, Transition
from vidcolor.settings import RunSettings, ShotSettings

SHOT, SHOTS = 6, 10  # frames of a shot, shots of the film
SEGMENT = 2 * SHOT  # frames from one place where a segment may begin to the next
CASES = [(".mp4", "libx264"), (".mov", "prores_ks")]
OTHERS = [(".mkv", "ffv1"), (".avi", "mpeg4")]
Rows = dict[int, str]
pytestmark = pytest.mark.usefixtures("tiny_network")


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SHORTEST", SEGMENT)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shots of moving texture, a keyframe every seven frames, and sound."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    rng = np.random.default_rng(5)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8", "g": "7", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(SHOT * SHOTS):
            if number % SHOT == 0:
                texture = cv2.GaussianBlur(rng.normal(size=(64, 140)), (0, 0), 3)
                texture = np.clip(128 + 70 * texture / texture.std(), 16, 235).astype(np.uint8)
            grey = texture[:, number % SHOT :][:, :96].copy()
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for start in range(0, 30_720, 1024):
            block = av.AudioFrame.from_ndarray(np.full((1, 1024), start % 99, np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = 8000, start, Fraction(1, 8000)
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


def listed(path: Path, rows: Rows | None = None, edges: list[int] | None = None) -> Path:
    """A list of the film's shots, with the saturation of some."""
    ends = edges or [SHOT * place for place in range(SHOTS + 1)]
    lines = [
        f"{number},{begin},{end},{(rows or {}).get(number, '')}"
        for number, (begin, end) in enumerate(pairwise(ends), 1)
    ]
    path.write_text("\n".join(["shot,start_frame,end_frame,saturation", *lines]))
    return path


def run(film: Path, out: Path, shots: Path | str, said: list[str] | None = None, **how: object) -> Result:
    known: dict[str, object] = {"size": 32, "batch_size": 4, "shots": shots}
    overwrite, shot = bool(how.pop("overwrite", False)), ShotSettings(**how.pop("shot", {}))  # type: ignore[arg-type]
    settings = RunSettings(**{**known, **how})  # type: ignore[arg-type]
    report: Callable[[str], None] = (said if said is not None else []).append
    return colorize_film(film, out, settings=settings, shot=shot, overwrite=overwrite, report=report)


@cache
def colored(film: Path, edges: tuple[int, ...] = ()) -> Path:
    """A folder with ``out.mp4``, made by a list of the film's shots, ``a.csv``."""
    folder = film.with_name("colored " + "-".join(map(str, edges)))
    folder.mkdir()
    run(film, folder / "out.mp4", listed(folder / "a.csv", edges=list(edges)))
    return folder


@pytest.fixture
def out(tmp_path: Path, film: Path) -> Path:
    """A film that was made by a list, ``a.csv`` beside it."""
    shutil.copytree(colored(film), tmp_path, dirs_exist_ok=True)
    return tmp_path / "out.mp4"


def packets(path: Path) -> list[bytes]:
    """The packets of the picture."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [*CASES, *(pytest.param(*each, marks=pytest.mark.thorough) for each in OTHERS)],
    ids=[f"{c}{s}" for s, c in CASES + OTHERS],
)
def test_an_edit_of_one_row_colors_one_segment(tmp_path: Path, film: Path, suffix: str, codec: str) -> None:
    """The film is that of a run in one go by the edited list, to the byte; all other packets are those of before."""
    out, whole = tmp_path / f"out{suffix}", tmp_path / f"whole{suffix}"
    shots = listed(tmp_path / "a.csv")
    run(film, out, shots, codec=codec)
    before = packets(out)
    listed(shots, {6: "3"})
    run(film, whole, shots, codec=codec)
    said: list[str] = []
    result = run(film, out, shots, said, codec=codec)
    touched = 5 * SHOT // SEGMENT
    assert (result.frames, result.resumed) == (SHOT * SHOTS, SHOT * SHOTS - SEGMENT)
    assert said == [f"{SHOT * SHOTS - SEGMENT} frames are done already: going on with the others"]
    assert out.read_bytes() == whole.read_bytes()
    after = packets(out)
    changed = {place for place, (one, other) in enumerate(zip(before, after, strict=True)) if one != other}
    assert changed
    assert changed <= set(range(touched * SEGMENT, (touched + 1) * SEGMENT))
    assert record_of(out).read_bytes() == record_of(whole).read_bytes().replace(b"whole", b"out")


@pytest.mark.parametrize(
    ("edges", "rows", "anew"),
    [
        pytest.param([0, 6, 12, 15, 18, 24], {}, SEGMENT, id="a shot is parted"),
        pytest.param([0, 6, 12, 18, 22, 30], {}, 2 * SEGMENT, id="a cut is moved"),
        pytest.param([0, 6, 18, 24], {}, 2 * SEGMENT, id="two shots are joined"),
        pytest.param([0, 6, 12, 18, 24], {1: "2", SHOTS: "0.5"}, 2 * SEGMENT, id="first and last"),
        pytest.param([0, 6, 12, 18, 24], dict.fromkeys(range(1, SHOTS + 1), "2"), SHOT * SHOTS, id="all"),
        pytest.param([0, 6, 12, 18, 24], {}, 0, id="nothing"),
    ],
)
def test_the_rest_stays(film: Path, out: Path, edges: list[int], rows: Rows, anew: int) -> None:
    """Whatever is edited, only the segments beside it are colored, and the film is that of a run in one go."""
    whole, shots = out.with_name("whole.mp4"), out.with_name("a.csv")
    listed(shots, rows, [*edges, *range(edges[-1] + SHOT, SHOT * SHOTS + 1, SHOT)])
    run(film, whole, shots)
    said: list[str] = []
    result = run(film, out, shots, said)
    assert result.frames - result.resumed == anew
    assert out.read_bytes() == whole.read_bytes()
    assert (said[-1:] == [f"{out} is as it is wanted already: nothing was done"]) == (not anew)


def test_a_list_of_part_of_the_film(tmp_path: Path, film: Path) -> None:
    """Frames in no shot are found anew only where they are others than before."""
    few = [SHOT * place for place in range(4)]
    shutil.copytree(colored(film, tuple(few)), tmp_path, dirs_exist_ok=True)
    out, whole, shots = tmp_path / "out.mp4", tmp_path / "whole.mp4", tmp_path / "a.csv"
    listed(shots, {2: "2"}, edges=few)
    run(film, whole, shots)
    assert run(film, out, shots).resumed == SHOT * SHOTS - SEGMENT
    assert out.read_bytes() == whole.read_bytes()
    listed(shots, {2: "2"}, edges=[*few, 4 * SHOT])
    run(film, whole, shots, overwrite=True, resume=False)
    assert not record_of(whole).exists()  # it told of the film of before
    assert run(film, out, shots).resumed <= SHOT * SHOTS - SEGMENT
    whole.unlink()
    run(film, whole, shots)
    assert out.read_bytes() == whole.read_bytes()


def test_a_moved_hint_colors_its_shot(tmp_path: Path, film: Path) -> None:
    """Of a file of hints for the whole film, the points that were edited count; a shot's own reference is its own."""
    out, whole, hints = tmp_path / "out.mp4", tmp_path / "whole.mp4", tmp_path / "film.hints.csv"
    picture = np.full((64, 96, 3), (200, 90, 60), np.uint8)
    cv2.imwrite(str(tmp_path / "blue.png"), picture)
    shots = listed(tmp_path / "a.csv")
    listed_with = shots.read_text().replace("saturation", "reference")
    hints.write_text("time,x,y,color\n0.2,40,30,#c04040\n1.2,50,20,#40c040\n")
    run(film, out, shots, hints=(str(hints),))
    hints.write_text("time,x,y,color\n0.2,40,30,#c04040\n1.2,20,50,#40c040\n")
    result = run(film, out, shots, hints=(str(hints),))
    assert result.frames - result.resumed == SEGMENT
    shots.write_text(listed_with.replace("\n6,30,36,", "\n6,30,36,blue.png"))
    result = run(film, out, shots, hints=(str(hints),))
    assert result.frames - result.resumed == SEGMENT
    run(film, whole, shots, hints=(str(hints),))
    assert out.read_bytes() == whole.read_bytes()


def test_a_second_run_that_is_stopped_goes_on(tmp_path: Path, film: Path) -> None:
    """Stopped anywhere and edited again: what fits is taken from the film and from what lies beside it."""
    out, whole = tmp_path / "out.mp4", tmp_path / "whole.mp4"
    shots = listed(tmp_path / "a.csv")

    def stopped(at: int) -> None:
        def progress(done: int, total: int) -> None:
            if done >= at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            colorize_film(film, out, settings=RunSettings(size=32, batch_size=4, shots=shots), progress=progress)

    stopped(4 * SEGMENT)  # the first run; there is no film yet
    listed(shots, {3: "2"})
    assert run(film, out, shots).resumed >= 2 * SEGMENT
    listed(shots, {3: "2", 5: "3", 7: "0.2"})
    before = out.read_bytes()
    stopped(SHOT * SHOTS - SEGMENT - SEGMENT // 2)  # the second one of two segments
    assert out.read_bytes() == before
    listed(shots, {3: "2", 5: "3", 7: "0.2", 10: "0.1"})
    result = run(film, out, shots)
    assert result.resumed == SHOT * SHOTS - 2 * SEGMENT
    run(film, whole, shots)
    assert out.read_bytes() == whole.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        "a.csv",
        *(f"{n}.mp4{s}" for n in ("out", "whole") for s in ("", ".json")),
    }


def test_a_film_of_others_is_not_replaced(film: Path, out: Path) -> None:
    """Somebody's film, one made otherwise, one changed since: each is told, and stays; -y replaces it."""
    shots = out.with_name("a.csv")
    told, made = record_of(out).read_bytes(), out.read_bytes()
    with pytest.raises(OutputError, match="it was made with another saturation"):
        run(film, out, shots, shot={"saturation": 0.5})
    with pytest.raises(OutputError, match="it was made with another size"):
        run(film, out, shots, size=64)
    with pytest.raises(OutputError, match="it exists"):
        run(film, out, "")
    changed = bytearray(made)
    place = made.index(packets(out)[30])
    changed[place + 9] ^= 1
    out.write_bytes(bytes(changed))
    listed(shots, {1: "2"})
    with pytest.raises(OutputError, match="it exists, and somebody has changed it since"):
        run(film, out, shots)
    assert out.read_bytes() == bytes(changed)
    assert run(film, out, shots, overwrite=True).resumed == SHOT * SHOTS - 2 * SEGMENT  # the edit, and the damage
    for damage in (b"", told[:-9], b"[]", told.replace(b'"form": 1', b'"form": 0')):
        record_of(out).write_bytes(damage)
        with pytest.raises(OutputError, match="it exists"):
            run(film, out, shots)
    assert run(film, out, shots, overwrite=True).resumed == 0


def test_the_dry_run_tells_what_is_left(tmp_path: Path, film: Path) -> None:
    """As many frames as the run then takes over."""
    out = tmp_path / "film.color.mp4"
    shots = listed(tmp_path / "a.csv")
    run(film, out, shots)
    listed(shots, {4: "2", 5: "3"})
    settings = RunSettings(size=32, batch_size=4, shots=shots)
    (told,) = forecast_all([(film, film.parent)], out, settings=settings)
    assert (told.error, told.skipped, told.resumed) == ("", False, SHOT * SHOTS - 2 * SEGMENT)
    assert run(film, out, shots).resumed == told.resumed


def test_the_record_is_small_and_tells_the_settings(tmp_path: Path, film: Path) -> None:
    """Every segment is there with what its shots ask for."""
    out = tmp_path / "out.mp4"
    run(film, out, listed(tmp_path / "a.csv", {3: "1.5"}))
    told = json.loads(record_of(out).read_text())
    assert sum(segment["frames"] for segment in told["segments"]) == SHOT * SHOTS
    assert told["segments"][1]["wanted"]["looks"] == [[2 * SHOT, {"saturation": 1.5}, []], [3 * SHOT, {}, []]]
    assert record_of(out).stat().st_size < 1000 * (1 + len(told["segments"]))


def gradings() -> Iterator[tuple[str, Grading, set[int]]]:
    """Lists that differ from one of four shots of fifty frames, and the shots that they change."""
    clock = TimecodeClock(Fraction(25))

    def grading(changes: dict[int, dict[str, float]], dissolve: int = 0) -> Grading:
        shots = (
            Shot(
                n + 1,
                50 * n,
                50 * n + 50,
                Transition("dissolve", dissolve) if n == 2 else Transition(),
                changes.get(n, {}),
            )
            for n in range(4)
        )
        return Grading(shots=ShotList(tuple(shots), clock))

    yield "the same", grading({}), set()
    yield "one row", grading({1: {"tint": 5.0}}), {1}
    yield "a row beside a dissolve", grading({2: {"tint": 5.0}}, dissolve=9), {1, 2}
    yield "a dissolve of equal looks", grading({}, dissolve=9), set()


@pytest.mark.parametrize(("grading", "touched"), [(g, t) for _, g, t in gradings()], ids=[n for n, _, _ in gradings()])
def test_what_is_wanted_differs_where_frames_would(grading: Grading, touched: set[int]) -> None:
    """Dissolves reach over the boundary of shots, nothing else does."""
    plain = next(gradings())[1]
    differ = {n for n in range(4) if plain.wanted(50 * n, 50 * n + 50) != grading.wanted(50 * n, 50 * n + 50)}
    assert differ == touched
    assert json.loads(json.dumps(grading.wanted(0, 200))) == grading.wanted(0, 200)
