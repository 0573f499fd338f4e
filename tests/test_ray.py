"""Films on a real Ray cluster of several node processes on this machine: the same to the byte, whatever dies.

Two tests run wherever Ray is installed. ``pytest --thorough tests/test_ray.py`` runs the long ones too, with nodes
lost, workers and drivers killed and disks full; VIDCOLOR_FOOTAGE adds real clips.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from networks import let_color
from reels import SHOT, SHOTS, digest, write_reel
from vidcolor.cli.process import QUIET_LIBRARIES
from vidcolor.errors import VidcolorError
from vidcolor.network.checkpoint import bundled_models, load_model, save_model
from vidcolor.pipeline.distributed.farm import colorize_on_ray
from vidcolor.pipeline.distributed.parts import Receipt
from vidcolor.pipeline.distributed.tasks import Report
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.result import Job, Outcome
from vidcolor.settings import ClusterSettings, RunSettings

ray: Any = pytest.importorskip("ray", reason="needs Ray: pip install 'vidcolor[ray]'")

# Ray's own modules leave files open and use what Python has deprecated.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("short_segments")]
SETTINGS = RunSettings(size=32, batch_size=4, threads=1, device="cpu")
STORE = 80 << 20  # bytes of each node's object store; Ray takes no less than 75 MB


class Nodes:
    """A cluster of node processes, each with one core, on this machine."""

    def __init__(self, count: int) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False},
        )
        self.nodes = [self.add() for _ in range(count - 1)]

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self, **options: Any) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=STORE, **options)

    def lose(self) -> None:
        """Let a node vanish that is not the head."""
        self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)

    def workers(self) -> list[int]:
        """The processes of the stations at work."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if b"ray::StationActor" not in (folder / "cmdline").read_bytes():
                    continue
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if self.address.encode() in Path("/proc", parent, "cmdline").read_bytes():  # of this cluster
                    found.append(int(folder.name))
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Two nodes; one, which begins sooner, where no test is thorough."""
    found = Nodes(2 if request.config.getoption("--thorough") else 1)
    yield found
    ray.shutdown()
    found.cluster.shutdown()


def colorize(
    nodes: Nodes, jobs: list[Job], report: Report | None = None, run: RunSettings = SETTINGS, **cluster: Any
) -> list[Outcome]:
    settings = ClusterSettings(ray=nodes.address, **cluster)
    return list(colorize_on_ray(jobs, settings, settings=run, environment=QUIET_LIBRARIES, report=report or Report()))


def at(count: int, deed: Callable[[], None]) -> Report:
    """Do something once so many segments are made."""
    made = [0]

    def count_up(film: Path, frames: int, receipt: Receipt) -> None:
        made[0] += 1
        if made[0] == count:
            deed()

    return Report(made=count_up)


def kill(nodes: Nodes) -> None:
    """Kill a worker in the middle of its work."""
    os.kill(random.Random(3).choice(nodes.workers()), signal.SIGKILL)


def whole(film: Path, run: RunSettings = SETTINGS) -> str:
    """What tells the film of one machine."""
    colorize_film(film, film.with_suffix(".whole.mp4"), settings=run)
    return digest(film.with_suffix(".whole.mp4"))


def made_by(nodes: Nodes, folder: Path, report: Report) -> None:
    """Two films and one that cannot be read: the films of one machine, an error, and nothing else."""
    films = [write_reel(folder / "first.mkv"), write_reel(folder / "second.mkv", shots=3)]
    (folder / "bad.mkv").write_text("no film")
    jobs = [Job(film, film.with_suffix(".mp4")) for film in (films[0], folder / "bad.mkv", films[1])]
    outcomes = {outcome.source.stem: outcome for outcome in colorize(nodes, jobs, report)}
    statuses = {name: outcome.status for name, outcome in outcomes.items()}
    assert statuses == {"first": "done", "second": "done", "bad": "failed"}
    assert "the data are invalid" in outcomes["bad"].error
    result = outcomes["first"].result
    assert result is not None
    assert result.frames == SHOT * SHOTS
    for film in films:
        assert digest(film.with_suffix(".mp4")) == whole(film)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_films_of_a_cluster_are_those_of_one_machine(nodes: Nodes, tmp_path: Path) -> None:
    """To the byte."""
    made_by(nodes, tmp_path, Report())


@pytest.mark.thorough
def test_what_a_killed_worker_had_is_made_by_another(nodes: Nodes, tmp_path: Path) -> None:
    """On two nodes; the films are the same."""
    made_by(nodes, tmp_path, at(2, lambda: kill(nodes)))


@pytest.mark.thorough
def test_a_lost_node_costs_what_it_was_at(tmp_path: Path) -> None:
    """A node vanishes with its worker; another comes later; nothing is shared but what is sent."""
    nodes = Nodes(3)
    try:
        film = write_reel(tmp_path / "film.mkv", shots=12)

        def lose() -> None:
            nodes.lose()
            nodes.nodes.append(nodes.add())

        (outcome,) = colorize(nodes, [Job(film, tmp_path / "film.mp4")], at(3, lose), share_files=False)
        assert outcome.status == "done", outcome.error
        assert digest(tmp_path / "film.mp4") == whole(film)
        assert not list(Path("/tmp").glob("vidcolor-*/*/film.mkv"))
    finally:
        ray.shutdown()
        nodes.cluster.shutdown()


@pytest.mark.thorough
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_is_stopped_goes_on(nodes: Nodes, tmp_path: Path, how: signal.Signals) -> None:
    """Killed or interrupted in the middle, the same command takes up what is made; the film is the same."""
    write_reel(tmp_path / "film.mkv", shots=32, shot=30)
    command = [
        *(sys.executable, "-m", "vidcolor", "colorize", "film.mkv", "-o", "film.mp4", "--ray", nodes.address),
        *("--size", "32", "--batch-size", "4", "--threads", "1", "--device", "cpu", "--progress", "json", "--json"),
    ]
    driver = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stderr is not None
    made = 0
    for line in driver.stderr:
        made += json.loads(line)["event"] == "segment"
        if made == 2:
            driver.send_signal(how)
            break
    _, told = driver.communicate(timeout=60)
    assert driver.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL), f"{line}{told}"
    if how is signal.SIGINT:
        assert "finished segments are kept" in told
    time.sleep(2)
    assert not nodes.workers()
    assert not (tmp_path / "film.mp4").exists()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["resumed"] >= 480
    single = [*command[:4], "film.mkv", "-o", "whole.mp4", *command[9:]]
    assert subprocess.run(single, cwd=tmp_path, capture_output=True, timeout=300, check=False).returncode == 0
    assert digest(tmp_path / "film.mp4") == digest(tmp_path / "whole.mp4")


@pytest.mark.thorough
def test_a_worker_with_another_version_is_refused_by_name(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all of them refused, one line says what they have."""
    from vidcolor.pipeline.distributed import cluster

    film = write_reel(tmp_path / "film.mkv")
    monkeypatch.setattr(cluster, "version", lambda name: "0.0.1" if name == "torch" else metadata.version(name))
    with pytest.raises(VidcolorError, match=r"has torch .* instead of 0\.0\.1"):
        colorize(nodes, [Job(film, tmp_path / "film.mp4")])


