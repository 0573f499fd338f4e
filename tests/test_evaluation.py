"""An evaluation tells the truth: of networks whose answer is known, against scikit-image, as JSON."""

from __future__ import annotations

import base64
import json
import re
import tarfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from networks import let_color
from vidcolor.cli.app import main
from vidcolor.color.metrics import PSNR_LIMIT
from vidcolor.color.truth import Truth
from vidcolor.data.photos import BrokenPhotos, find_photos
from vidcolor.errors import DataError, InputError
from vidcolor.evaluation import measurement as evaluation
from vidcolor.evaluation.gallery import Gallery
from vidcolor.evaluation.measurement import evaluate
from vidcolor.evaluation.photos import evaluate_photos
from vidcolor.evaluation.scores import score, sepia
from vidcolor.evaluation.tables import describe
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.settings import RunSettings
from world import KnowsTheWorld, film, pan, photo, setup, write

TINY = NetworkConfig(
    encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), size=64, gain=1.5
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two folders of photos of two shapes."""
    for i in range(3):
        write(tmp_path / "photos" / "wide" / f"{i}.png", photo(phase=i))
    write(tmp_path / "photos" / "tall" / "0.png", photo(100, 64))
    return tmp_path / "photos"


@pytest.fixture
def grey_model(tmp_path: Path) -> Path:
    """A checkpoint that paints nothing: the head of a fresh network is zero."""
    path = tmp_path / "grey.safetensors"
    save_model(path, build_network(TINY), TINY)
    return path


def test_the_true_colors_score_almost_perfectly(photos: Path) -> None:
    """A network that knows the true ab is only off by rounding; the picture is measured as scikit-image does."""
    from skimage.metrics import peak_signal_noise_ratio

    found = list(evaluate_photos(find_photos([photos]), setup(KnowsTheWorld()), BrokenPhotos(4)))
    assert [(s.source, s.width, s.height) for s, _ in found] == [("tall", 64, 100)] + [("wide", 96, 72)] * 3
    for scores, pictures in found:
        colorized = scores.comparison.colorized
        assert colorized.psnr > 45
        assert colorized.ciede2000 < 0.5
        assert colorized.ab_error < 0.7
        assert scores.comparison.colorfulness_ratio == pytest.approx(1, abs=0.03)  # the filter rounds off extremes
        # The picture was rounded to 8 bits, the score was not.
        assert colorized.psnr == pytest.approx(peak_signal_noise_ratio(pictures.truth, pictures.colorized), abs=1.0)


def test_baselines_of_scikit_image() -> None:
    """Grey keeps L* and drops ab; its errors follow from the ab of scikit-image."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    image = photo()
    truth = Truth.of(torch.from_numpy(image).permute(2, 0, 1)[None] / 255)
    lab = rgb2lab(image)
    grey = lab2rgb(np.stack([lab[..., 0], 0 * lab[..., 0], 0 * lab[..., 0]], axis=2))
    scores = score(truth, truth.grey())
    assert scores.psnr == pytest.approx(peak_signal_noise_ratio(image / 255, grey, data_range=1), abs=0.01)
    expected = structural_similarity(
        image / 255, grey, data_range=1, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert scores.ssim == pytest.approx(expected, abs=0.002)
    assert scores.ab_error == pytest.approx(np.hypot(lab[..., 1], lab[..., 2]).mean(), rel=1e-3)
    assert scores.colorfulness < 0.01 < score(truth, sepia(truth)).colorfulness
    assert score(truth, truth.rgb).psnr == pytest.approx(PSNR_LIMIT)


def test_saturation_and_calibration_scale_the_color(photos: Path) -> None:
    """Half the saturation is half the ab, and so is half the gain of the checkpoint."""
    listed = find_photos([photos])[:1]
    half = [
        next(evaluate_photos(listed, setup(KnowsTheWorld(), **kind), BrokenPhotos(1)))[0]  # type: ignore[arg-type]
        for kind in ({"saturation": 0.5}, {"gain": 0.5})
    ]
    assert half[0].comparison == half[1].comparison
    grey = half[0].comparison.grey.ab_error
    assert half[0].comparison.colorized.ab_error == pytest.approx(grey / 2, rel=0.03)


def test_batches_do_not_change_scores(photos: Path) -> None:
    """A photo alone scores as it does among others."""
    listed = find_photos([photos])
    torch.manual_seed(0)
    network = build_network(TINY)
    let_color(network, std=5)
    network.eval()
    together = [s.comparison for s, _ in evaluate_photos(listed, setup(network), BrokenPhotos(4))]
    for one, expected in zip(listed, together, strict=True):
        alone = next(evaluate_photos([one], setup(network), BrokenPhotos(1)))[0].comparison
        assert alone.colorized.ab_error == pytest.approx(expected.colorized.ab_error, rel=1e-4)
        assert alone.colorized.ab_error != pytest.approx(alone.grey.ab_error, rel=1e-2)


def test_a_grey_network_equals_the_grey_baseline(photos: Path, grey_model: Path) -> None:
    """No color, no gain: the comparison cannot flatter."""
    found = evaluate([photos], run=RunSettings(model=grey_model, device="cpu"))
    assert found.overall.colorized == found.overall.grey
    assert found.overall.gain == found.overall.ab_reduction == 0
    assert {name: count for name, (count, _) in found.sources.items()} == {"tall": 1, "wide": 3}
    assert (found.calibrated, found.saturation) == (True, 1)


def test_film_damage_keeps_the_truth_and_repeats_itself(photos: Path) -> None:
    """Only the picture that the network sees is aged: the baselines stay, and a second run gives the same numbers."""
    listed = find_photos([photos])
    clean = setup(KnowsTheWorld())
    aged = replace(clean, degrade="film")
    first, again, plain = (
        [s.comparison for s, _ in evaluate_photos(listed, s, BrokenPhotos(4))] for s in (aged, aged, clean)
    )
    assert first == again
    assert [c.grey for c in first] == [c.grey for c in plain]
    assert all(a.colorized.ab_error > 2 * c.colorized.ab_error for a, c in zip(first, plain, strict=True))
    alone = next(evaluate_photos(listed[2:3], aged, BrokenPhotos(1)))[0].comparison
    assert alone == first[2]


def test_large_pictures_are_aged_at_film_size(tmp_path: Path) -> None:
    """Grain drawn on a large scan would vanish at the network's size."""
    listed = find_photos([write(tmp_path / "large.png", photo(300, 400))])
    clean = setup(KnowsTheWorld())
    aged = replace(clean, degrade="film")
    sizes = [(s.width, s.height) for kind in (clean, aged) for s, _ in evaluate_photos(listed, kind, BrokenPhotos(1))]
    assert sizes == [(400, 300), (341, 256)]


def test_broken_photos_are_told(photos: Path, grey_model: Path) -> None:
    """One photo that does not decode is a warning; many are an error."""
    (photos / "wide" / "broken.png").write_bytes(b"no picture")
    run = RunSettings(model=grey_model)
    found = evaluate([photos], run=run)
    assert len(found.photos) == 4
    assert "1 of 5 photos do not decode" in found.warnings[0]
    assert "broken.png" in found.warnings[0]
    (photos / "wide" / "torn.png").write_bytes(b"no picture either")
    with pytest.raises(DataError, match="do not decode"):
        evaluate([photos], run=run)


def test_the_command(
    photos: Path, grey_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables by default, one JSON object with --json; a shard's photos count by their folder, --limit by share."""
    shard = tmp_path / "val.tar"
    with tarfile.open(shard, "w") as tar:
        for path in sorted(photos.rglob("*.png")):
            tar.add(path, path.relative_to(photos))
    call = ["vidcolor", "evaluate", str(shard), "-m", str(grey_model), "--device", "cpu"]
    monkeypatch.setattr("sys.argv", [*call, "--json", "--limit", "2"])
    main_quietly()
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "grey"
    assert found["photos"]["count"] == 2
    assert set(found["photos"]["sources"]) == {"tall", "wide"}
    assert found["photos"]["files"][0]["name"] == "val.tar:tall/0.png"
    expected = {"gain", "ab_reduction", "ciede2000_reduction", "colorfulness_ratio"}
    assert expected | {"colorized", "grey", "sepia", "truth"} == set(found["photos"]["overall"])
    assert found["photos"]["overall"]["colorized"] == found["photos"]["overall"]["grey"]

    monkeypatch.setattr("sys.argv", call)
    main_quietly()
    rows = capsys.readouterr().out.splitlines()
    assert "4 photos" in rows[0]
    names = [row.split("|")[1].strip() for row in rows if row.startswith("|")]
    assert names[2:6] == ["colorized", "sepia", "grey", "truth"]
    assert names[-2:] == ["tall", "wide"]
    assert len({len(row) for row in rows[2:8]}) == 1


def main_quietly() -> None:
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code


def test_films_and_photos_together(
    photos: Path, grey_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that holds both gives both; a grey network is exactly as steady as grey."""
    film(photos / "pan.mkv", pan(6))
    call = ["vidcolor", "evaluate", str(photos), "-m", str(grey_model), "--device", "cpu", "--precision", "fp32"]
    monkeypatch.setattr("sys.argv", [*call, "--json"])
    main_quietly()
    found = json.loads(capsys.readouterr().out)
    assert (found["photos"]["count"], found["films"]["count"]) == (4, 1)
    overall = found["films"]["overall"]
    assert overall["steadiness"]["colorized"] == pytest.approx(overall["steadiness"]["grey"], rel=1e-3)
    assert overall["colorized"] == pytest.approx(overall["grey"], rel=1e-3, abs=0.01)
    assert overall["excess_removed"] is None  # nothing above grey to be removed
    monkeypatch.setattr("sys.argv", call)
    main_quietly()
    assert "| pan.mkv" in capsys.readouterr().out


def test_a_film_that_cannot_be_read_does_not_stop_the_rest(photos: Path, grey_model: Path) -> None:
    """It is a warning beside others, and an error alone."""
    broken = photos / "broken.mp4"
    broken.write_bytes(b"no film " * 99)
    found = evaluate([photos], run=RunSettings(model=grey_model))
    assert len(found.photos) == 4
    assert [w for w in found.warnings if "broken.mp4" in w]
    with pytest.raises(InputError, match=r"broken\.mp4"):
        evaluate([broken], run=RunSettings(model=grey_model))


def test_shares_of_a_grey_truth_say_nothing(tmp_path: Path, grey_model: Path) -> None:
    """Where the truth itself has no color there is no share of it: a dash, and null."""
    cv2.imwrite(str(tmp_path / "grey.png"), np.tile(np.arange(0, 250, 2, dtype=np.uint8), (64, 1)))
    found = evaluate([tmp_path], run=RunSettings(model=grey_model))
    assert found.to_dict()["photos"]["overall"]["colorfulness_ratio"] is None
    assert "nan" not in describe(found)


def test_a_picture_too_small_for_its_structure(tmp_path: Path, grey_model: Path) -> None:
    """SSIM looks through windows of 11 pixels: a smaller picture has none, and the mean over the others stays."""
    for name, side in (("small", 10), ("large", 11)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), photo(side, 40)[..., ::-1])
    found = evaluate([tmp_path], run=RunSettings(model=grey_model)).to_dict()["photos"]
    scores = {Path(each["name"]).name: each["colorized"]["ssim"] for each in found["files"]}
    assert scores["small.png"] is None
    assert scores["large.png"] == found["overall"]["colorized"]["ssim"]


def test_a_line_of_pixels_fits_into_the_report(tmp_path: Path, grey_model: Path) -> None:
    """JPEG holds no picture of 168,000 pixels across."""
    cv2.imwrite(str(tmp_path / "line.png"), np.full((1, 1000, 3), (40, 80, 160), np.uint8))
    gallery = Gallery()
    evaluate([tmp_path], run=RunSettings(model=grey_model), gallery=gallery)
    assert len(gallery.best) == 1


def test_a_report_that_cannot_be_written_is_told_first(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is measured."""
    (tmp_path / "page").write_text("a file")
    monkeypatch.setattr("sys.argv", ["vidcolor", "evaluate", str(photos), "--report", str(tmp_path / "page")])
    monkeypatch.setattr(evaluation, "evaluate", None)
    with pytest.raises(SystemExit):
        main()
    assert "cannot write" in capsys.readouterr().err


def test_nothing_to_evaluate(tmp_path: Path) -> None:
    """A folder without data, and a path that is not there, are told apart."""
    with pytest.raises(DataError, match="nothing to evaluate"):
        evaluate([tmp_path])
    with pytest.raises(InputError, match="no such file"):
        evaluate([tmp_path / "absent"])


class Outline(HTMLParser):
    """Checks that a page's elements are nested, and collects what they refer to."""

    VOID = frozenset({"meta", "img", "line", "polyline", "rect", "circle"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_holds_all_it_shows(
    photos: Path, grey_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One page of nested elements, pictures inside, nothing loaded from anywhere, names escaped."""
    film(photos / "a&b.mkv", pan(6))
    call = ["vidcolor", "evaluate", str(photos), "-m", str(grey_model), "--device", "cpu"]
    monkeypatch.setattr("sys.argv", [*call, "--report", str(tmp_path / "new" / "report")])
    main_quietly()
    assert "index.html" in capsys.readouterr().err
    text = (tmp_path / "new" / "report" / "index.html").read_text()
    page = Outline(text)
    assert not page.open
    assert page.tags.count("img") == 4 + 1  # the photos, and the strip
    assert page.tags.count("svg") == 2 + 2
    assert page.tags.count("table") == 4
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert not re.search(r"https?:|url\(|@import|<script|<link", text)
    assert "a&amp;b.mkv" in text
    assert "a&b.mkv" not in text
    assert [p.name for p in (tmp_path / "new" / "report").iterdir()] == ["index.html"]


def test_pictures_of_a_report(photos: Path) -> None:
    """A plate shows grey, colorized and truth from left to right."""
    scores, pictures = next(evaluate_photos(find_photos([photos / "wide"]), setup(KnowsTheWorld()), BrokenPhotos(3)))
    gallery = Gallery()
    gallery.add_photo(scores, pictures)
    plate = gallery.best[0]
    data = np.frombuffer(base64.b64decode(plate.image.partition(",")[2]), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB).astype(int)
    assert image.shape == (plate.height, plate.width, 3)
    grey, colorized, truth = (image[:, i * 227 : i * 227 + 224] for i in range(3))
    assert np.ptp(grey, axis=2).max() <= 2
    assert np.abs(colorized - truth).mean() < 3
    enlarged = cv2.resize(pictures.truth, (224, 168), interpolation=cv2.INTER_CUBIC)
    assert np.abs(truth - enlarged).mean() < 3
