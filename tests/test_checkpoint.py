"""Checkpoints: what is written comes back, what does not fit is refused, and a reader never sees half a file."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from skimage.data import astronaut

from networks import let_color
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.errors import CheckpointError, OutputError
from vidcolor.network import checkpoint
from vidcolor.network.backbone import create_backbone
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import (
    bundled_models,
    load_backbone,
    load_model,
    read_tensors,
    save_model,
    save_tensors,
)
from vidcolor.network.config import NetworkConfig
from vidcolor.network.fusion import FusionNet
from vidcolor.network.inference import lower_precision
from vidcolor.settings import RunSettings

TINY = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8), size=64)


def tiny_network(seed: int = 0) -> FusionNet:
    torch.manual_seed(seed)
    network = build_network(TINY)
    assert isinstance(network, FusionNet)
    let_color(network)
    return network.eval()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_model(path, tiny_network(), TINY)
    return path


def rewrite(path: Path, tensors: dict[str, torch.Tensor] | None = None, **metadata: str) -> None:
    """Change a checkpoint behind vidcolor's back."""
    before, about = read_tensors(path)
    save_file(tensors if tensors is not None else before, path, {**about, **metadata})


def test_saved_network_comes_back(saved: Path) -> None:
    """The loaded network answers exactly as the saved one did, and knows its configuration and hash."""
    model = load_model(saved)
    lightness = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0)) * 100
    assert torch.equal(model.network(lightness).ab, tiny_network()(lightness).ab)
    assert not model.network.training
    assert model.config == TINY
    assert model.name == "tiny"
    assert model.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()


def test_half_precision_halves_the_file(tmp_path: Path, saved: Path) -> None:
    """fp16 weights take half the room, load as fp32, and are the rounded originals; statistics of batch norms and
    counters stay what they are.
    """
    small = tmp_path / "half.safetensors"
    save_model(small, tiny_network(), TINY, torch.float16)
    assert small.stat().st_size < 0.6 * saved.stat().st_size
    state, original = load_model(small).network.state_dict(), tiny_network().state_dict()
    for name, value in original.items():
        assert state[name].dtype == value.dtype
        rounded = value.is_floating_point() and "running_" not in name
        assert torch.equal(state[name], value.half().float() if rounded else value)


def test_large_variances_survive_half_precision(tmp_path: Path) -> None:
    """A batch norm whose input varies more than fp16 can say: saved in fp16, it answers as before."""
    network = tiny_network()
    norm = network.fuse.norm[0]
    assert isinstance(norm, torch.nn.BatchNorm2d)
    assert norm.running_var is not None
    norm.running_var.fill_(1e5)
    save_model(tmp_path / "large.safetensors", network, TINY, torch.float16)
    assert load_model(tmp_path / "large.safetensors").network.state_dict()["fuse.norm.0.running_var"].max() == 1e5
    lowered = lower_precision(tiny_network(), torch.float16)
    assert lowered.get_buffer("fuse.norm.0.running_var").dtype == torch.float32


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_what_is_not_finite_is_refused_by_name(tmp_path: Path, saved: Path, value: float) -> None:
    """When saving, in the type that is saved in; and when loading, where a file holds it all the same."""
    network = tiny_network()
    network.get_parameter("head.project.bias").data[0] = value
    with pytest.raises(OutputError, match=r"cannot save .*head\.project\.bias holds numbers that are not finite"):
        save_model(tmp_path / "bad.safetensors", network, TINY, torch.float16)
    assert not (tmp_path / "bad.safetensors").exists()
    rewrite(saved, {k: v.half() if k == "head.project.bias" else v for k, v in network.state_dict().items()})
    with pytest.raises(CheckpointError, match=r"head\.project\.bias holds numbers that are not finite"):
        load_model(saved)


def test_configuration_survives_its_json() -> None:
    """Every field comes back, tuples as tuples; unknown ones are refused by name."""
    config = NetworkConfig(head="classification", gain=1.25, decoder=(96, 64), mean=0.45)
    assert NetworkConfig.from_json(config.to_json()) == config
    with pytest.raises(CheckpointError, match=r"unknown settings .*'flavour'"):
        NetworkConfig.from_json(json.dumps({**json.loads(config.to_json()), "flavour": "vanilla"}))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"decoder": 3}', "{'encoder': 1}"])
def test_damaged_configuration_is_one_line(text: str) -> None:
    """Settings that are no settings are an expected failure."""
    with pytest.raises(CheckpointError, match="cannot read the network's settings"):
        NetworkConfig.from_json(text)


def test_loading_is_strict(saved: Path) -> None:
    """A missing, an additional and a misshapen weight are each refused; the line names the weight."""
    tensors, _ = read_tensors(saved)
    name = "head.project.bias"
    cases = {
        "missing": {k: v for k, v in tensors.items() if k != name},
        "additional": {**tensors, "head.project.surprise": tensors[name].clone()},
        "misshapen": {**tensors, name: torch.zeros(3)},
    }
    for kind, changed in cases.items():
        rewrite(saved, changed)
        with pytest.raises(CheckpointError, match=r"do not match: .*head\.project\.") as caught:
            load_model(saved)
        assert "\n" not in str(caught.value), kind


def test_other_versions_and_foreign_files_are_refused(saved: Path, tmp_path: Path) -> None:
    """A checkpoint with unknown settings, of another format, or somebody else's safetensors."""
    settings = json.loads(TINY.to_json())
    rewrite(saved, network=json.dumps({**settings, "flavour": 1}))
    with pytest.raises(CheckpointError, match="flavour"):
        load_model(saved)
    rewrite(saved, network=TINY.to_json(), format="vidcolor-99")
    with pytest.raises(CheckpointError, match="not a vidcolor checkpoint"):
        load_model(saved)
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not a vidcolor checkpoint"):
        load_model(tmp_path / "foreign.safetensors")


