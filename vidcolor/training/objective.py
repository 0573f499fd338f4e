"""What a run minimizes: the loss that it is validated by, and further terms in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import torch
from torch import Tensor

from vidcolor.data.photos import Photo, PhotoReader
from vidcolor.network.features import PictureFeatures
from vidcolor.network.heads import Prediction
from vidcolor.settings import TrainSettings
from vidcolor.training.examples import Shown
from vidcolor.training.loss import (
    classification_loss,
    color_prior,
    feature_distance,
    gradient_loss,
    log_error_loss,
    mean_squared_loss,
    perceptual_loss,
    rebalancing_weights,
    regression_loss,
    steadiness_loss,
)
from vidcolor.training.precision import autocast

PRIOR_BATCHES = 100  # batches counted for the prior of the classification loss

LossFunction = Callable[[Prediction, Tensor], Tensor]


def main_loss(photos: Sequence[Photo], config: TrainSettings) -> LossFunction:
    """Return the loss that a configuration names; that of classification needs a look at the photos' colors."""
    if config.loss == "mse":
        return mean_squared_loss
    if config.loss == "psnr":
        return log_error_loss
    if config.loss == "perceptual":
        return perceptual_loss
    if config.loss == "regression":
        return regression_loss
    batches = PhotoReader(photos, batch_size=config.batch_size, sizes=(32,), seed=config.seed).epoch(0)
    weights = rebalancing_weights(color_prior(batch.rgb for batch in islice(batches, PRIOR_BATCHES)))
    return lambda prediction, truth: classification_loss(prediction, truth, weights)


class Objective:
    """The main loss and the weighted terms beside it.

    Args:
        loss: What the run is validated by.
        config: With the weights of the terms.
        features: The frozen encoder, when the distance of features is one of them.
        precision: Number type of that encoder's convolutions.
    """

    def __init__(
        self, loss: LossFunction, config: TrainSettings, features: PictureFeatures | None, precision: torch.dtype
    ) -> None:
        self.loss, self.config, self.features, self.precision = loss, config, features, precision

    def __call__(self, prediction: Prediction, shown: Shown) -> Tensor:
        """Return what is minimized, for the pictures of one step."""
        config = self.config
        total = self.loss(prediction, shown.truth)
        if config.gradient:
            total = total + config.gradient * gradient_loss(prediction, shown.truth)
        if shown.moves is not None:
            total = total + config.steadiness * steadiness_loss(prediction, shown.moves, shown.unhinted(), shown.size)
        if self.features is not None:
            with autocast(shown.truth.device, self.precision):
                total = total + config.features * feature_distance(self.features, prediction, shown.truth)
        return total
