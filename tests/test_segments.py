"""Segments and packets: how a film is laid out, and how it is put together again."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reels import SHOT, write_reel
from vidcolor.film.encoding.packets import PacketFile, ReorderingError, decoding_times, joined, reordering
from vidcolor.film.frame import ColorTags, Frame
from vidcolor.film.shots import Boundary
from vidcolor.pipeline import assembly
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.segments.cutting import MARKS, Step, cut, located
from vidcolor.settings import RunSettings

TAGS = ColorTags("bt709", False)


class ChangeDetector:
    """A shot begins where the picture's grey changes; it decides a few frames late."""

    delay = 3

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.last: int | None = None
        self.number = 0

    def push(self, thumbnail: np.ndarray) -> list[Boundary | None]:
        self.waiting.append(int(thumbnail.flat[0]))
        return [self.decide()] if len(self.waiting) > self.delay else []

    def flush(self) -> list[Boundary | None]:
        return [self.decide() for _ in range(len(self.waiting))]

    def decide(self) -> Boundary | None:
        value = self.waiting.popleft()
        changed = self.last is not None and value != self.last
        self.last, self.number = value, self.number + 1
        return Boundary(self.number - 1, "cut", 0) if changed else None


def film(shots: list[int]) -> list[Frame]:
    """Grey frames, a grey for every shot."""
    greys = [17 + 13 * n % 199 for n, length in enumerate(shots) for _ in range(length)]
    return [Frame(np.full((36, 48), g, np.uint8), 8, 40 * n, Fraction(1, 1000), TAGS) for n, g in enumerate(greys)]


def changes(first: int) -> Any:
    return ChangeDetector()


def view(steps: list[Step]) -> list[tuple[int, int, bool, bool]]:
    return [(step.start.number, step.frame.pts, step.context, step.starts_shot) for step in steps]


LAYOUTS = given(
    shots=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    shortest=st.integers(4, 30),
    longest=st.integers(5, 40),
    context=st.integers(0, 5),
)


