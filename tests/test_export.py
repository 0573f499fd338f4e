"""Exported networks answer as the networks do. Witness: onnxruntime."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from networks import let_color
from vidcolor.errors import OutputError
from vidcolor.network import export
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.encoders import SameConv2d
from vidcolor.network.export import Exported, export_onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="needs vidcolor[onnx]")
ROOT = Path(__file__).parent.parent
ONE_SIZE = 1, 6, 8  # pictures, and strides down and across: those of the example in the docs


@pytest.fixture(scope="module")
def model() -> Model:
    """A small network of the kind of the bundled one: it takes hints, and its colors are calibrated."""
    return small("test_resnet", {})


def small(encoder: str, options: dict[str, str], std: float = 1.0, **others: Any) -> Model:
    torch.manual_seed(0)
    known: dict[str, Any] = {"embedding": 16, "fusion": 16, "decoder": (16, 8), "hints": 8, "strength": 4, "gain": 1.25}
    config = NetworkConfig(encoder=encoder, encoder_options=options, **{**known, **others})
    network = build_network(config).eval()
    let_color(network, std)
    for name, parameter in network.named_parameters():
        if "injections" in name:  # they begin at zero, which would hide mistakes
            torch.nn.init.normal_(parameter, std=0.1)
    return Model("small", network, config, "")


@pytest.fixture(scope="module")
def exported(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That network as a file for pictures of one size: others take the exporter long."""
    target = tmp_path_factory.mktemp("onnx") / "model.onnx"
    whole = torch.onnx.export

    def of_one_size(*given: Any, **how: Any) -> Any:
        return whole(*given, **{**how, "dynamic_shapes": None})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", of_one_size)
        patch.setattr(export, "EXAMPLE", ONE_SIZE)
        export_onnx(model, target)
    return target


def check(model: Model, file: Path, sizes: Sequence[tuple[int, int, int]]) -> None:
    """What a file answers must be what the network does; with hints, and with weights of zero as without any."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for count, *size in sizes:
        generator = torch.Generator().manual_seed(1)
        lightness = torch.rand(count, 1, *size, generator=generator) * 100
        hints = torch.zeros(count, 3, *size)
        hints[:, :, 8:16, 8:20] = torch.tensor([40.0, -30.0, 1.0])[:, None, None]
        answers = []
        for given in (hints, torch.zeros_like(hints)) if model.config.hints else (None,):
            known = () if given is None or not given.any() else (given,)
            with torch.inference_mode():
                wanted = model.network(lightness, *known).ab * model.config.gain
                wanted = torch.nn.functional.interpolate(wanted, size=size, mode="bilinear", align_corners=False)
            told = {} if given is None else {"hints": given.numpy()}
            (ab,) = session.run(["ab"], {"lightness": lightness.numpy(), **told})
            np.testing.assert_allclose(ab, wanted.numpy(), atol=0.01, rtol=0)  # ab units; 8 bits step by some 0.4
            answers.append(ab)
            assert np.abs(ab).max() > 1
        assert len(answers) == 1 or np.abs(answers[0] - answers[1]).max() > 1


def test_an_exported_network_answers_as_the_network(model: Model, exported: Path) -> None:
    """To lightness and hints."""
    pictures, down, across = ONE_SIZE
    check(model, exported, [(pictures, down * model.network.stride, across * model.network.stride)])


OTHERS = [(count, *size) for count in (1, 3) for size in ((64, 96), (160, 192), (32, 256))]


def test_an_exported_network_takes_other_sizes(tmp_path: Path) -> None:
    """And other numbers of pictures than it was exported with."""
    model = small("test_resnet", {}, std=10.0, hints=0, decoder=(8,))
    export_onnx(model, tmp_path / "model.onnx")
    check(model, tmp_path / "model.onnx", OTHERS)


@pytest.mark.thorough
def test_an_exported_network_takes_hints_at_other_sizes(model: Model, tmp_path: Path) -> None:
    """All of it together."""
    export_onnx(model, tmp_path / "model.onnx")
    check(model, tmp_path / "model.onnx", OTHERS)


def test_padding_by_number_is_the_padding_of_tensorflow() -> None:
    """At every multiple of the stride: what is exported pads so, since no exporter follows sizes through all layers."""
    model = small("mobilenetv2_050", {"pad_type": "same"})
    exported = Exported(model).eval()
    assert not any(isinstance(module, SameConv2d) for module in exported.modules())
    lightness = torch.rand(1, 1, 96, 160, generator=torch.Generator().manual_seed(1)) * 100
    with torch.inference_mode():
        wanted = model.network(lightness).ab * model.config.gain
        wanted = torch.nn.functional.interpolate(wanted, size=(96, 160), mode="bilinear", align_corners=False)
        torch.testing.assert_close(exported(lightness), wanted, atol=1e-3, rtol=1e-3)


def test_the_example_of_the_docs_runs(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without vidcolor: a grey picture in, a picture in colors out."""
    monkeypatch.chdir(exported.parent)
    cv2.imwrite("grey.png", np.tile(np.linspace(30, 220, 200, dtype=np.uint8), (150, 1)))
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "onnx.md").read_text(), re.DOTALL)
    exec(compile(code, "docs/onnx.md", "exec"), {})
    colored = cv2.imread("color.png")
    assert colored.shape == (150, 200, 3)
    assert colored.std(axis=2).max() > 1


def test_a_missing_exporter_is_told(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(OutputError, match=r"onnxscript is not installed\. Install .*'vidcolor\[onnx\]'"):
        export_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
