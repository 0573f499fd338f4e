"""Checkpoints: safetensors whose metadata hold the network's configuration. No pickle anywhere.

Bundled weights lie in ``weights/`` beside the package in a checkout, and inside the package in a wheel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vidcolor.errors import CheckpointError, OutputError
from vidcolor.files import replaced
from vidcolor.network.build import Network, build_network
from vidcolor.network.config import NetworkConfig
from vidcolor.settings import DEFAULT_MODEL

FORMAT = "vidcolor-1"
SUFFIX = ".safetensors"
STATISTICS = ("running_mean", "running_var")  # of batch norms, as torch names them


@dataclass(frozen=True)
class Model:
    """A network ready to colorize, with where it came from."""

    name: str
    network: Network
    config: NetworkConfig
    sha256: str

    def uncalibrated(self) -> Model:
        """Return the same network, its colors as strong as it predicts them."""
        config = self.config.with_(strength=0, gain=1.0)
        network = build_network(config)
        weights = self.network.state_dict()
        load_strictly(network, {k: v for k, v in weights.items() if not k.startswith("strength.")}, self.name)
        return Model(self.name, network.eval(), config, self.sha256)


def bundled_folder() -> Path:
    """Return the folder of the bundled weights."""
    package = Path(__file__).parent.parent
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def bundled_models() -> dict[str, Path]:
    """Return names and files of the bundled weights."""
    return {path.stem: path for path in sorted(bundled_folder().glob(f"*{SUFFIX}"))}


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file atomically: a reader sees the old file or the new one, never half of one.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the old file is still there.
    """
    with replaced(path) as part:
        try:
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part, dict(metadata))
        except SafetensorError as error:
            raise OSError(str(error)) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors and metadata of a safetensors file.

    Raises:
        CheckpointError: no such file, or not a safetensors file.
    """
    if not path.is_file():
        raise CheckpointError(
            f"cannot open the weights {path}", "no such file", "vidcolor models lists what is bundled"
        )
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"cannot read the weights {path}", str(error), "The file is damaged or of another kind"
        ) from error


def classifier_width(path: Path) -> int:
    """Return the channels that the classifier of a timm state dict reads after its last convolution; 0 if it has none.

    Raises:
        CheckpointError: no such file, or not a safetensors file.
    """
    stored, _ = read_tensors(path)
    return len(stored["conv_head.weight"]) if "conv_head.weight" in stored else 0


def save_model(path: Path, network: nn.Module, config: NetworkConfig, dtype: torch.dtype = torch.float32) -> None:
    """Write a network's weights with its configuration; floating-point tensors in the given type.

    The statistics of batch norms stay in fp32: variances exceed what fp16 can hold.

    Raises:
        OutputError: a weight is not finite, or not in that type; or the file cannot be written.
    """
    tensors = {
        k: v.to(dtype) if v.is_floating_point() and not k.endswith(STATISTICS) else v
        for k, v in network.state_dict().items()
    }
    if bad := not_finite(tensors):
        raise OutputError(
            f"cannot save {path}", f"{bad} holds numbers that are not finite", "Lower --lr and train again"
        )
    save_tensors(path, tensors, {"format": FORMAT, "network": config.to_json()})


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Return the name of the first tensor with an infinity or something that is not a number in it; empty for none."""
    return next((k for k, v in tensors.items() if v.is_floating_point() and not bool(v.isfinite().all())), "")


def load_strictly(network: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Load weights that must fit a network in every name and shape."""
    try:
        network.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1:2] or [str(error)]
        raise CheckpointError(f"cannot load {what}", f"the weights do not match: {first[0].strip()}", "") from error


def load_model(model: str | Path = DEFAULT_MODEL) -> Model:
    """Load bundled weights by name, or a checkpoint by path, in fp32 and evaluation mode.

    Raises:
        CheckpointError: no such name or file, damaged, not a vidcolor checkpoint, or with weights that are not finite.
    """
    path = bundled_models().get(str(model), Path(model))
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT or "network" not in metadata:
        raise CheckpointError(
            f"cannot use the weights {path}", "not a vidcolor checkpoint", "Train one with vidcolor train"
        )
    if bad := not_finite(tensors):
        raise CheckpointError(
            f"cannot use the weights {path}", f"{bad} holds numbers that are not finite", "Train or fetch them anew"
        )
    config = NetworkConfig.from_json(metadata["network"])
    network = build_network(config)
    load_strictly(network, tensors, str(path))
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:  # no copy in the memory
        digest = hashlib.sha256(content).hexdigest()
    return Model(path.stem, network.float().eval(), config, digest)


def load_backbone(encoder: nn.Module, path: Path) -> list[str]:
    """Start an encoder from pretrained weights in a timm state dict.

    Returns:
        The names left over: the classifier that a feature extractor does not have.

    Raises:
        CheckpointError: something that the encoder needs is missing or has another shape.
    """
    stored, _ = read_tensors(path)
    # timm's feature extractors join the first two parts of some names, or set one before all.
    aliases = {alias: name for name in stored for alias in (f"model.{name}", name.replace(".", "_", 1), name)}
    wanted = encoder.state_dict()
    tensors = {key: stored[aliases[key]] for key in wanted if key in aliases}
    missing = [k for k in wanted if k not in tensors and not k.endswith("num_batches_tracked")]
    if missing:
        raise CheckpointError(
            f"cannot start from {path}", f"it lacks {missing[0]}", "Choose weights of the same backbone"
        )
    for key in wanted:
        if key in tensors and tensors[key].shape != wanted[key].shape:
            raise CheckpointError(f"cannot start from {path}", f"{key} has another shape", "Check the backbone's name")
    encoder.load_state_dict({k: tensors.get(k, v).to(v.dtype) for k, v in wanted.items()})
    return sorted(set(stored) - {aliases[key] for key in tensors})