@LAYOUTS
@settings(max_examples=60, deadline=None)
def test_layout(shots: list[int], shortest: int, longest: int, context: int) -> None:
    """Every frame is one segment's own, in order; segments begin at shots, or after ``longest`` with context around.

    Those at shots begin with the first shot from every ``shortest``-th frame of the film on.
    """
    frames = film(shots)
    lengths: dict[str, Any] = {"context": context, "shortest": shortest, "longest": longest}
    steps = list(cut(iter(frames), detector=changes, **lengths))
    own = [step for step in steps if not step.context]
    assert [step.frame.pts for step in own] == [frame.pts for frame in frames]
    begins = {sum(shots[:n]) for n in range(len(shots))}
    first = {id(next(s for s in steps if s.start is start)) for start in dict.fromkeys(s.start for s in steps)}
    assert {n for n, step in enumerate(own) if step.starts_shot and id(step) not in first} <= begins
    for earlier, later in pairwise(dict.fromkeys(step.start for step in own)):
        place = next(n for n, step in enumerate(own) if step.start is later)
        length = sum(step.start is earlier for step in own)
        inside = [step for step in steps if step.start is later]
        assert later.lead == sum(step.context for step in inside[: later.lead])
        number = (place - length) // shortest
        assert {n // shortest for n in begins if place - length < n < place} <= {number}
        if place not in begins or place // shortest == number:
            assert later.lead == context
            assert length == max(longest, context + 4)


@LAYOUTS
@settings(max_examples=60, deadline=None)
def test_going_on_from_any_segment(shots: list[int], shortest: int, longest: int, context: int) -> None:
    """Taken up at a segment's start, the layout is what it was, so that the rest of the film comes out the same."""
    frames = film(shots)
    lengths: dict[str, Any] = {"context": context, "shortest": shortest, "longest": longest}
    steps = list(cut(iter(frames), detector=changes, **lengths))
    for start in list(dict.fromkeys(step.start for step in steps))[1:]:
        rest = located(iter(frames), start.marks)
        assert rest is not None
        again = list(cut(rest, start=start, detector=changes, **lengths))
        assert view(again) == [v for v in view(steps) if v[0] >= start.number]
        assert all(step.number == step.frame.pts // 40 for step in (*steps, *again))


def test_marks_are_found_only_where_they_are() -> None:
    """A frame lost, changed or moved just before the place is noticed."""
    frames = film([20, 20])
    steps = cut(iter(frames), shortest=5, detector=changes)
    start = next(step.start for step in steps if step.start.number == 1)
    assert located(iter(frames), start.marks) is not None
    assert located(iter([*frames[:18], *frames[19:]]), start.marks) is None
    assert located(iter(film([19, 21])), start.marks) is None
    assert located(iter(frames[20:]), start.marks) is None


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.integers(1, 12), st.randoms(use_true_random=False))
def test_decoding_times(gaps: list[int], count: int, order: Any) -> None:
    """They rise and are never later than the frame is shown, however frames are reordered within runs.

    Wherever a run ends, they are those of all packets at once: the times in rising order, delayed.
    """
    rising = np.cumsum(gaps).astype(np.int64)
    runs = [np.array(order.sample(list(part), len(part)), np.int64) for part in np.array_split(rising, count)]
    delay = max(map(reordering, runs))
    found = list(decoding_times(iter(runs), delay))
    assert [(place, len(times)) for place, times in found] == [(place, len(run)) for place, run in enumerate(runs)]
    pts, dts = np.concatenate(runs), np.concatenate([times for _, times in found])
    assert (np.diff(dts) > 0).all()
    assert (dts <= pts).all()
    assert np.array_equal(dts[delay:], rising[: len(rising) - delay])
    if delay:
        with pytest.raises(ReorderingError, match=f"over {delay} places") as deeper:
            list(decoding_times(iter(runs), delay - 1))
        assert deeper.value.delay == delay
    else:
        assert np.array_equal(dts, pts)


def test_packets_come_back(tmp_path: Path) -> None:
    """Bytes, times, durations and keyframes of several files are those that were written."""
    written = []
    for number in range(2):
        file = PacketFile(tmp_path / f"{number}", b"header")
        for place, pts in enumerate((0, 3, 1, 2)):
            packet = av.Packet(bytes([number, place]) * 50)
            packet.pts, packet.duration, packet.is_keyframe = 10 * number + pts, place, not place
            file.push([packet])
            written.append((bytes(packet), packet.pts, packet.duration, packet.is_keyframe))
        file.close()
    found = list(joined([tmp_path / "0", tmp_path / "1"], Fraction(1, 25)))
    assert [(bytes(p), p.pts, p.duration, p.is_keyframe) for p in found] == written
    assert all(p.time_base == Fraction(1, 25) for p in found)


@pytest.mark.usefixtures("short_segments", "tiny_network")
def test_joining_hashes_no_packets_whose_digests_nobody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took more than twice as long as writing the film: digests are for films that are made by a list of shots."""
    monkeypatch.setattr(assembly, "EssenceDigest", None)  # to make one would fail
    source = write_reel(tmp_path / "film.mkv")
    assert colorize_film(source, tmp_path / "out.mp4", settings=RunSettings(size=32, batch_size=4)).frames > SHOT


def test_memory_held_frames_as_context_that_no_parting_needed() -> None:
    """Far from where a take is parted, only the frames that mark a place stay with the layout, and what is decided."""
    alive: list[weakref.ref[Frame]] = []

    def stream() -> Iterator[Frame]:
        for pts in range(60):
            frame = Frame(np.full((4, 4), 90, np.uint8), 8, pts, Fraction(1, 25), TAGS)
            alive.append(weakref.ref(frame))
            yield frame

    most = 0
    for _ in cut(stream(), context=20, longest=1000, detector=changes):
        most = max(most, sum(each() is not None for each in alive))
    assert most <= MARKS + ChangeDetector.delay + 3
