"""Which start, loss, film and backbone train best at equal cost: short runs that differ in one thing, side by side.

    python benchmarks/comparisons.py SHARD... --val VAL --encoder-weights MOBILENETV2 -o runs/comparisons

Every run sees the same photos in the same order. Each is scored with the colors as the network predicts them, at full
size, on clean photos and on photos aged like old film; classification at several temperatures of its annealed mean.
A run that lies in the folder already goes on or is taken as it is, so that the table can be made in parts.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import vidcolor
from vidcolor.network.checkpoint import load_model, save_model
from vidcolor.training.presets import PRESETS
from vidcolor.training.run import BEST

TEMPERATURES = (1.0, 0.6, 0.38, 0.2)
CONFIG = replace(PRESETS["modern"].training, loss="perceptual", film=0.4, colorfulness=0.0, val_limit=200)
NETWORK = PRESETS["modern"].network


@dataclass(frozen=True)
class Candidate:
    """One row of the table."""

    name: str
    config: vidcolor.TrainSettings = CONFIG
    network: vidcolor.NetworkConfig = NETWORK
    pretrained: bool = True


RESNET = NETWORK.with_(encoder="resnet18", encoder_options={}, semantics=0)
CANDIDATES = (
    Candidate("perceptual, pretrained MobileNetV2, film 0.4"),
    Candidate("classification", replace(CONFIG, loss="classification"), NETWORK.with_(head="classification")),
    Candidate("regression (Huber)", replace(CONFIG, loss="regression")),
    Candidate("from scratch", pretrained=False),
    Candidate("from scratch, ResNet-18", network=RESNET, pretrained=False),
    Candidate("without film", replace(CONFIG, film=0.0)),
)


def train(candidate: Candidate, options: argparse.Namespace) -> tuple[Path, float]:
    """The candidate's checkpoint, and the minutes of training that it took."""
    folder = options.output / candidate.name.replace(" ", "-").replace(",", "")
    done = vidcolor.train(
        options.shards,
        folder,
        network=candidate.network,
        settings=replace(candidate.config, epochs=options.epochs, sizes=(options.size,)),
        val=[options.val],
        encoder_weights=options.encoder_weights if candidate.pretrained else None,
    )
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return done.folder / BEST, last["seconds"] / 60


def scores(checkpoint: Path, options: argparse.Namespace) -> list[str]:
    """dB over grey, CIEDE2000 and colorfulness as shares of grey's and the truth's; then dB over grey when aged."""
    cells: list[str] = []
    for degrade in ("none", "film"):
        settings = vidcolor.EvaluateSettings(degrade=degrade, limit=options.limit)
        run = vidcolor.RunSettings(model=checkpoint)
        overall = vidcolor.evaluate([options.val], settings=settings, run=run).overall
        cells.append(f"{overall.gain:+.2f}")
        if degrade == "none":
            cells += [f"{-100 * overall.ciede2000_reduction:+.1f} %", f"{overall.colorfulness_ratio:.2f}"]
    return cells


def at_temperature(checkpoint: Path, temperature: float) -> Path:
    """The same network, answering with another annealed mean."""
    model = load_model(checkpoint)
    path = checkpoint.with_name(f"temperature-{temperature:g}.safetensors")
    save_model(path, model.network, model.config.with_(temperature=temperature))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", nargs="+", help="training photos")
    parser.add_argument("--val", required=True, help="held-out photos")
    parser.add_argument("--encoder-weights", type=Path, required=True, help="timm state dict of MobileNetV2")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/comparisons"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--size", type=int, default=128, help="crops, in pixels")
    parser.add_argument("--limit", type=int, default=0, help="score so many held-out photos; 0: all")
    options = parser.parse_args()

    print("| run | minutes | dB over grey | CIEDE2000 over grey's | colors of truth | aged, dB over grey |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for candidate in CANDIDATES:
        checkpoint, minutes = train(candidate, options)
        found = {candidate.name: checkpoint}
        if candidate.network.head == "classification":
            found = {f"{candidate.name}, T = {t:g}": at_temperature(checkpoint, t) for t in TEMPERATURES}
        for name, path in found.items():
            print(f"| {name} | {minutes:.1f} | " + " | ".join(scores(path, options)) + " |", flush=True)


if __name__ == "__main__":
    main()
