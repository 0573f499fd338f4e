"""What a run does when: the learning rate of each step, and how many processes read photos meanwhile."""

from __future__ import annotations

import math

from vidcolor.film.cores import usable_cores
from vidcolor.settings import TrainSettings


def reading_workers(workers: int, device_type: str, neighbors: int) -> int:
    """Return how many processes read photos: as many as asked for, or automatic (-1).

    A GPU would wait for one process that decodes; on a CPU the network itself takes all cores.
    """
    if workers >= 0:
        return workers
    return max(1, usable_cores() // neighbors - 2) if device_type == "cuda" else 0


def learning_rate(step: int, total: int, config: TrainSettings) -> float:
    """Return the factor on the peak learning rate at a step: linear warm-up, then a half cosine to zero, or flat."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    done = (step - config.warmup_steps) / max(1, total - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
