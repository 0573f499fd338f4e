"""The networks: shapes, the fusion, the frozen extractor, and the color bins."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage.color import rgb2lab
from torch import nn

from networks import let_color
from vidcolor.errors import CheckpointError
from vidcolor.network.backbone import hub_weights
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import load_backbone, load_model, save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.fusion import Fusion, FusionNet
from vidcolor.network.heads import ab_bins, annealed_mean
from vidcolor.network.inference import fold_batch_norms
from vidcolor.network.koalarization import Koalarization

TINY = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8))
PAPER = NetworkConfig(architecture="koalarization", decoder=(8, 8, 8), fusion=8, extractor="test_resnet")


def grey(n: int = 2, height: int = 64, width: int = 96) -> torch.Tensor:
    """Random L* of the given size."""
    return 100 * torch.rand(n, 1, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("head", ["regression", "classification"])
@pytest.mark.parametrize("config", [TINY, PAPER, replace(PAPER, extractor="")], ids=["fusion", "paper", "no extractor"])
def test_both_heads_share_every_network(config: NetworkConfig, head: str) -> None:
    """ab comes out in the picture's shape, logits only from classification, and gradients reach every weight."""
    network = build_network(config.with_(head=head))
    prediction = network(grey())
    assert prediction.ab.shape[:2] == (2, 2)
    height, width = prediction.ab.shape[2:]
    assert height * 96 == width * 64
    assert (prediction.logits is not None) == (head == "classification")
    target = prediction.ab if prediction.logits is None else prediction.logits
    target.square().mean().backward()
    idle = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert idle == []


@pytest.mark.parametrize("config", [TINY, PAPER], ids=["fusion", "paper"])
def test_regression_starts_grey(config: NetworkConfig) -> None:
    """No network adds color before it has learned any."""
    assert build_network(config)(grey()).ab.abs().max() == 0


def test_residual_blocks_begin_as_nothing() -> None:
    """A network with blocks that refine answers as the one without, until they have learned; and folds as it does."""
    torch.manual_seed(0)
    plain, refined = build_network(TINY), build_network(TINY.with_(refine=2))
    let_color(plain)
    added = {k: v for k, v in refined.state_dict().items() if k.startswith("refine.")}
    assert len([k for k in added if k.endswith("change.4.weight")]) == 2 * len(TINY.decoder)
    refined.load_state_dict({**added, **plain.state_dict()})
    with torch.no_grad():
        assert torch.equal(plain.eval()(grey()).ab, refined.eval()(grey()).ab)
        for name, weight in refined.named_parameters():
            if name.endswith("change.4.weight"):
                weight.fill_(0.5)
        learned = refined(grey()).ab
        assert (learned - plain(grey()).ab).abs().mean() > 0.01
        folded = fold_batch_norms(refined, grey())
        assert not [name for name, m in folded.named_modules() if isinstance(m, nn.BatchNorm2d) and "refine" in name]
        torch.testing.assert_close(folded(grey()).ab, learned, rtol=1e-3, atol=1e-3)


def test_parts_are_dropped_in_training_only() -> None:
    """Dropping makes two passes differ, and the last block is skipped most; evaluation stays the same to the bit."""
    torch.manual_seed(0)
    network = build_network(TINY)
    assert isinstance(network, FusionNet)
    let_color(network)
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.ones_(norm.weight)  # timm begins with residuals of nothing
    for shares in ((0.5, 0.0), (0.0, 0.9)):
        before = network.eval()(grey()).ab
        network.regularize(*shares)
        assert torch.equal(network(grey()).ab, before)
        network.train()
        assert not torch.equal(network(grey()).ab, network(grey()).ab), shares
    from timm.layers import DropPath

    rates = [m.drop_prob for m in network.encoder.modules() if isinstance(m, DropPath)]
    assert len(rates) == 4
    assert rates == sorted(rates)
    assert rates[-1] == 0.9


def test_encoder_without_residual_blocks_cannot_skip_them() -> None:
    """A setting that would do nothing is refused."""
    with torch.device("meta"):  # its numbers do not matter
        network = build_network(TINY.with_(encoder="vgg11"))
    assert isinstance(network, FusionNet)
    network.regularize(0.1, 0.0)
    with pytest.raises(CheckpointError, match="cannot drop paths of vgg11"):
        network.regularize(0.0, 0.1)


