"""Hints: colors that are known change the network's answer where they lie, and nothing where there are none."""

from __future__ import annotations

import copy
import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from networks import let_color
from vidcolor.errors import CheckpointError
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import load_model, save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.fusion import FusionNet
from vidcolor.network.hints import Propagation, pyramid_level
from vidcolor.network.inference import fold_batch_norms, lower_precision

PLAIN = NetworkConfig(
    encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), strength=4
)
HINTED = PLAIN.with_(hints=8)


def network_of(config: NetworkConfig) -> FusionNet:
    """A network as after training: no layer is at its beginning."""
    if repr(config) not in _MADE:
        _MADE[repr(config)] = _network_of(config)
    return deepcopy(_MADE[repr(config)])


_MADE: dict[str, FusionNet] = {}


def _network_of(config: NetworkConfig) -> FusionNet:
    torch.manual_seed(0)
    network = build_network(config)
    assert isinstance(network, FusionNet)
    let_color(network, std=0.3)
    if network.strength:
        nn.init.normal_(network.strength.outer.weight)
    for injection in network.hints.injections if network.hints else []:
        nn.init.normal_(injection.get_parameter("2.weight"), std=0.1)
    network.train()
    with torch.no_grad():
        for _ in range(30):
            network(grey(4))  # its batch norms learn what its layers give
    return network.eval()


def grey(n: int = 2, height: int = 64, width: int = 96) -> Tensor:
    """Random L*, smooth enough to have things in it."""
    small = torch.rand(n, 1, height // 16, width // 16, generator=torch.Generator().manual_seed(1))
    return 100 * nn.functional.interpolate(small, size=(height, width), mode="bilinear")


def point(like: Tensor, weight: float = 1.0) -> Tensor:
    """One red point in the upper left corner of each picture."""
    hints = torch.zeros(len(like), 3, *like.shape[2:])
    hints[:, :, 8:12, 8:12] = torch.tensor([50.0, 30.0, weight])[:, None, None]
    return hints


def test_without_hints_the_network_is_the_automatic_one() -> None:
    """The layers for hints are not touched: the same weights without them give the same bits."""
    hinted, plain = network_of(HINTED), network_of(PLAIN)
    weights = {k: v for k, v in hinted.state_dict().items() if not k.startswith("hints.")}
    plain.load_state_dict(weights)
    assert torch.equal(hinted(grey()).ab, plain(grey()).ab)
    assert hinted(grey()).ab.std() > 1


def test_hints_of_no_weight_are_no_hints() -> None:
    """Whatever their color: exact zeros are added, in one picture of a batch too."""
    network = network_of(HINTED)
    expected = network(grey()).ab
    assert torch.equal(network(grey(), point(grey(), weight=0.0)).ab, expected)
    mixed = point(grey())
    mixed[1, 2] = 0
    found = network(grey(), mixed).ab
    assert not torch.equal(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1])


def test_a_hint_changes_the_colors_around_it() -> None:
    """More near it than far from it, while nothing is learned about what looks alike."""
    network = network_of(HINTED)
    change = (network(grey(), point(grey())).ab - network(grey()).ab).norm(dim=1)
    assert change[:, 2:4, 2:4].mean() > 3 * change[:, -4:, -8:].mean()