def test_backbone_unknown_to_timm_is_one_line(saved: Path) -> None:
    """A checkpoint that names an encoder which does not exist."""
    rewrite(saved, network=TINY.with_(encoder="resnet_of_tomorrow").to_json())
    with pytest.raises(CheckpointError, match="resnet_of_tomorrow"):
        load_model(saved)


def test_no_pickle_is_ever_opened(tmp_path: Path) -> None:
    """A pickled file is refused without running what it holds."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "sprung",)

    for name in ("model.pt", "model.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(CheckpointError, match="cannot read the weights"):
            load_model(tmp_path / name)
    torch.save({"weight": torch.zeros(1)}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError):
        load_model(tmp_path / "model.pt")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, -1])
def test_truncated_file_is_refused(saved: Path, keep: float) -> None:
    """A file cut anywhere is one clear line."""
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(CheckpointError, match="cannot read the weights"):
        load_model(saved)


def test_absent_weights_name_the_way_out() -> None:
    """A name that is neither bundled nor a file."""
    with pytest.raises(CheckpointError, match=r"no such file.*vidcolor models"):
        load_model("nope")


def test_failed_save_keeps_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up while saving, the old checkpoint is there to the byte, and no part file stays."""
    before = saved.read_bytes()

    def full(tensors: object, path: Path, metadata: object) -> None:
        Path(path).write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OutputError, match="no space left on device"):
        save_tensors(saved, {"weight": torch.zeros(1)}, {})
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_save_into_an_absent_folder_is_one_line(tmp_path: Path) -> None:
    """No folder is invented."""
    with pytest.raises(OutputError, match="cannot write"):
        save_tensors(tmp_path / "absent" / "model.safetensors", {"weight": torch.zeros(1)}, {})


def test_save_replaces_in_one_step(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file takes the old one's name only once it is whole: until then a reader gets the old one."""
    seen = []
    replace = os.replace

    def watched(part: Path, path: Path) -> None:
        seen.append((set(load_file(part)), "head.project.bias" in load_file(path)))
        replace(part, path)

    monkeypatch.setattr(os, "replace", watched)
    save_tensors(saved, {"weight": torch.zeros(1)}, {})
    assert seen == [({"weight"}, True)]
    assert set(load_file(saved)) == {"weight"}


def test_tensors_of_any_layout_are_saved(tmp_path: Path) -> None:
    """Weights kept channels-last (as in training) come back equal."""
    weight = torch.rand(4, 3, 5, 5).to(memory_format=torch.channels_last)
    save_tensors(tmp_path / "a.safetensors", {"weight": weight}, {"about": "layout"})
    tensors, metadata = read_tensors(tmp_path / "a.safetensors")
    assert torch.equal(tensors["weight"], weight)
    assert metadata == {"about": "layout"}


def test_backbone_starts_from_a_classifier(tmp_path: Path) -> None:
    """Pretrained weights go into the encoder; the classifier is left over, by name."""
    pretrained = tiny_network(seed=1).encoder.state_dict()
    path = tmp_path / "backbone.safetensors"
    save_file({**pretrained, "fc.weight": torch.zeros(5, 8), "fc.bias": torch.zeros(5)}, path)
    encoder = tiny_network(seed=2).encoder
    assert load_backbone(encoder, path) == ["fc.bias", "fc.weight"]
    assert all(torch.equal(v, pretrained[k]) for k, v in encoder.state_dict().items())


@pytest.mark.parametrize("name", ["test_convnext", "test_vit"])
def test_backbones_whose_feature_maps_have_other_names(tmp_path: Path, name: str) -> None:
    """timm renames parts when it takes a backbone apart; its own state dict still fits."""
    torch.manual_seed(0)
    classifier = create_backbone(name)
    save_file({k: v.contiguous() for k, v in classifier.state_dict().items()}, tmp_path / "backbone.safetensors")
    encoder = create_backbone(name, features_only=True)
    left_over = load_backbone(encoder, tmp_path / "backbone.safetensors")
    assert "head.fc.weight" in left_over or "head.weight" in left_over
    parts = {k.removeprefix("model.").replace("_", ".", 1): v for k, v in encoder.state_dict().items()}
    stem = "stem.0.weight" if name == "test_convnext" else "patch.embed.proj.weight"
    known = {k.replace("_", ".", 1): v for k, v in classifier.state_dict().items()}
    assert torch.equal(parts[stem], known[stem])


def test_backbone_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Weights that lack a layer, or have it in another shape, leave the encoder as it was."""
    encoder = tiny_network().encoder
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    name = next(k for k in before if k.endswith("weight"))
    path = tmp_path / "backbone.safetensors"
    save_file({k: v for k, v in before.items() if k != name}, path)
    with pytest.raises(CheckpointError, match=f"it lacks {name}"):
        load_backbone(encoder, path)
    save_file({**before, name: torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="has another shape"):
        load_backbone(encoder, path)
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())


@pytest.mark.parametrize("name", sorted(bundled_models()))
def test_bundled_model_loads(name: str) -> None:
    """Every model in weights/ is a checkpoint of at most 30 MB that says something other than grey."""
    model = load_model(name)
    assert bundled_models()[name].stat().st_size <= 30e6
    photo = torch.from_numpy(np.ascontiguousarray(astronaut()[::4, ::4])).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        ab = model.network(rgb_to_lab(photo)[:, :1]).ab
    assert ab.isfinite().all()
    assert ab.abs().max() > 1


def test_a_default_model_is_bundled() -> None:
    """What colorize takes without being told is there."""
    assert RunSettings().model in bundled_models()