@pytest.mark.thorough
def test_a_worker_with_another_model_is_refused_by_name(nodes: Nodes, tmp_path: Path) -> None:
    """The file of the model changes after the film is planned: nothing is made with what is there now."""
    film, model = write_reel(tmp_path / "film.mkv"), tmp_path / "model.safetensors"
    shutil.copy(bundled_models()["fast"], model)
    other = load_model(model)
    let_color(other.network)

    def exchange(film: Path, frames: int, done: int) -> None:
        save_model(model, other.network, other.config)

    cluster, settings = ClusterSettings(ray=nodes.address), replace(SETTINGS, model=model)
    report = Report(planned=exchange)
    with pytest.raises(VidcolorError, match="has another model"):
        list(colorize_on_ray([Job(film, tmp_path / "film.mp4")], cluster, settings=settings, report=report))
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.thorough
def test_a_full_disk_at_one_worker_is_not_the_films(tmp_path: Path) -> None:
    """Its temporary folder has no room: it is told by name, and the other machines make the film."""
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(small)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    nodes = Nodes(2)
    try:
        nodes.add(env_vars={"TMPDIR": str(small)})
        film = write_reel(tmp_path / "film.mkv", shots=30)
        assert film.stat().st_size > 128 << 10
        notes: list[str] = []
        report = Report(note=lambda film, line: notes.append(line))
        (outcome,) = colorize(nodes, [Job(film, tmp_path / "film.mp4")], report, share_files=False)
        assert outcome.status == "done", outcome.error
        assert any("no space left on device" in note for note in notes), notes
        assert digest(tmp_path / "film.mp4") == whole(film)
    finally:
        ray.shutdown()
        nodes.cluster.shutdown()
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.thorough
def test_a_film_larger_than_the_object_store_is_sent(nodes: Nodes, tmp_path: Path) -> None:
    """The pieces are small: an object store of 80 MB passes a film of 120 MB on."""
    film = write_reel(tmp_path / "film.mkv")
    with open(film, "ab") as file:  # bytes after the end that no decoder reads
        file.write(os.urandom(120 << 20))
    (outcome,) = colorize(nodes, [Job(film, tmp_path / "film.mp4")], share_files=False)
    assert outcome.status == "done", outcome.error
    assert digest(tmp_path / "film.mp4") == whole(film)


