"""Exported networks answer as the networks do. Witness: onnxruntime."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from networks import let_color
from vidcolor.errors import OutputError
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.encoders import SameConv2d
from vidcolor.network.export import Exported, export_onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="needs vidcolor[onnx]")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def model() -> Model:
    """A small network of the kind of the bundled one: it takes hints, and its colors are calibrated."""
    return small("test_resnet", {})


def small(encoder: str, options: dict[str, str]) -> Model:
    torch.manual_seed(0)
    config = NetworkConfig(
        encoder=encoder,
        encoder_options=options,
        embedding=16,
        fusion=16,
        decoder=(16, 8),
        hints=8,
        strength=4,
        gain=1.25,
    )
    network = build_network(config).eval()
    let_color(network)
    for name, parameter in network.named_parameters():
        if "injections" in name:  # they begin at zero, which would hide mistakes
            torch.nn.init.normal_(parameter, std=0.1)
    return Model("small", network, config, "")


@pytest.fixture(scope="module")
def exported(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(model, target)
    return target


@pytest.mark.parametrize("size", [(64, 96), (160, 192), (32, 256)], ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_an_exported_network_answers_as_the_network(
    model: Model, exported: Path, size: tuple[int, int], count: int
) -> None:
    """At other sizes and numbers than it was exported with; with hints, and with weights of zero as without any."""
    generator = torch.Generator().manual_seed(1)
    lightness = torch.rand(count, 1, *size, generator=generator) * 100
    hints = torch.zeros(count, 3, *size)
    hints[:, :, 8:16, 8:20] = torch.tensor([40.0, -30.0, 1.0])[:, None, None]
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    answers = []
    for given in (hints, torch.zeros_like(hints)):
        with torch.inference_mode():
            wanted = model.network(lightness, given if given.any() else None).ab * model.config.gain
            wanted = torch.nn.functional.interpolate(wanted, size=size, mode="bilinear", align_corners=False)
        (ab,) = session.run(["ab"], {"lightness": lightness.numpy(), "hints": given.numpy()})
        np.testing.assert_allclose(ab, wanted.numpy(), atol=0.01, rtol=0)  # ab units; a step of 8 bits is some 0.4
        answers.append(ab)
    assert np.abs(answers[0] - answers[1]).max() > 1
    assert np.abs(answers[1]).max() > 1


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
