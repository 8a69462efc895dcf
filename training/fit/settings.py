"""What a training run can be told, and why each setting is what it is."""

from dataclasses import dataclass

from training.fit.schedule import SCHEDULES
from training.pipeline.commands import check_settings, setting


@dataclass(frozen=True)
class FitSettings:
    """What a run can be told; the reason for each stands beside its default."""

    backbone: str = setting("resnet50", "torchvision model; accurate, and every accelerator runs it well")
    weights: str = setting("imagenet", "imagenet, none, or the path or s3:// URI of a state dict to start from")
    freeze: str = setting("none", "last stage that does not learn: after layer3 a ResNet learns layer4 and its heads")
    epochs: int = setting(30, "passes over the training photos; 0 exports the untrained network", low=0)
    seconds: float = setting(0.0, "time budget that the schedule fits itself into; 0 for none", low=0)
    batch: int = setting(
        64, "photos a step, even, of all processes together; more gives the metric loss more negatives", low=2
    )
    optimiser: str = setting(
        "adamw",
        "adamw forgives the learning rate; sgd has Nesterov momentum of 0.875; weight decay is 0.05 of the one, "
        "2^-15 of the other, and spares biases and norms",
        choices=("adamw", "sgd"),
    )
    lr: float = setting(2e-3, "highest learning rate: adamw does as well at 0.005, sgd takes 0.015", low=0)
    schedule: str = setting(
        "flat",
        "flat learns to the last step, and averaged weights need no small ones at the end; cosine falls to nothing, "
        "waves in three periods",
        choices=SCHEDULES,
    )
    warmup: float = setting(
        0.05, "share of the run that climbs to the rate: random heads upset a backbone", low=0, high=1
    )
    small: float = setting(
        1.0,
        "side of the photos in the first 60 % of the run, over the full one: below 1 more epochs in equal time, "
        "which short runs are too short for",
        low=0.25,
        high=1,
    )
    smoothing: float = setting(0.1, "label smoothing; keeps the classifier from overconfidence", low=0, high=0.99)
    metric_weight: float = setting(0.5, "of the metric loss beside the cross-entropy; 0 leaves it out", low=0)
    rotation: float = setting(
        15.0, "degrees a training photo is turned to either side; 180 where photos have no up", low=0, high=180
    )
    crop: float = setting(
        0.25, "share of a side that is cut off at most, or added: zoom, shift, proportions", low=0, high=0.95
    )
    colour: float = setting(
        0.2,
        "largest change of brightness, contrast and saturation; twice it: share of products recoloured",
        low=0,
        high=1,
    )
    erasing: float = setting(
        0.0,
        "share of training photos in which a rectangle is painted over, as a hand or a label hides a part",
        low=0,
        high=1,
    )
    balance: float = setting(
        0.0,
        "how far scarce categories are weighted up: 0 counts photos alike, as accuracy does; 1 counts categories alike",
        low=0,
        high=1,
    )
    ema: float = setting(0.99, "decay of the averaged weights, which are exported; 0 for none", low=0, high=0.99999)
    seed: int = setting(0, "of everything drawn at random", low=0)

    def __post_init__(self) -> None:
        """Raises: SettingsError, naming the value and its limit."""
        check_settings(self)