@pytest.mark.thorough
def test_clips_survive_nodes_killed_at_random(footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five clips on three nodes, of which one after the other vanishes: the films of single-machine runs."""
    # Ray sets a handler of signals with each node, which is refused in the thread that adds them here.
    monkeypatch.setattr("ray._private.utils.set_sigterm_handler", lambda handler: None)
    films = [tmp_path / f"{name}.mp4" for name in ("figure-skating", "flower", "kittens", "talking-man", "tennis")]
    for film in films:
        shutil.copy(footage / "colour" / film.name, film)
    usual = replace(SETTINGS, size=0)
    nodes, stopped = Nodes(3), threading.Event()
    struck: list[str] = []

    def havoc() -> None:
        chance = random.Random(7)
        while not stopped.wait(chance.uniform(4, 12)):
            if nodes.nodes and chance.random() < 0.5:
                nodes.lose()
                struck.append("node")
            elif workers := nodes.workers():
                os.kill(chance.choice(workers), signal.SIGKILL)
                struck.append("worker")
            while len(nodes.nodes) < 2 and not stopped.is_set():
                with suppress(TimeoutError):  # a machine under load is slow to answer
                    nodes.nodes.append(nodes.add())

    killer = threading.Thread(target=havoc)
    killer.start()
    try:
        outcomes = colorize(nodes, [Job(film, film.with_suffix(".color.mp4")) for film in films], run=usual)
    finally:
        stopped.set()
        killer.join()
        ray.shutdown()
        nodes.cluster.shutdown()
    assert [outcome.error for outcome in outcomes] == [""] * 5
    assert {"node", "worker"} <= set(struck), struck
    print(f"lost on the way: {struck.count('node')} nodes, {struck.count('worker')} workers")
    for film in films:
        assert digest(film.with_suffix(".color.mp4")) == whole(film, usual)


def test_an_address_that_nobody_answers_is_told(tmp_path: Path) -> None:
    """One line, and soon."""
    film = write_reel(tmp_path / "film.mkv", shots=1)
    if ray.is_initialized():
        ray.shutdown()
    with pytest.raises(VidcolorError, match=r"cannot reach Ray at 127\.0\.0\.1:9: nobody answers there"):
        list(colorize_on_ray([Job(film, tmp_path / "film.mp4")], ClusterSettings(ray="127.0.0.1:9")))
