"""A machine that shares no disk with the film: the film comes in pieces, the parts go back whole or not at all."""

from __future__ import annotations

import ast
import errno
import os
from pathlib import Path

import pytest

from calls import noted
from reels import LONGEST, SHORTEST, digest, write_reel
from vidcolor.errors import OutputError, UnfitError, VidcolorError
from vidcolor.film.encoding.packets import PacketFile
from vidcolor.pipeline.distributed import farm, planner, transfer
from vidcolor.pipeline.distributed.joiner import join
from vidcolor.pipeline.distributed.parts import Parts
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.station import Request, Station
from vidcolor.pipeline.distributed.transfer import KEPT, Cache, LocalKeeper
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.result import Job
from vidcolor.settings import ClusterSettings, RunSettings, ShotSettings

SETTINGS = RunSettings(size=32, batch_size=4)
pytestmark = pytest.mark.usefixtures("tiny_network")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PIECE", 10_000)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_reel(tmp_path / "film.mkv")


def request(film: Path) -> Request:
    return Request(film, ".mp4", SETTINGS, ShotSettings(), lengths=(SHORTEST, LONGEST))


def plan_of(station: Station, asked: Request) -> Plan:
    found = station.plan(asked)
    assert isinstance(found, Plan)
    return found


def test_films_come_in_pieces_and_parts_go_back(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film of a station that shares nothing is the same to the byte; no call moves more than a piece."""
    calls = noted(monkeypatch, LocalKeeper, "read", "write")
    station = Station(LocalKeeper(), tmp_path / "cache", shares=False)
    plan = plan_of(station, request(film))
    assert plan.film == film
    parts = Parts(tmp_path / "parts", plan)
    parts.claim()
    for segment in plan.segments:
        receipt = station.make(plan, segment.number, parts.folder)
        assert parts.receipt(segment.number) == receipt
    assert not [name for name in os.listdir(parts.folder) if name.startswith(".")]
    assert len([call for call in calls if call.name == "read"]) >= film.stat().st_size // 10_000
    moved = [call.result if call.name == "read" else call.arguments[3] for call in calls]
    assert max(map(len, moved)) <= 10_000
    station.close()
    assert not (tmp_path / "cache").exists()
    join(plan, parts.folder, tmp_path / "joined.mp4")
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.SHORTEST", SHORTEST)
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.LONGEST", LONGEST)
    colorize_film(film, tmp_path / "whole.mp4", settings=SETTINGS)
    assert digest(tmp_path / "joined.mp4") == digest(tmp_path / "whole.mp4")


def test_a_known_plan_is_not_made_again(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass over the film is saved if all is as before, and only then."""
    station = Station()
    first = plan_of(station, request(film))
    passes = noted(monkeypatch, planner, "_laid_out")
    again = Request(film, ".mp4", SETTINGS, ShotSettings(), known=first, lengths=(SHORTEST, LONGEST))
    assert plan_of(station, again) == first
    assert not passes
    other = Request(film, ".mp4", SETTINGS, ShotSettings(saturation=0.5), known=first, lengths=(SHORTEST, LONGEST))
    assert plan_of(station, other).digest != first.digest
    assert passes


def test_a_full_disk_here_is_not_the_films(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room on the station's own disk makes it unfit; no room where the parts are is the film's trouble."""
    station = Station(LocalKeeper(), tmp_path / "cache", shares=False)
    plan = plan_of(station, request(film))
    parts = Parts(tmp_path / "parts", plan)
    parts.claim()

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(PacketFile, "sync", full)
        with pytest.raises(UnfitError, match="no space left on device"):
            station.make(plan, 0, parts.folder)
    with monkeypatch.context() as patch:
        patch.setattr(LocalKeeper, "write", full)
        with pytest.raises(OutputError, match="no space left on device"):
            station.make(plan, 0, parts.folder)
    assert os.listdir(parts.folder) == ["plan.json"]
    assert station.make(plan, 0, parts.folder).segment == 0


def test_what_arrives_otherwise_gets_no_name(tmp_path: Path) -> None:
    """A byte that is lost on the way is noticed, and nothing is left."""

    class Forgetful(LocalKeeper):
        def write(self, part: Path, offset: int, piece: bytes) -> None:
            super().write(part, offset, piece[:-1] + b"?")

    own = tmp_path / "own"
    own.write_bytes(bytes(25_000))
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="arrived with other bytes"):
        Cache(Forgetful(), tmp_path / "cache").send(own, tmp_path / "there" / ".part", tmp_path / "there" / "it")
    assert not list((tmp_path / "there").iterdir())
    Cache(LocalKeeper(), tmp_path / "cache").send(own, tmp_path / "there" / ".part", tmp_path / "there" / "it")
    assert (tmp_path / "there" / "it").read_bytes() == own.read_bytes()


def test_the_cache_keeps_few_films(tmp_path: Path) -> None:
    """What was used longest ago goes; a film that has changed is fetched anew."""
    cache = Cache(LocalKeeper(), tmp_path / "cache")
    for number in range(KEPT + 3):
        (tmp_path / f"{number}.mkv").write_bytes(bytes([number]) * 20_001)
        copy = cache.fetch(tmp_path / f"{number}.mkv")
        assert copy.read_bytes() == bytes([number]) * 20_001
        assert cache.fetch(tmp_path / f"{number}.mkv") == copy
    assert len(list((tmp_path / "cache").iterdir())) == KEPT + 1
    (tmp_path / "0.mkv").write_bytes(b"other")
    assert cache.fetch(tmp_path / "0.mkv").read_bytes() == b"other"
    with pytest.raises(UnfitError, match="no machine of the cluster sees it"):
        cache.fetch(tmp_path / "absent.mkv")


def test_without_ray_one_line_tells_what_to_install(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is made, and nothing else needs it: modules that import it are imported when --ray is given."""
    monkeypatch.setattr(farm, "find_spec", lambda name: None)
    job = Job(film, tmp_path / "film.mp4")
    with pytest.raises(VidcolorError, match=r"cannot use --ray: Ray is not installed.*pip install 'vidcolor\[ray\]'"):
        list(farm.colorize_on_ray([job], ClusterSettings(ray="auto")))
    needing = {"ray", *(f"vidcolor.pipeline.distributed.{name}" for name in ("actors", "cluster", "connection"))}
    package = Path(farm.__file__).parents[2]
    for path in package.rglob("*.py"):
        if path.stem in ("actors", "cluster", "connection") and path.parent.name == "distributed":
            continue
        for node in ast.parse(path.read_text()).body:
            names = [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = node.module if isinstance(node, ast.ImportFrom) else None
            assert not needing.intersection([module, *(f"{module}.{name}" if module else name for name in names)]), path
