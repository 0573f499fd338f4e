"""Where a network computes, and in which number type."""

from __future__ import annotations

import logging
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.errors import DeviceError

_LOG = logging.getLogger(__name__)
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str = "auto") -> torch.device:
    """Return the device that a name stands for.

    Raises:
        DeviceError: it is absent; there is no falling back.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(
            f"cannot use the device {name}", "no such kind", "Try auto, cpu, cuda, cuda:N or mps"
        ) from error
    what = f"cannot use the device {name}"
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(what, "no such GPU was found", "Try --device auto or cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(what, "Metal is not available", "Try --device auto or cpu")
    if device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(what, "vidcolor does not run on it", "Try auto, cpu, cuda, cuda:N or mps")
    return device


def named_device(name: str) -> torch.device:
    """Return the device that a name stands for on a machine that has it; auto is this machine's.

    Raises:
        DeviceError: vidcolor runs on no such kind.
    """
    if name.partition(":")[0] in ("cuda", "mps"):
        try:
            return torch.device(name)
        except RuntimeError:
            pass
    return choose_device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the number type that a name stands for; auto is half precision where the device computes in it."""
    if name != "auto":
        return _DTYPES[name]
    if device.type == "cuda":
        return torch.float16
    if device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX512" and _cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


def on_device(values: NDArray[Any], device: torch.device) -> Tensor:
    """Return an array as a tensor on a device; on the processor both share their memory.

    A GPU takes it from pinned memory while this thread goes on: what is asked of the tensor comes after the copy, in
    the same stream, and torch keeps the pinned memory until the copy is done. Where the system pins no more memory the
    copy is an ordinary one.
    """
    tensor = torch.from_numpy(values)
    if device.type != "cuda":
        return tensor.to(device)
    try:
        tensor = tensor.pin_memory()
    except RuntimeError as error:
        _LOG.debug("memory was not pinned: %s", error)
    return tensor.to(device, non_blocking=True)


def _cpu_has_bf16() -> bool:
    # Without these instructions bf16 is emulated, ten times slower than fp32.
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and bool(torch.cpu._is_avx512_bf16_supported())
