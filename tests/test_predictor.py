"""A model prepared once: planes in, ab out, whatever their sizes, and whatever the device's memory takes."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import luma_to_lightness
from vidcolor.errors import CheckpointError, DeviceError
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.device import on_device
from vidcolor.network.fusion import FusionNet
from vidcolor.network.heads import Prediction
from vidcolor.network.predictor import Predictor, whole_strides

CPU = torch.device("cpu")


class Mirror(nn.Module):
    """Gives L* as a and b, and remembers the sizes of its batches; takes so many pictures at once."""

    stride = 8

    def __init__(self, takes: int = 99) -> None:
        super().__init__()
        self.takes = takes
        self.seen: list[tuple[int, ...]] = []

    def __deepcopy__(self, memo: object) -> Mirror:
        return self  # so that the test sees what the predictor's copy saw

    def forward(self, lightness: Tensor) -> Prediction:
        if len(lightness) > self.takes:
            raise torch.OutOfMemoryError("no memory")
        self.seen.append(tuple(lightness.shape))
        return Prediction(torch.cat([lightness, -lightness], dim=1))


def predictor(network: nn.Module, gain: float = 1.0, hints: int = 0) -> Predictor:
    model = Model("m", network, NetworkConfig(gain=gain, hints=hints), "")  # type: ignore[arg-type]  # any module that colors
    found = Predictor(model, CPU, torch.float32)
    found.network  # noqa: B018  # prepared when it is first needed: now
    getattr(network, "seen", []).clear()  # of what was tried out while it was prepared
    return found


def planes(count: int, height: int = 16, width: int = 24) -> list[Plane]:
    return [np.full((height, width), (n + 1) / (count + 1), np.float32) for n in range(count)]


def lightness(luma: Plane) -> float:
    return float(luma_to_lightness(torch.tensor(float(luma[0, 0]))))


def test_planes_of_all_sizes_come_back_in_order() -> None:
    """Those of one size share batches; each plane has its own answer, at its own size."""
    network = Mirror()
    lumas = [plane for pair in zip(planes(3), planes(3, 8, 32), strict=True) for plane in pair]
    found = predictor(network).predict(lumas)
    assert sorted(network.seen) == [(3, 1, 8, 32), (3, 1, 16, 24)]
    for luma, ab in zip(lumas, found, strict=True):
        assert ab.shape == (2, *luma.shape)
        np.testing.assert_allclose(ab[0], lightness(luma), atol=1e-3)
        np.testing.assert_array_equal(ab[1], -ab[0])


def test_a_plane_need_not_be_whole_strides() -> None:
    """The network is asked at the nearest multiple of its own stride, never of another's."""
    network = Mirror()
    (ab,) = predictor(network).predict([np.full((19, 45), 0.5, np.float32)])
    assert network.seen == [(1, 1, 16, 48)]
    assert ab.shape == (2, 19, 45)
    np.testing.assert_allclose(ab[0], lightness(np.array([[0.5]], np.float32)), atol=1e-3)
    assert [whole_strides(length, 8) for length in (1, 11, 13, 160)] == [8, 8, 16, 160]


def test_saturation_is_a_factor_on_the_calibrated_colors() -> None:
    """For all planes, or for each."""
    prepared, lumas = predictor(Mirror(), gain=1.5), planes(3)
    plain = predictor(Mirror()).predict(lumas)
    for factor, found in ((1.0, prepared.predict(lumas)), (0.5, prepared.predict(lumas, saturation=0.5))):
        for ab, single in zip(found, plain, strict=True):
            np.testing.assert_allclose(ab, single * 1.5 * factor, rtol=1e-6)
    for ab, single, factor in zip(prepared.predict(lumas, saturation=[0, 1, 2]), plain, (0, 1, 2), strict=True):
        np.testing.assert_allclose(ab, single * 1.5 * factor, rtol=1e-6)