def test_fusion_is_a_convolution_of_the_repeated_vector() -> None:
    """The paper repeats the vector over the grid, concatenates, and convolves 1x1: the same numbers."""
    torch.manual_seed(0)
    fusion = Fusion(5, 7, 3)
    x, vector = torch.randn(2, 5, 4, 6), torch.randn(2, 7)
    assert fusion.vector is not None
    literal = nn.Conv2d(12, 3, 1, bias=False)
    literal.weight = nn.Parameter(torch.cat([fusion.local.weight[..., 0, 0], fusion.vector.weight], 1)[..., None, None])
    repeated = vector[:, :, None, None].expand(-1, -1, 4, 6)
    torch.testing.assert_close(fusion(x, vector), literal(torch.cat([x, repeated], 1)))


def test_paper_layers() -> None:
    """The convolutions of the paper, in order: (in, out, stride), with ReLU and batch norm behind every one."""
    network = build_network(PAPER.with_(fusion=256, decoder=(128, 64, 32)))

    def convolutions(part: nn.Module) -> list[tuple[int, int, int]]:
        return [(m.in_channels, m.out_channels, m.stride[0]) for m in part.modules() if isinstance(m, nn.Conv2d)]

    assert convolutions(network.encoder) == [
        (1, 64, 2), (64, 128, 1), (128, 128, 2), (128, 256, 1), (256, 256, 2), (256, 512, 1), (512, 512, 1),
        (512, 256, 1),
    ]  # fmt: skip
    assert isinstance(network.fuse.local, nn.Conv2d)
    assert network.fuse.local.bias is not None  # ReLU follows, not the batch norm that would make it useless
    assert convolutions(network.decoder) == [(256, 128, 1), (128, 64, 1), (64, 64, 1), (64, 32, 1), (32, 2, 1)]
    for part in (network.encoder, network.decoder):
        leaves = [type(m) for m in part.modules() if not list(m.children())]
        assert leaves == [nn.Conv2d, nn.ReLU, nn.BatchNorm2d] * (len(leaves) // 3)
    assert network(grey()).ab.shape == (2, 2, 64, 96)


def test_extractor_never_changes() -> None:
    """A training step leaves the extractor's weights and batch statistics as they were, and gives it no gradient."""
    network = build_network(PAPER)
    assert isinstance(network, Koalarization)
    assert network.extractor is not None
    before = {k: v.clone() for k, v in network.extractor.state_dict().items()}
    network.train()
    (network(grey()).ab - 10).square().mean().backward()
    torch.optim.SGD(network.parameters(), lr=1.0).step()
    after = network.extractor.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())
    assert all(p.grad is None for p in network.extractor.parameters())