def test_gradients_reach_all_layers_of_hints() -> None:
    """None is idle, neither in the first step, whose last convolutions are zero, nor, by a value, later."""
    network = build_network(HINTED.with_(palette=4, strength=0))
    assert isinstance(network, FusionNet)
    let_color(network)
    network(grey(), point(grey())).ab.square().mean().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []
    later = network_of(HINTED)
    (later(grey(), point(grey())).ab - 10).square().mean().backward()
    assert later.hints is not None
    assert [n for n, p in later.hints.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_pyramid_keeps_small_points() -> None:
    """One pixel: its color and weight at full strength in its cell, its area in the mean, nothing elsewhere."""
    hints = torch.zeros(1, 3, 32, 64)
    hints[0, :, 5, 40] = torch.tensor([20.0, -40.0, 0.5])
    level = pyramid_level(hints, 16)
    torch.testing.assert_close(level[0, :, 0, 2], torch.tensor([0.5, -1.0, 0.5 / 256, 0.5]))
    assert level.count_nonzero() == 4


def test_propagation_by_plain_loops() -> None:
    """The formula, cell by cell: likeness, distance in short sides, lightness, weight, and a key for nothing."""
    torch.manual_seed(2)
    spread = Propagation((3, 5), 4)
    maps = [torch.randn(1, 3, 4, 6), torch.randn(1, 5, 2, 3)]
    light = 100 * torch.rand(1, 1, 4, 6)
    hints = torch.randn(1, 3, 4, 6)
    hints[:, 2] = torch.rand(1, 4, 6).sub(0.5).clamp(0, 1)
    level = pyramid_level(hints, 1)
    found = spread(maps, light, level)
    large = nn.functional.interpolate(maps[1], size=(4, 6), mode="bilinear")
    features = spread.project(torch.cat([maps[0], large], dim=1))[0].flatten(1)
    features = features - features.mean(dim=1, keepdim=True)
    features = (features / features.norm(dim=0)).T
    places = [(y, x) for y in range(4) for x in range(6)]
    softplus = nn.functional.softplus
    for i, (y, x) in enumerate(places):
        shares = [spread.nothing.exp()]
        for j, (v, u) in enumerate(places):
            score = (
                softplus(spread.temperature) * (features[i] @ features[j])
                - softplus(spread.distance) * ((y - v) ** 2 + (x - u) ** 2) / 4**2
                - softplus(spread.lightness) * (light[0, 0, y, x] - light[0, 0, v, u]).abs() / 100
            )
            shares.append(hints[0, 2, v, u] * score.exp())
        weights = torch.stack(shares)[1:] / sum(shares)
        colors = torch.stack([hints[0, :2, v, u] for v, u in places]) / 20
        expected = torch.cat([weights @ colors, weights.sum()[None]])
        torch.testing.assert_close(found[0, :, y, x], expected, atol=1e-5, rtol=1e-4)


def test_known_colors_are_not_made_stronger() -> None:
    """Hints of full weight everywhere: the calibrated strength does nothing, as if there were none."""
    network = network_of(HINTED)
    hints = torch.full((2, 3, 64, 96), 1.0)
    strong = network(grey(), hints).ab
    network.strength = None
    torch.testing.assert_close(strong, network(grey(), hints).ab)


def test_known_colors_take_no_gain() -> None:
    """Hints of full weight everywhere: after the gain that is for guesses, colors are what they are without one."""
    plain = network_of(HINTED.with_(strength=0))
    gained = network_of(HINTED.with_(strength=0, gain=1.6))
    lightness, hints = grey(), torch.full((2, 3, 64, 96), 1.0)
    torch.testing.assert_close(gained(lightness, hints).ab * 1.6, plain(lightness, hints).ab, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gained(lightness).ab, plain(lightness).ab)
    assert not torch.allclose(plain(lightness, hints).ab, plain(lightness).ab, atol=0.1)


@pytest.mark.parametrize(("precision", "within"), [(torch.bfloat16, 0.08), (torch.float16, 0.02)])
def test_folded_and_lowered_networks_take_hints(precision: torch.dtype, within: float) -> None:
    """They agree with the plain one, with hints and without, to the rounding of their number type."""
    network = network_of(HINTED.with_(palette=4))
    lowered = lower_precision(fold_batch_norms(copy.deepcopy(network), torch.zeros(1, 1, 32, 32)), precision)
    folded = fold_batch_norms(copy.deepcopy(network), torch.zeros(1, 1, 32, 32))
    with torch.no_grad():
        for hints in ((), (point(grey()),)):
            expected = network(grey(), *hints).ab
            torch.testing.assert_close(folded(grey(), *hints).ab, expected, atol=1e-3, rtol=1e-3)
            assert (lowered(grey(), *hints).ab - expected).abs().mean() < within * expected.abs().mean()


def test_autocast_keeps_the_attention_precise() -> None:
    """In bf16 the propagated hints stay near those of fp32, and their gradients are numbers."""
    network = network_of(HINTED)
    expected = network(grey(), point(grey())).ab
    with torch.autocast("cpu", torch.bfloat16):
        found = network(grey(), point(grey())).ab
    assert (found - expected).abs().mean() < 0.1 * expected.abs().mean()
    found.square().mean().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_networks_without_hints_refuse_them() -> None:
    """A network that was not built for them, and the paper's; nor can that be built with them."""
    with pytest.raises(CheckpointError, match="cannot give hints to this model"):
        network_of(PLAIN)(grey(), point(grey()))
    paper = NetworkConfig(architecture="koalarization", decoder=(8, 8, 8), fusion=8)
    with pytest.raises(CheckpointError, match="cannot give hints to Deep Koalarization"):
        build_network(paper)(grey(), point(grey()))
    with pytest.raises(CheckpointError, match="cannot build Deep Koalarization with hints"):
        build_network(paper.with_(hints=8))
    with pytest.raises(CheckpointError, match="with a palette"):
        build_network(paper.with_(palette=8))


def test_settings_from_before_hints_load() -> None:
    """A checkpoint's settings that do not name them describe a network without."""
    settings = json.loads(PLAIN.to_json())
    del settings["hints"], settings["palette"]
    assert NetworkConfig.from_json(json.dumps(settings)) == PLAIN


def test_hinted_network_comes_back(tmp_path: Path) -> None:
    """From a checkpoint, with its palette, to the bit."""
    config = HINTED.with_(palette=4)
    network = network_of(config)
    save_model(tmp_path / "hinted.safetensors", network, config)
    loaded = load_model(tmp_path / "hinted.safetensors").network
    assert torch.equal(loaded(grey(), point(grey())).ab, network(grey(), point(grey())).ab)
    plain = load_model(tmp_path / "hinted.safetensors").uncalibrated().network
    assert plain(grey(), point(grey())).ab.isfinite().all()


def test_palette_belongs_to_the_picture() -> None:
    """A linear head with a palette is one linear head for each picture: colors that depend on its embedding."""
    network = network_of(PLAIN.with_(palette=3, strength=0))
    assert network.palette is not None
    features, vector = torch.rand(2, 8, 4, 4), torch.rand(2, 8)
    out = network.palette(vector, features)
    queries = network.palette.queries(vector).reshape(2, 3, 8)
    expected = torch.einsum("nqc,nchw->nqhw", queries, features) / 8**0.5
    torch.testing.assert_close(out, torch.cat([features, expected], dim=1))