def test_the_answer_does_not_depend_on_the_batch() -> None:
    """A real network, folded: one by one, and all together."""
    config = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8))
    torch.manual_seed(0)
    prepared = predictor(build_network(config).eval())
    lumas = [np.random.default_rng(n).random((64, 96), np.float32) for n in range(5)]
    for alone, together in zip(prepared.predict(lumas, batch=1), prepared.predict(lumas, batch=5), strict=True):
        np.testing.assert_allclose(alone, together, atol=1e-3)


def test_batches_shrink_to_the_device() -> None:
    """Out of memory: the batch is halved until it fits, every plane comes once and in order, and it is said."""
    network = Mirror(takes=3)
    prepared, lumas = predictor(network), planes(16)
    found = prepared.predict(lumas, batch=16)
    for luma, ab in zip(lumas, found, strict=True):
        np.testing.assert_allclose(ab[0], lightness(luma), atol=1e-3)
    assert {size[0] for size in network.seen} == {2}
    told = "batches of 16 frames did not fit into the device's memory: took 2"
    assert prepared.warnings(16, 16, 24) == (told,)
    assert prepared.shortage == told
    assert prepared.warnings(2, 16, 24) == prepared.warnings(16, 4, 8) == ()


def test_what_fits_is_remembered_for_the_next_film() -> None:
    """A predictor that has met the end of the memory does not run into it again with pictures of that size."""
    network = Mirror(takes=3)
    prepared = predictor(network)
    prepared.predict(planes(16), batch=16)
    network.takes = 2
    prepared.predict(planes(4), batch=16)


def test_device_that_takes_no_frame() -> None:
    """When not even one frame fits, that is an error that tells a way out."""
    network = Mirror(takes=1)
    prepared = predictor(network)
    network.takes = 0
    with pytest.raises(DeviceError, match="does not take one frame"):
        prepared.predict(planes(8))


@pytest.mark.usefixtures("one_lane")
def test_memory_short_for_cells_halves_batches_too() -> None:
    """What is asked of the encoder is asked in the same batches as the colors."""
    prepared = hinting()
    lumas = [np.random.default_rng(n).random((64, 96), np.float32) for n in range(5)]
    wanted = prepared.cells(lumas)
    network, sizes = prepared.network, list[int]()
    assert isinstance(network, FusionNet)
    plain = network.cells

    def short(lightness: Tensor) -> Tensor:
        sizes.append(len(lightness))
        if len(lightness) > 2:
            raise torch.OutOfMemoryError("no memory")
        return plain(lightness)

    with mock.patch.object(network, "cells", short):
        found = prepared.cells(lumas, batch=5)
    assert sizes == [5, 2, 2, 1]
    assert prepared.shortage == "batches of 5 frames did not fit into the device's memory: took 2"
    np.testing.assert_allclose(np.stack(found), np.stack(wanted), atol=1e-3)


@pytest.mark.usefixtures("one_lane")
def test_nothing_of_a_batch_is_kept_when_the_memory_is_given_back() -> None:
    """The tensors of a batch that did not fit are gone when the device's unused memory is given back."""
    kept: list[weakref.ref[Tensor]] = []
    alive: list[int] = []

    class Short(Mirror):
        def forward(self, lightness: Tensor) -> Prediction:
            kept.append(weakref.ref(lightness))
            return super().forward(lightness)

    prepared = predictor(Short(takes=3))

    def given_back() -> None:
        alive.append(sum(ref() is not None for ref in kept))

    with mock.patch("torch.cuda.empty_cache", given_back):
        prepared.predict(planes(8), batch=8)
    assert alive == [0, 0]


class Copied:
    """Stands for a tensor on its way to a GPU: notes what is asked of it; pinning may fail."""

    def __init__(self, pins: bool) -> None:
        self.pins, self.asked = pins, list[tuple[str, object]]()

    def pin_memory(self) -> Copied:
        if not self.pins:
            raise RuntimeError("CUDA error: out of memory")
        self.asked.append(("pinned", True))
        return self

    def to(self, device: torch.device, non_blocking: bool = False) -> Copied:
        self.asked.append((str(device), non_blocking))
        return self


