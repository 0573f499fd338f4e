"""Validation on held-out photos, beside the grey baseline and the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.color.metrics import colorfulness
from vidcolor.color.truth import Truth
from vidcolor.data.photos import BrokenPhotos, Photo, center_crop
from vidcolor.errors import DataError
from vidcolor.network.heads import Prediction

BATCH = 20
OVERFIT_EPOCHS = 2  # without a better validation loss, before it is called overfitting
OVERFIT_SHARE = 0.005  # by which validation must have worsened and training improved: less is noise


@dataclass(frozen=True)
class ValidationScores:
    """Means over the validation photos.

    Attributes:
        loss: The training loss on clean photos.
        psnr: dB, the predicted ab on the true L*.
        psnr_grey: dB, no color at all.
        colorfulness, colorfulness_truth: Hasler-Suesstrunk, signed opponent channels.
    """

    loss: float
    psnr: float
    psnr_grey: float
    colorfulness: float
    colorfulness_truth: float

    def __str__(self) -> str:
        return (
            f"validation loss {self.loss:.4g}, PSNR {self.psnr:.2f} dB ({self.psnr - self.psnr_grey:+.2f} over grey), "
            f"colorfulness {self.colorfulness:.1f} (truth {self.colorfulness_truth:.1f})"
        )


def middle_squares(photos: Sequence[Photo], broken: BrokenPhotos, size: int) -> Tensor:
    """Return the middle squares of the photos that decode, scaled to ``(N, 3, size, size)``, uint8 sRGB.

    Raises:
        DataError: too many do not decode.
    """
    squares = []
    for photo in photos:
        try:
            squares.append(center_crop(photo.load(), size))
        except DataError:
            broken.add([photo.name])
    if not squares:
        raise DataError("cannot validate", "no photo held out for it decodes", "Name others with --val")
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)


def predict(network: nn.Module, truth: Truth) -> tuple[Prediction, Tensor]:
    """Return what a network predicts from the true L*, and the pictures that its ab makes of it."""
    prediction = network(truth.lightness.contiguous(memory_format=torch.channels_last))
    ab = F.interpolate(prediction.ab, size=truth.lab.shape[-2:], mode="bilinear", align_corners=False)
    return prediction, truth.with_ab(ab)


@torch.no_grad()
def validate(
    network: nn.Module, squares: Tensor, loss: Callable[[Prediction, Tensor], Tensor], device: torch.device
) -> ValidationScores:
    """Score a network on photos ``(N, 3, H, W)`` uint8, with their true L*."""
    network.eval()
    rows = []
    for batch in torch.split(squares, BATCH):
        truth = Truth.of(batch.to(device) / 255)
        prediction, colored = predict(network, truth)
        rows.append(
            torch.stack(
                [
                    loss(prediction, truth.lab).expand(len(batch)),
                    truth.psnr(colored),
                    truth.psnr(truth.grey()),
                    colorfulness(colored),
                    colorfulness(truth.rgb),
                ]
            )
        )
    return ValidationScores(*(float(f"{v:.6g}") for v in torch.cat(rows, 1).mean(1).tolist()))


def overfitting(
    *, epoch: int, best_epoch: int, loss: float, best_loss: float, train_loss: float, train_loss_then: float
) -> str:
    """Return in plain words that the network learns its photos by heart, or nothing.

    It shows in two curves that part: the photos trained on get better, the held-out ones worse.

    Args:
        epoch, best_epoch: Now, and when validation was best (counted from 0).
        loss, best_loss: Validation losses now and then.
        train_loss, train_loss_then: Mean training losses of these epochs.
    """
    since = epoch - best_epoch
    if since < OVERFIT_EPOCHS or best_loss <= 0 or train_loss_then <= 0:
        return ""
    worse, better = loss / best_loss - 1, 1 - train_loss / train_loss_then
    if worse < OVERFIT_SHARE or better < OVERFIT_SHARE:
        return ""
    return (
        f"overfitting: since epoch {best_epoch + 1} the training loss fell by {better:.1%} while the validation loss "
        f"rose by {worse:.1%}; the network learns these photos by heart. More photos help, or stopping: "
        f"epoch {best_epoch + 1} is kept as the best"
    )
