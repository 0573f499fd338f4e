"""Networks as ONNX files, for other programs: L* and hints in, ab out, at any size that the stride divides."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.errors import OutputError
from vidcolor.files import replaced
from vidcolor.network.build import Network
from vidcolor.network.checkpoint import Model
from vidcolor.network.encoders import SameConv2d
from vidcolor.network.inference import fold_batch_norms

OPSET = 18  # of ONNX: the first whose resizing is torch's, with and without antialiasing
LARGEST = 64  # strides a side: what sizes the exporter proves the network for
EXAMPLE = (2, 3, 4)  # pictures, and strides down and across: no two alike, or they would be taken for one


class Exported(nn.Module):
    """A network as it is exported: folded, its ab as large as the picture and as strong as calibrated."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        example = torch.zeros(1, 1, *[2 * model.network.stride] * 2)
        self.network = _padded(fold_batch_norms(copy.deepcopy(model.network), example))
        self.gain = model.config.gain
        self.takes_hints = bool(model.config.hints)

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """Return ab ``(N, 2, H, W)`` for L* ``(N, 1, H, W)`` in 0..100, and hints ``(N, 3, H, W)``."""
        prediction = self.network(lightness, hints) if self.takes_hints else self.network(lightness)
        ab: Tensor = prediction.ab * self.gain
        return F.interpolate(ab, size=lightness.shape[-2:], mode="bilinear", align_corners=False)


def export_onnx(model: Model, target: Path) -> None:
    """Write a model as an ONNX file.

    Its inputs are ``lightness``, L* ``(N, 1, H, W)`` in 0..100, and for a network that takes them ``hints``,
    ``(N, 3, H, W)``: a and b in ab units, and a weight of 0 (nothing is known) to 1 (certain). Hints of weight zero
    change nothing. Its output is ``ab``, ``(N, 2, H, W)`` in ab units. H and W are multiples of the network's stride.

    Raises:
        OutputError: the exporter is not installed, or the file cannot be written.
    """
    what = f"cannot write {target}"
    try:
        import onnx  # noqa: F401  (torch asks for both in the midst of its work)
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise OutputError(
            what, f"{error.name} is not installed", "Install it with pip install 'vidcolor[onnx]'"
        ) from error
    exported = Exported(model).eval()
    with replaced(target) as part, _quiet(), torch.inference_mode():
        _export(exported, model.network, part)


def _export(exported: Exported, network: Network, target: Path) -> None:
    pictures, down, across = EXAMPLE
    size = (down * network.stride, across * network.stride)
    shape = {
        0: torch.export.Dim("pictures", min=1, max=1024),
        2: network.stride * torch.export.Dim("down", min=1, max=LARGEST),
        3: network.stride * torch.export.Dim("across", min=1, max=LARGEST),
    }
    names = ["lightness", "hints"][: 1 + exported.takes_hints]
    examples = (torch.full((pictures, 1, *size), 50.0), torch.zeros(pictures, 3, *size))
    torch.onnx.export(
        exported,
        examples[: len(names)],
        target,
        input_names=names,
        output_names=["ab"],
        dynamic_shapes=(shape,) * len(names),
        opset_version=OPSET,
        external_data=False,
        dynamo=True,
        verbose=False,
    )


def _padded(network: nn.Module) -> nn.Module:
    """Return the network itself, each padding of its sizes by number: in multiples of the stride all maps are even."""
    for name, module in list(network.named_modules()):
        if isinstance(module, SameConv2d):
            (height, width), (down, across) = module.kernel_size, module.stride
            top, left = (height - down) // 2, (width - across) // 2
            padding = nn.ZeroPad2d((left, width - across - left, top, height - down - top))
            channels = (module.in_channels, module.out_channels)
            plain = nn.Conv2d(*channels, (height, width), (down, across), groups=module.groups)
            plain.weight = module.weight
            plain.bias = module.bias
            network.set_submodule(name, nn.Sequential(padding, plain))
    return network


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter says of its own future and of its ways."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