@pytest.mark.parametrize("pins", [True, False])
def test_a_gpu_is_sent_pinned_memory_without_waiting(pins: bool) -> None:
    """And ordinary memory where the system pins no more; this is all that a machine without a GPU can see of it."""
    tensor = Copied(pins)
    with mock.patch("torch.from_numpy", return_value=tensor):
        on_device(np.zeros(3, np.float32), torch.device("cuda", 1))
    assert tensor.asked == [("pinned", True), ("cuda:1", True)][0 if pins else 1 :]


def test_the_processor_is_sent_nothing() -> None:
    """It computes in the array's own memory, which is not pinned."""
    values = np.zeros(3, np.float32)
    tensor = on_device(values, CPU)
    values[1] = 7
    assert tensor.tolist() == [0, 7, 0]
    assert not tensor.is_pinned()


class Watched(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives its own no types
    """Notes the devices of all tensors that operations take and make."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.devices: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self.devices.update(leaf.device.type for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor))
        return out


@pytest.mark.parametrize("precision", [torch.float32, torch.float16])
def test_the_network_waits_for_nothing_from_the_processor(precision: torch.dtype) -> None:
    """All operations of a batch are the device's own: what is sent before is all, and a GPU can record them as a graph.

    The device is torch's meta device, which computes nothing: it fails where a value is asked for.
    """
    config = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8))
    model = Model("m", build_network(config).eval(), config, "")
    device = torch.device("meta")
    prepared = Predictor(model, device, precision)
    prepared.network  # noqa: B018  # prepared before it is watched
    lumas, gains = torch.zeros(2, 50, 75, device=device), torch.ones(2, device=device)
    with Watched() as watched, torch.inference_mode():
        assert prepared._colors(lumas, gains).shape == (2, 2, 50, 75)
    assert set(watched.devices) == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_answers_as_the_processor_does() -> None:
    """A real network in fp32, sent in pinned memory."""
    prepared = hinting()
    there = Predictor(prepared.model, torch.device("cuda"), torch.float32)
    lumas = [np.random.default_rng(n).random((64, 96), np.float32) for n in range(5)]
    for own, other in zip(prepared.predict(lumas), there.predict(lumas), strict=True):
        np.testing.assert_allclose(own, other, atol=0.5)


def hinting() -> Predictor:
    """A small network that takes hints, with random weights where it would begin without any effect."""
    config = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8), hints=8)
    torch.manual_seed(0)
    network = build_network(config).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return predictor(network, hints=8)


@pytest.mark.parametrize("size", [(64, 96), (50, 75)])
def test_hints_change_the_planes_they_are_given_for(size: tuple[int, int]) -> None:
    """And no others: a plane without hints has the answer that it has among planes without any."""
    prepared = hinting()
    lumas = [np.random.default_rng(n).random(size, np.float32) for n in range(3)]
    known = np.zeros((3, *size), np.float32)
    known[:, 10:20, 10:20] = np.array([40, -30, 1], np.float32)[:, None, None]
    plain, hinted = prepared.predict(lumas), prepared.predict(lumas, hints=[None, known, None])
    for place in (0, 2):  # but for the last bits, which follow from how many planes go through at once
        np.testing.assert_allclose(hinted[place], plain[place], rtol=0, atol=1e-6)
    assert np.abs(hinted[1] - plain[1]).max() > 0.1


def test_hints_are_refused_by_a_network_without() -> None:
    """Never a silent nothing."""
    config = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8))
    with pytest.raises(CheckpointError, match="hints"):
        predictor(build_network(config).eval()).predict(planes(1, 64, 64), hints=[np.ones((3, 64, 64), np.float32)])
