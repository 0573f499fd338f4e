"""Every setting that a user may choose, once: its name, type, range, default and help.

The command line makes its options from these classes, and the Python functions take them. A value is checked when its
class is made, so that a wrong one is told before any work is done. What belongs to a whole run, to a single shot and to
files is told apart: a shot list can change the look of a shot, but not the codec of a film.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from vidcolor.settings.rate import rate_of
from vidcolor.settings.setting import (
    CLUSTER,
    ENCODER,
    FILES,
    LEARNING,
    LOOK,
    MACHINE,
    MESSAGES,
    NETWORK,
    PICTURES,
    VALIDATION,
    Setting,
    Settings,
)

DEFAULT_MODEL = "fast"


@dataclass(frozen=True)
class RunSettings(Settings):
    """What holds for a whole run: for all its films and photographs, from their first frame to the last."""

    model: Annotated[
        str | Path,
        Setting("Bundled model, or a checkpoint.", letter="-m", metavar="NAME|PATH", variable="VIDCOLOR_MODEL"),
    ] = DEFAULT_MODEL
    size: Annotated[int, Setting("Short side of the network's picture; 0: the model's own.", low=0, high=2048)] = 0
    start: Annotated[float, Setting("Begin here: 12.5, 1:02 or 00:01:02.500.", low=0, metavar="TIME")] = 0.0
    duration: Annotated[float | None, Setting("Stop after this long.", low=0, metavar="TIME")] = None
    stream: Annotated[int | None, Setting("Video stream, by its number in info.", low=0, metavar="N")] = None
    fps: Annotated[
        str | float,
        Setting("Frames a second of an image sequence: 24, 23.976, 24000/1001; default: its headers'.", metavar="RATE"),
    ] = ""
    transfer: Annotated[
        Literal["auto", "video", "log", "linear"],
        Setting("What the codes of an image sequence mean; auto: what its headers say."),
    ] = "auto"
    audio: Annotated[str | Path, Setting("File whose sound goes with an image sequence.", metavar="PATH")] = ""
    looks: Annotated[
        Literal["auto", "all"],
        Setting("auto: the network sees some frames of a film, and motion carries their colors to the others.", LOOK),
    ] = "auto"
    shots: Annotated[
        str | Path, Setting("List of the film's shots and what is wanted of each: .csv, .edl, .otio.", metavar="PATH")
    ] = ""
    only: Annotated[
        str, Setting("These shots alone, as a film of their own: 12,15-17; with --shots.", metavar="N,N-N")
    ] = ""
    reference: Annotated[
        tuple[str, ...],
        Setting(
            "Picture in color that shows what the film shows; repeat it for more. TIME=FILE is a frame of the film.",
            LOOK,
            metavar="FILE",
        ),
    ] = ()
    hints: Annotated[
        tuple[str, ...],
        Setting(
            "Colors of points: a table of time, x, y, color, radius; or TIME=FILE, a picture opaque where it counts.",
            LOOK,
            metavar="FILE",
        ),
    ] = ()
    lut: Annotated[
        str | Path, Setting("Look-up table (.cube) for the colors; the luma stays.", LOOK, metavar="PATH")
    ] = ""
    lut_luma: Annotated[bool, Setting("The look-up table may change the luma too.", LOOK)] = False
    keep_color: Annotated[
        bool, Setting("Leave shots that are in color already as they are; takes a pass over the film first.", LOOK)
    ] = False
    deinterlace: Annotated[
        Literal["auto", "on", "off"], Setting("auto: frames marked as interlaced that show combing.")
    ] = "auto"
    codec: Annotated[str, Setting("Video encoder; default: the container's usual one.", ENCODER, metavar="NAME")] = ""
    crf: Annotated[int | None, Setting("Quality of the encoder; lower is better.", ENCODER, low=0, high=63)] = None
    preset: Annotated[str, Setting("Speed of the encoder.", ENCODER, metavar="NAME")] = ""
    pix_fmt: Annotated[str, Setting("Pixel format; default: the film's depth, 4:2:0.", ENCODER, metavar="NAME")] = ""
    strict: Annotated[bool, Setting("Take warnings as errors: damage, streams lost.", FILES)] = False
    resume: Annotated[
        bool, Setting("Keep finished parts beside the output, so that a stopped run can go on.", FILES)
    ] = True
    pipe: Annotated[
        Literal["auto", "nut", "y4m"],
        Setting("Format of -o -; auto: that of INPUT where it is one of these, else nut.", FILES),
    ] = "auto"
    device: Annotated[str, Setting("auto, cpu, cuda, cuda:N or mps.", MACHINE, variable="VIDCOLOR_DEVICE")] = "auto"
    precision: Annotated[Literal["auto", "fp32", "bf16", "fp16"], Setting("Number type of the network.", MACHINE)] = (
        "auto"
    )
    batch_size: Annotated[
        int, Setting("Frames the network takes at once; 0: automatic.", MACHINE, low=0, high=1024)
    ] = 0
    threads: Annotated[
        int, Setting("Cores to count on; an encoder's bytes may follow from it. 0: all usable ones.", MACHINE, low=0)
    ] = 0
    hwaccel: Annotated[
        str, Setting("Device that decodes, as in cuda; default: the processor.", MACHINE, metavar="NAME")
    ] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        rate_of("fps", self.fps)

    @property
    def rate(self) -> Fraction | None:
        """Return frames a second of an image sequence; None: what its headers say."""
        return rate_of("fps", self.fps)


@dataclass(frozen=True)
class ShotSettings(Settings):
    """How a shot looks: what a shot list may change from shot to shot."""

    mode: Annotated[
        Literal["color", "keep", "grey"], Setting("keep: the film's own colors, grey: none, color: new ones.", LOOK)
    ] = "color"
    saturation: Annotated[float, Setting("Factor on the colors; 1 is calibrated.", LOOK, low=0, high=5)] = 1.0
    temperature: Annotated[
        float, Setting("Mired by which white becomes warmer; below 0 cooler.", LOOK, low=-100, high=100)
    ] = 0.0
    tint: Annotated[
        float, Setting("Steps by which white becomes more magenta; below 0 greener.", LOOK, low=-100, high=100)
    ] = 0.0
    strength: Annotated[float, Setting("How far from grey: 0 is grey, 1 all of the color.", LOOK, low=0, high=1)] = 1.0
    smooth: Annotated[float, Setting("Averaging of the colors along motion; 0 is off.", LOOK, low=0, high=1)] = 0.97


@dataclass(frozen=True)
class FileSettings(Settings):
    """Which files are read and written."""

    recursive: Annotated[bool, Setting("Folders at any depth.", FILES, letter="-r")] = False
    overwrite: Annotated[bool, Setting("Replace an output that exists.", FILES, letter="-y")] = False
    dry_run: Annotated[
        bool, Setting("Write nothing: tell what would be done, about how long it takes, how large it gets.", FILES)
    ] = False


@dataclass(frozen=True)
class ClusterSettings(Settings):
    """Which other machines take part, and how."""

    ray: Annotated[
        str,
        Setting(
            "Films on a Ray cluster; without ADDRESS the one that this machine belongs to.", CLUSTER, metavar="ADDRESS"
        ),
    ] = ""
    workers: Annotated[int, Setting("Workers at most; 0: as many as there is room for.", CLUSTER, low=0)] = 0
    gpu_share: Annotated[
        float, Setting("Share of a GPU that each worker takes, where there are GPUs.", CLUSTER, low=0.01, high=1)
    ] = 1.0
    share_files: Annotated[
        bool, Setting("Machines that see films and parts by the same paths use them; else all is sent.", CLUSTER)
    ] = True


@dataclass(frozen=True)
class TerminalSettings(Settings):
    """What the command line says, and in which form."""

    quiet: Annotated[bool, Setting("Say only what went wrong.", MESSAGES, letter="-q")] = False
    verbose: Annotated[
        bool, Setting("Say more: device, precision, sizes, encoder, shots, times.", MESSAGES, letter="-v")
    ] = False
    progress: Annotated[
        Literal["auto", "json", "off"],
        Setting("auto: bars on a terminal; json: lines on stderr for other programs.", MESSAGES),
    ] = "auto"
    json: Annotated[bool, Setting("Print results as JSON.", MESSAGES)] = False


@dataclass(frozen=True)
class ExtractSettings(Settings):
    """How frames of color films are chosen as photos for training."""

    per_shot: Annotated[
        int, Setting("Most frames kept of a shot, and of 20 seconds of a long one.", low=1, high=99)
    ] = 3
    max_side: Annotated[int, Setting("Longest side of the pictures, in pixels.", low=64, high=8192)] = 640
    val_share: Annotated[float, Setting("Share of the shots held out for validation, whole.", low=0, high=0.5)] = 0.1


@dataclass(frozen=True)
class EvaluateSettings(Settings):
    """What a model is measured with, beside the settings of a run and of its look."""

    calibration: Annotated[
        bool, Setting("The color strength stored in the checkpoint; without it the network's own.", LOOK)
    ] = True
    degrade: Annotated[Literal["none", "film"], Setting("What is done to the grey pictures: film ages them.")] = "none"
    reference: Annotated[
        str | Path,
        Setting(
            "What films are told: the true colors of their first or middle frame, or a picture.",
            metavar="first|middle|FILE",
        ),
    ] = ""
    hints: Annotated[
        int,
        Setting(
            "Points whose true color is told, of a photo, and of the first frame of a film; 0: none.",
            low=0,
            high=10_000,
        ),
    ] = 0
    kid: Annotated[
        Literal["off", "auto", "lite0", "lite2"],
        Setting("Classifier that tells how alike colorized and true photos are; auto: one the model is not made of."),
    ] = "off"
    limit: Annotated[int, Setting("At most so many photos, evenly chosen, and frames of each film; 0: all.", low=0)] = 0


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How a network is trained; written into the run's folder, and the same when it goes on."""

    loss: Annotated[
        Literal["regression", "mse", "psnr", "perceptual", "classification"], Setting("What is minimized.", LEARNING)
    ] = "regression"
    gradient: Annotated[
        float, Setting("Weight of a second loss, on the differences of ab between neighbors.", LEARNING, low=0)
    ] = 0.0
    steadiness: Annotated[
        float,
        Setting(
            "Weight of the distance in ab of two views of a photo; a batch is then half as many, shown twice.",
            LEARNING,
            low=0,
        ),
    ] = 0.0
    features: Annotated[
        float, Setting("Weight of the distance to true pictures, as sets, in a classifier's features.", LEARNING, low=0)
    ] = 0.0
    epochs: Annotated[int, Setting("Passes over the photos.", LEARNING, low=1)] = 10
    batch_size: Annotated[int, Setting("Photos a step, over all processes together.", LEARNING, low=1)] = 32
    optimizer: Annotated[Literal["adamw", "adam"], Setting("How gradients become steps.", LEARNING)] = "adamw"
    lr: Annotated[float, Setting("Peak learning rate of new layers.", LEARNING, low=0)] = 2e-3
    encoder_lr: Annotated[float, Setting("Share of it for a pretrained encoder.", LEARNING, low=0)] = 0.3
    schedule: Annotated[
        Literal["cosine", "constant"], Setting("How the learning rate goes on after the warm-up.", LEARNING)
    ] = "cosine"
    warmup_steps: Annotated[int, Setting("Steps until it is at its peak.", LEARNING, low=0)] = 200
    weight_decay: Annotated[float, Setting("How fast weights that are of no use shrink.", LEARNING, low=0)] = 1e-2
    clip_norm: Annotated[float, Setting("Gradients are scaled down to this norm; 0: never.", LEARNING, low=0)] = 1.0
    ema: Annotated[
        float, Setting("Decay of the moving average of the weights, which is kept; 0: none.", LEARNING, low=0, high=1)
    ] = 0.999
    dropout: Annotated[
        float, Setting("Share of the channels before the fusion that are silenced.", LEARNING, low=0, high=0.9)
    ] = 0.0
    drop_path: Annotated[
        float, Setting("Share of pictures that skip the encoder's last residual block.", LEARNING, low=0, high=0.9)
    ] = 0.0
    colorfulness: Annotated[
        float, Setting("Share of the truth's that colors are calibrated to; 0: do not.", LEARNING, low=0, high=1)
    ] = 0.62
    calibration: Annotated[
        Literal["gain", "learned"],
        Setting("gain: one factor on all colors; learned: one for each picture, of FusionNet.", LEARNING),
    ] = "gain"
    sizes: Annotated[
        tuple[int, ...], Setting("Crop sizes in pixels; each batch takes one.", PICTURES, low=32, multiple=32)
    ] = (128,)
    smallest_crop: Annotated[
        float, Setting("Side of the smallest crop, of the photo's short side.", PICTURES, low=0.1, high=1)
    ] = 0.6
    mirror: Annotated[bool, Setting("Mirror half of the photos.", PICTURES)] = True
    film: Annotated[float, Setting("Share of pictures aged like old film.", PICTURES, low=0, high=1)] = 0.7
    enlarged: Annotated[float, Setting("Share of batches enlarged from smaller pictures.", PICTURES, low=0, high=1)] = (
        0.3
    )
    sharpness: Annotated[float, Setting("Share of pictures made softer or sharper.", PICTURES, low=0, high=1)] = 0.5
    borders: Annotated[float, Setting("Share of pictures given a neutral border.", PICTURES, low=0, high=1)] = 0.1
    blanks: Annotated[float, Setting("Share of neutral pictures of nothing.", PICTURES, low=0, high=1)] = 0.03
    hints: Annotated[
        float, Setting("Share of pictures shown with hints; 0: a network without.", PICTURES, low=0, high=1)
    ] = 0.65
    val_share: Annotated[float, Setting("Share held out where no --val is named.", VALIDATION, low=0, high=0.5)] = 0.03
    val_limit: Annotated[int, Setting("At most so many photos are validated on.", VALIDATION, low=1)] = 600
    validate_every: Annotated[int, Setting("Epochs from one validation to the next.", VALIDATION, low=1)] = 1
    patience: Annotated[
        int, Setting("Epochs without a better validation loss before an early stop; 0: never.", VALIDATION, low=0)
    ] = 0
    save_minutes: Annotated[float, Setting("Time between two saves of the whole state.", FILES, low=0)] = 5.0
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Setting("Number type; auto: bf16 where the device computes in it.", MACHINE)
    ] = "auto"
    seed: Annotated[int, Setting("Of all that is drawn at random.", MACHINE, low=0)] = 0
    workers: Annotated[
        int,
        Setting("Processes that read photos; -1: all cores but two beside a GPU, none on a CPU.", MACHINE, low=-1),
    ] = -1


@dataclass(frozen=True)
class StartSettings(Settings):
    """Where a network's first weights come from, and how the finished one is used."""

    encoder_weights: Annotated[
        Path | None, Setting("timm state dict that the encoder starts from.", NETWORK, metavar="FILE")
    ] = None
    extractor_weights: Annotated[
        str | Path, Setting("Of the extractor: timm's from the hub, or a state dict.", NETWORK, metavar="hub|FILE")
    ] = "hub"
    feature_weights: Annotated[
        Path | None, Setting("timm state dict of MobileNetV2, for --features.", NETWORK, metavar="FILE")
    ] = None
    still_size: Annotated[
        int, Setting("Short side at which single pictures are seen; 0: as the network says.", NETWORK, low=0, high=2048)
    ] = 0
