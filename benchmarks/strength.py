"""Learn anew how strong a network's colors are shown, and write the network with it.

    python benchmarks/strength.py PHOTOS... --val PHOTOS --model NAME --colorfulness 0.72 -o FILE

What `vidcolor train --calibration learned` does at the end of a run, for a network that no run stands behind: the
bundled ones are means of several. Photographs (folders or shards, as training takes them) should be those of the
training; the strength is chosen so that those of --val reach the colorfulness, as a share of the truth's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from vidcolor.data.photos import search_photos
from vidcolor.network.checkpoint import load_model, save_model
from vidcolor.network.device import choose_device, choose_precision
from vidcolor.network.fusion import FusionNet
from vidcolor.settings import DEFAULT_MODEL, TrainSettings
from vidcolor.training.calibration import LEARNING_PHOTOS, learn_strength
from vidcolor.training.examples import other_crops


def main() -> None:
    """Learn, tell, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--val", nargs="+", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME")
    parser.add_argument("--colorfulness", type=float, default=TrainSettings.colorfulness)
    parser.add_argument("--film", type=float, default=TrainSettings.film, help="share aged like old film")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    device = choose_device("auto")
    network = load_model(given.model).uncalibrated().network.to(device)
    if not isinstance(network, FusionNet):
        parser.error(f"{given.model} is not a FusionNet")
    size = network.config.short_side(still=True)
    config = TrainSettings(sizes=(network.config.size,), film=given.film)
    photos, held_out = list(search_photos(given.photos)), list(search_photos(given.val))
    batches = other_crops(photos, LEARNING_PHOTOS, config.sizes, config, device)
    precision = choose_precision("auto", device)
    calibrated, found = learn_strength(network, batches, held_out, size, given.colorfulness, precision)
    save_model(given.output, calibrated, calibrated.config, torch.float16)
    print(f"{given.output}: {found.share:.0%} of the truth's colorfulness for {found.psnr_lost:.2f} dB")


if __name__ == "__main__":
    main()
