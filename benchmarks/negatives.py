"""Learn to tell negatives, and measure it.

    python benchmarks/negatives.py PHOTOS... [--model NAME] [--limit N] [--write]

Photographs (folders or shards, as training takes them) are shown as they are and inverted, with some gamma before and
after. A fifth of them is held out; of these the shares that are told right are printed, and how many lie below some log
odds. With --write the weights go to where vidcolor finds them, beside those of the other bundled models: each hold for
one model's encoder alone.
"""

from __future__ import annotations

import argparse
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from vidcolor.files import files_in, is_photo
from vidcolor.network.checkpoint import bundled_models, load_model
from vidcolor.network.negative import WEIGHTS, seen, squeezed
from vidcolor.network.predictor import Predictor
from vidcolor.settings import DEFAULT_MODEL

HELD_OUT = 5  # every fifth
STEPS, RATE, DECAY = 2000, 0.3, 1e-2  # of gradient descent on all photographs at once


def pictures(paths: list[Path]) -> Iterator[NDArray[np.float32]]:
    """The photographs in grey, 0..1."""
    for path in paths:
        if path.suffix == ".tar":
            with tarfile.open(path) as shard:
                for member in shard:
                    if member.isfile() and is_photo(member.name) and (file := shard.extractfile(member)):
                        yield from _grey(file.read())
        else:
            for found in files_in(path, {".jpg", ".jpeg", ".png"}):
                yield from _grey(found.read_bytes())


def _grey(data: bytes) -> Iterator[NDArray[np.float32]]:
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is not None:
        yield squeezed(grey.astype(np.float32) / 255)


def differences(
    predictor: Predictor, picture: NDArray[np.float32], chance: np.random.Generator
) -> list[NDArray[np.float32]]:
    """What the encoder sees in a positive and not in its inversion, for the picture as it is and for its negative."""
    scene = np.clip(picture, 0, 1) ** np.exp(chance.uniform(-0.4, 0.4))
    shown = [scene ** np.exp(chance.uniform(-0.4, 0.4)), (1 - scene) ** np.exp(chance.uniform(-0.7, 0.7))]
    found = seen(predictor, [shown[0], 1 - shown[0], 1 - shown[1], shown[1]])
    return [found[0] - found[1], found[2] - found[3]]


def learned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights of a logistic regression without a constant: all of the differences are of positives."""
    scale = values.std(axis=0) + 1e-3
    scaled = values / scale
    weights = np.zeros(values.shape[1], np.float32)
    for _ in range(STEPS):
        wrong = 1 / (1 + np.exp(np.clip(scaled @ weights, -30, 30)))
        weights += np.float32(RATE) * (scaled.T @ wrong / len(scaled) - np.float32(DECAY) * weights)
    return (weights / scale).astype(np.float32)


def main() -> None:
    """Learn, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL, choices=list(bundled_models()))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    predictor = Predictor(load_model(given.model), torch.device("cpu"), torch.float32)
    chance = np.random.default_rng(0)
    pairs = [differences(predictor, each, chance) for each in islice(pictures(given.photos), given.limit)]
    values = np.array(pairs)  # photographs, 2, features
    held_out = np.arange(len(values)) % HELD_OUT == 0
    weights = learned(values[~held_out].reshape(-1, values.shape[2]))
    odds = values[held_out] @ weights
    print(f"{len(values)} photographs, {held_out.sum()} of them held out")
    print(f"told right: positives {np.mean(odds[:, 0] > 0):.3f}, negatives {np.mean(odds[:, 1] > 0):.3f}")
    for limit in (-1, -2, -3, -4, -6):
        shares = np.mean(odds[:, 0] < limit), np.mean(-odds[:, 1] < limit)
        print(f"log odds below {limit}: {shares[0]:.4f} of positives, {shares[1]:.3f} of negatives")
    if given.write:
        bundled = {load_model(name).sha256 for name in bundled_models()}
        others = {digest: found for digest, found in load_file(WEIGHTS).items() if digest in bundled}
        save_file({**others, predictor.model.sha256: weights}, WEIGHTS)


if __name__ == "__main__":
    main()
