"""The encoders that are built without timm are timm's own, number by number."""

import pytest
import torch

from children import Child
from vidcolor.network.encoders import FAMILIES, InvertedResiduals, create_encoder


@pytest.mark.parametrize(
    "name",
    ["mobilenetv2_100", "tf_efficientnet_lite0", pytest.param("tf_efficientnet_lite2", marks=pytest.mark.thorough)],
)
@pytest.mark.parametrize("options", [{}, {"pad_type": "same"}], ids=["as named", "same padding"])
def test_maps_are_those_of_timm(name: str, options: dict[str, str]) -> None:
    """Witness: timm's model with the same weights, while training (statistics move alike) and after it."""
    import timm

    theirs, ours = timm.create_model(name, features_only=True, **options), create_encoder(name, options)
    assert isinstance(ours, InvertedResiduals)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert ours.feature_info.channels() == theirs.feature_info.channels()
    assert ours.feature_info.reduction() == theirs.feature_info.reduction()
    picture = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    for training in (True, False):
        for mine, other in zip(ours.train(training)(picture), theirs.train(training)(picture), strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=0)


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_have_the_names_and_shapes_of_timm(name: str) -> None:
    """Pretrained weights fit: every family, in timm's order."""
    import timm

    with torch.device("meta"):
        theirs, ours = timm.create_model(name, features_only=True), create_encoder(name, {})
    shapes = {key: value.shape for key, value in theirs.state_dict().items()}
    assert [*ours.state_dict()] == [*shapes]
    assert {key: value.shape for key, value in ours.state_dict().items()} == shapes


def test_other_backbones_and_options_are_left_to_timm() -> None:
    """A name or an option that is not known here reaches timm."""
    assert not isinstance(create_encoder("test_resnet", {}), InvertedResiduals)
    assert not isinstance(create_encoder("mobilenetv2_100", {"output_stride": 16}), InvertedResiduals)


def test_loading_the_bundled_network_imports_neither_timm_nor_torchvision() -> None:
    """They take longer to import than the first frame takes to color."""
    code = """
import sys
NAMES = "timm", "torchvision", "huggingface_hub"

def imported():
    return [name for name in sys.modules if name.partition(".")[0] in NAMES]

for name in imported():
    del sys.modules[name]
from vidcolor.network.checkpoint import load_model
load_model()
assert not imported(), imported()
"""
    done = Child(code=code).ended()
    assert done.code == 0, done.err
