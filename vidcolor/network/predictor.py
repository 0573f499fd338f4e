"""A network put to work: prepared once for a device, then asked for the colors of any number of pictures."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import luma_to_lightness
from vidcolor.errors import DeviceError
from vidcolor.network.checkpoint import Model, load_model
from vidcolor.network.device import choose_device, choose_precision, on_device
from vidcolor.network.fusion import FusionNet
from vidcolor.network.hints import no_hints
from vidcolor.network.inference import fold_batch_norms, lower_precision
from vidcolor.network.lanes import side_by_side
from vidcolor.settings import RunSettings

_LOG = logging.getLogger(__name__)
BATCH = {"cpu": 4, "cuda": 16, "mps": 16}  # pictures that go through the network together


def whole_strides(length: float, stride: int) -> int:
    """Return the multiple of a network's stride that is nearest to a length in pixels; at least one stride."""
    return max(stride, round(length / stride) * stride)


class Predictor:
    """Predicts colors: planes of Y' in, planes of ab out.

    The network is copied to the device, folded and lowered once, when it is first needed: so that a machine without the
    device can lay out work for others. It knows pictures by their planes only: what film a plane is of, and which way
    up, is told by :class:`vidcolor.pipeline.view.View`.

    Args:
        model: From checkpoint.load_model.
        device: Where it computes.
        precision: The number type that it computes in.

    Attributes:
        stride: Pictures go through the network in multiples of it; others are scaled there and back.
        shortage: A line that tells of smaller batches than asked for, or "".
    """

    def __init__(self, model: Model, device: torch.device, precision: torch.dtype) -> None:
        self.model, self.device, self.precision = model, device, precision
        self.stride = model.network.stride
        self.shortage = ""
        self._most_pixels: int | None = None  # in a batch that the device's memory takes; None: no limit met so far

    @cached_property
    def network(self) -> nn.Module:
        """The network on its device."""
        return self._prepared(copy.deepcopy(self.model.network))

    def _prepared(self, network: nn.Module) -> nn.Module:
        """Return a network made ready for its device; it is changed."""
        folded = fold_batch_norms(network, torch.zeros(1, 1, self.stride, self.stride))
        return lower_precision(folded.to(self.device), self.precision).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, settings: RunSettings) -> Predictor:
        """Return a predictor for the model, device and precision of a run, prepared.

        Its model's network is the prepared one: a copy in fp32 would lie in the memory of the whole run.

        Raises:
            CheckpointError: no such model, or a damaged one; DeviceError: no such device.
        """
        began = time.monotonic()
        device = choose_device(settings.device)
        found = cls(load_model(settings.model), device, choose_precision(settings.precision, device))
        found.network = found._prepared(found.model.network)
        what = f"{found.model.name} on {device} in {str(found.precision).removeprefix('torch.')}"
        _LOG.info("%s, prepared in %.1f s", what, time.monotonic() - began)
        return found

    @property
    def takes_hints(self) -> bool:
        """Return whether the network was trained with colors that are known in some places."""
        return bool(self.model.config.hints)

    def predict(
        self,
        lumas: Sequence[Plane],
        *,
        saturation: float | Sequence[float] = 1.0,
        hints: Sequence[Plane | None] | None = None,
        batch: int = 0,
    ) -> list[Plane]:
        """Return ab ``(2, h, w)`` for each Y' ``(h, w)`` in 0..1; planes of one size share batches.

        Args:
            saturation: Factor on the calibrated colors, for all planes or for each.
            hints: Colors that are known, for each plane ``(3, h, w)``: a and b in ab units, and a weight of 0 (nothing
                is known) to 1 (certain); None where there are none.
            batch: At most so many planes go through at once; 0: as many as suit the device. When the device's memory
                takes fewer, batches are halved, and stay so: :meth:`warnings` tells.

        Raises:
            DeviceError: the memory does not take a single plane.
            CheckpointError: there are hints, and the network takes none.
        """
        factors = [saturation] * len(lumas) if isinstance(saturation, int | float) else saturation
        gains = (np.array(factors, np.float64) * self.model.config.gain).astype(np.float32)
        known = hints or [None] * len(lumas)
        alike: dict[tuple[tuple[int, ...], bool], list[int]] = {}
        for place, (luma, hint) in enumerate(zip(lumas, known, strict=True)):
            alike.setdefault((luma.shape, hint is not None), []).append(place)
        groups: list[list[NDArray[Any]]] = []
        for (_, are_hinted), places in alike.items():
            groups.append([np.stack([lumas[place] for place in places]), gains[places]])
            if are_hinted:
                groups[-1].append(np.stack([hint for place in places if (hint := known[place]) is not None]))
        answers = self._answers(self._colors, groups, batch)
        found = dict(zip(chain.from_iterable(alike.values()), answers, strict=True))
        return [found[place] for place in range(len(lumas))]

    def cells(self, lumas: Sequence[Plane], batch: int = 0) -> list[Plane]:
        """Return what the encoder sees in each cell of Y' planes of one size ``(h, w)``: ``(channels, h / 8, w / 8)``.

        Args:
            lumas: Their sides are multiples of the network's stride.
            batch: At most so many planes go through at once; 0: as many as suit the device.

        Raises:
            CheckpointError: the network takes no hints, and nobody has use for its cells.
        """
        network = self._hinted()
        groups = [[np.stack(lumas)]] if lumas else []
        return self._answers(partial(_asked, network.cells), groups, batch)

    def spread(self, lumas: Sequence[Plane], hints: Sequence[Plane], batch: int = 0) -> list[Plane]:
        """Return the hints that each cell is taken for: a, b in ab units and how surely, 0..1, ``(3, h / 8, w / 8)``.

        Args:
            lumas: As for :meth:`cells`.
            hints: For each plane ``(3, h, w)``, as for :meth:`predict`.

        Raises:
            CheckpointError: the network takes no hints.
        """
        network = self._hinted()
        groups = [[np.stack(lumas), np.stack(hints)]] if lumas else []
        return self._answers(partial(_asked, network.spread), groups, batch)

    def _hinted(self) -> FusionNet:
        if not isinstance(self.network, FusionNet) or not self.takes_hints:
            raise no_hints(self.model.name)
        return self.network

    def warnings(self, batch: int, height: int, width: int) -> tuple[str, ...]:
        """Return what to tell of batches of a size: a line if the memory took smaller ones, nothing otherwise."""
        batch = batch or BATCH[self.device.type]
        if (taken := self._fitting(batch, height, width)) == batch:
            return ()
        return (_shortage(batch, taken),)

    def _fitting(self, batch: int, height: int, width: int) -> int:
        if self._most_pixels is None:
            return batch
        return max(1, min(batch, self._most_pixels // (height * width)))

    def _answers(self, ask: Callable[..., Tensor], groups: Sequence[Sequence[NDArray[Any]]], batch: int) -> list[Plane]:
        """Return what is asked of groups of Y' ``(N, h, w)``, and what belongs to them, one after the other.

        A CPU's cores take parts of them side by side.
        """
        lanes = torch.get_num_threads() if self.device.type == "cpu" else 1
        most = max(1, -(-sum(len(group[0]) for group in groups) // lanes))
        parts = [
            [plane[start : start + most] for plane in group]
            for group in groups
            for start in range(0, len(group[0]), most)
        ]

        def answer(planes: Sequence[NDArray[Any]]) -> list[Plane]:
            return list(self._in_batches(ask, planes, batch))

        return list(chain.from_iterable(side_by_side(answer, parts, lanes)))

    def _in_batches(self, ask: Callable[..., Tensor], planes: Sequence[NDArray[Any]], batch: int) -> Iterator[Plane]:
        """Yield what is asked of Y' ``(N, h, w)``, and what belongs to it, in batches that fit into the memory."""
        batch = batch or BATCH[self.device.type]
        done, total = 0, len(planes[0])
        height, width = planes[0].shape[1:]
        while done < total:
            part = slice(done, done + self._fitting(batch, height, width))
            count = len(planes[0][part])
            try:
                found = self._answer(ask, [plane[part] for plane in planes])
            except torch.OutOfMemoryError as error:
                if count == 1:
                    what = f"cannot color on {self.device}"
                    raise DeviceError(what, "its memory does not take one frame", "Try a smaller --size") from error
                found = None  # the rest comes after this clause: its error keeps the tensors of the batch
            if found is None:
                self._most_pixels = count // 2 * height * width
                self.shortage = _shortage(batch, count // 2)
                torch.cuda.empty_cache()  # does nothing without a GPU
                continue
            yield from found
            done += count

    @torch.inference_mode()
    def _answer(self, ask: Callable[..., Tensor], planes: Sequence[NDArray[Any]]) -> Plane | None:
        """Return the answer to one batch: nothing is waited for but that."""
        return ask(*(on_device(plane, self.device) for plane in planes)).float().cpu().numpy()

    def _colors(self, luma: Tensor, gains: Tensor, known: Tensor | None = None) -> Tensor:
        """Return ab ``(N, 2, h, w)`` of one batch ``(N, h, w)``, with hints ``(N, 3, h, w)`` if there are any."""
        size = luma.shape[1:]
        lightness = luma_to_lightness(luma[:, None])
        own = tuple(whole_strides(side, self.stride) for side in size)
        if own != size:
            lightness = _resized(lightness, own)
        lightness = lightness.contiguous(memory_format=torch.channels_last)
        if known is None:
            prediction = self.network(lightness)
        else:
            if own != size:  # colors count as much as their weights
                weight = _resized(known[:, 2:], own)
                color = _resized(known[:, :2] * known[:, 2:], own) / weight.clamp(min=1e-6)
                known = torch.cat([color, weight], dim=1)
            prediction = self.network(lightness, known)
        ab: Tensor = F.interpolate(prediction.ab.float(), size=size, mode="bilinear", align_corners=False)
        return ab * gains[:, None, None, None]


def _asked(ask: Callable[..., Tensor], luma: Tensor, *others: Tensor) -> Tensor:
    """Ask something of Y' ``(N, h, w)``, and what belongs to it."""
    lightness = luma_to_lightness(luma[:, None])
    return ask(lightness.contiguous(memory_format=torch.channels_last), *others)


def _resized(planes: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(planes, size=size, mode="bilinear", align_corners=False, antialias=True)


def _shortage(asked: int, taken: int) -> str:
    return f"batches of {asked} frames did not fit into the device's memory: took {taken}"