def test_extractor_sees_what_timm_prescribes() -> None:
    """The extractor's logits are those of the bare timm model fed by timm's own evaluation transform."""
    from PIL import Image
    from timm.data import create_transform, resolve_model_data_config

    network = build_network(PAPER)
    assert isinstance(network, Koalarization)
    assert network.extractor is not None
    backbone = network.extractor.backbone
    size = network.extractor.size[0]
    levels = torch.randint(0, 256, (size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    transform = create_transform(**{**resolve_model_data_config(backbone), "crop_pct": 1.0})
    expected = backbone(transform(Image.fromarray(levels.numpy()).convert("RGB"))[None])
    found = network.extractor(levels[None, None] / 255 * 100)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_paper_checkpoint_is_complete(tmp_path: Path) -> None:
    """A checkpoint carries the extractor: it loads without any other file and colors the same."""
    network = build_network(PAPER).eval()
    nn.init.ones_(network.get_parameter("decoder.2.1.2.weight"))
    save_model(tmp_path / "paper.safetensors", network, PAPER)
    loaded = load_model(tmp_path / "paper.safetensors")
    assert torch.equal(loaded.network(grey()).ab, network(grey()).ab)


def test_paper_folds() -> None:
    """The batch norms behind its ReLUs stay where they are when those of the extractor are folded for inference."""
    torch.manual_seed(0)
    network = build_network(PAPER).train()
    nn.init.ones_(network.get_parameter("decoder.2.1.2.weight"))
    for _ in range(3):
        network(grey())  # moves the running statistics away from where they begin
    network.eval()
    folded = fold_batch_norms(copy.deepcopy(network), grey())
    torch.testing.assert_close(folded(grey()).ab, network(grey()).ab, atol=1e-2, rtol=1e-3)


def test_real_inception_resnet() -> None:
    """The paper's own extractor: 1000 logits at 299x299, one step forward and backward, 55.8 M weights frozen."""
    network = build_network(PAPER.with_(extractor="inception_resnet_v2"))
    assert isinstance(network, Koalarization)
    assert network.extractor is not None
    assert (network.extractor.size, network.extractor.classes) == ((299, 299), 1000)
    network.train()
    nn.init.ones_(network.get_parameter("decoder.2.1.2.weight"))  # zero at first: it would pass no gradient on
    network(grey(2, 64, 64)).ab.square().mean().backward()
    assert network.fuse.vector is not None
    assert network.fuse.vector.weight.grad is not None
    assert network.fuse.vector.weight.grad.abs().sum() > 0
    assert sum(p.numel() for p in network.parameters() if not p.requires_grad) == 55_843_464


def test_backbone_weights_must_fit(tmp_path: Path) -> None:
    """A state dict that lacks something, or has it in another shape, is refused by name."""
    network = build_network(PAPER)
    assert isinstance(network, Koalarization)
    assert network.extractor is not None
    backbone = network.extractor.backbone
    full = {k: v.contiguous() for k, v in backbone.state_dict().items()}
    file = tmp_path / "backbone.safetensors"
    save_file({**full, "extra": torch.zeros(1)}, file)
    assert load_backbone(backbone, file) == ["extra"]
    save_file({k: v for k, v in full.items() if k != "fc.weight"}, file)
    with pytest.raises(CheckpointError, match=r"lacks fc\.weight"):
        load_backbone(backbone, file)
    save_file({**full, "fc.weight": torch.zeros(1)}, file)
    with pytest.raises(CheckpointError, match=r"fc\.weight has another shape"):
        load_backbone(backbone, file)


def test_without_network_the_ways_out_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub within reach: one line, soon, that names the local file and the run without an extractor."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"--extractor-weights FILE.*--extractor none"):
        hub_weights("inception_resnet_v2")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (TINY.with_(encoder="no_such_backbone"), "timm.list_models"),
        (TINY.with_(decoder=(8,) * 9), "decoder of 9 steps"),
        (TINY.with_(extractor="test_resnet"), "Extractors go with --preset paper"),
        (PAPER.with_(decoder=(8, 8)), "decoder of 2 steps"),
        (PAPER.with_(refine=1), "only FusionNet takes them"),
        (PAPER.with_(extractor="no_such_backbone"), "timm.list_models"),
        (PAPER.with_(extractor="eva02_tiny_patch14_224"), "has no classifier"),
    ],
)
def test_what_does_not_fit_is_told(config: NetworkConfig, reason: str) -> None:
    """A configuration that cannot be built is an error that names the cause."""
    with pytest.raises(CheckpointError, match=reason):
        build_network(config)


def test_config_round_trip() -> None:
    """JSON and back is the same value; settings of an older version get the defaults; unknown ones are refused."""
    assert NetworkConfig.from_json(PAPER.to_json()) == PAPER
    older = {k: v for k, v in json.loads(TINY.to_json()).items() if k not in ("architecture", "extractor")}
    assert NetworkConfig.from_json(json.dumps(older)) == TINY
    with pytest.raises(CheckpointError, match="unknown settings"):
        NetworkConfig.from_json(json.dumps({**older, "later": 1}))


def test_bins_are_those_of_the_gamut() -> None:
    """By scikit-image's account, the bins are the squares of the ab plane that sRGB colors fall into, and no others."""
    levels = np.linspace(0, 1, 256)
    face = np.stack(np.meshgrid(levels, levels), axis=-1).reshape(-1, 2)
    # The faces of the cube cover what the whole cube covers, seen along L*.
    faces = [np.insert(face, side, value, axis=1) for side in range(3) for value in (0.0, 1.0)]
    expected = np.unique(np.round(rgb2lab(np.concatenate(faces))[:, 1:] / 10), axis=0) * 10
    assert np.array_equal(ab_bins().numpy(), expected)


def test_annealed_mean() -> None:
    """At T = 1 the mean of the distribution; near T = 0 its mode; equal logits give the mean of all bins."""
    logits = torch.zeros(1, len(ab_bins()), 1, 1)
    torch.testing.assert_close(annealed_mean(logits, 0.38).flatten(), ab_bins().mean(0), atol=1e-4, rtol=0)
    logits[0, 7] = 3.0
    weights = torch.softmax(logits.flatten(), 0)
    torch.testing.assert_close(annealed_mean(logits, 1.0).flatten(), weights @ ab_bins(), atol=1e-4, rtol=0)
    torch.testing.assert_close(annealed_mean(logits, 0.01).flatten(), ab_bins()[7], atol=1e-4, rtol=0)
