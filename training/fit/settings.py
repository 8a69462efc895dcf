"""What a training run can be told, and why each setting is what it is."""

from typing import Literal

from pydantic import Field

from training.pipeline.settings import RARE, SEED, Settings


class FitSettings(Settings):
    """What training depends on; a change of any of these trains anew."""

    backbone: str = Field(
        default="resnet50", description="torchvision model; ResNet50 is accurate and fast on any accelerator"
    )
    weights: str = Field(
        default="imagenet",
        description="what training starts from: imagenet, none, or the path or s3:// URI of a state dict",
    )
    freeze: str = Field(
        default="none", description="last stage that does not learn; with layer3 a ResNet learns layer4 and the heads"
    )
    epochs: int = Field(
        default=30, ge=0, description="passes over the training photos; 0 exports the untrained network"
    )
    seconds: float = Field(
        default=0.0, ge=0, description="time budget in seconds, to which the schedule adapts; 0 for none"
    )
    batch: int = Field(
        default=64,
        ge=2,
        multiple_of=2,
        description="photos a step, of all processes together; more of them give the metric loss more negatives",
    )
    optimiser: Literal["adamw", "sgd"] = Field(
        default="adamw",
        description="adamw tolerates many learning rates and has weight decay 0.05; sgd has Nesterov momentum 0.875 "
        "and weight decay 2^-15; neither decays biases and norms",
        json_schema_extra=RARE,
    )
    lr: float = Field(
        default=2e-3, ge=0, description="highest learning rate; adamw does as well at 0.005, sgd needs 0.015"
    )
    schedule: Literal["cosine", "flat", "waves"] = Field(
        default="flat",
        description="flat keeps the learning rate, which averaged weights allow; cosine lets it fall to 0; waves is a "
        "cosine of three periods",
    )
    warmup: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="share of the run in which the learning rate climbs; at once, random heads upset a backbone",
        json_schema_extra=RARE,
    )
    small: float = Field(
        default=1.0,
        ge=0.25,
        le=1,
        description="side of the photos in the first 60 % of the run, as a share of the full side; below 1 gives more "
        "epochs in the same time, which does not help short runs",
        json_schema_extra=RARE,
    )
    smoothing: float = Field(
        default=0.1,
        ge=0,
        le=0.99,
        description="label smoothing, against overconfidence of the classifier",
        json_schema_extra=RARE,
    )
    metric_weight: float = Field(
        default=0.5, ge=0, description="weight of the metric loss beside the cross-entropy; 0 leaves it out"
    )
    rotation: float = Field(
        default=15.0,
        ge=0,
        le=180,
        description="largest turn of a training photo, degrees; 180 where photos have no upright side",
    )
    crop: float = Field(
        default=0.25,
        ge=0,
        le=0.95,
        description="largest share of a side that is cut off or added: zoom, shift, proportions",
    )
    colour: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="largest change of brightness, contrast and saturation; twice this is the share of products that "
        "are recoloured",
        json_schema_extra=RARE,
    )
    erasing: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of training photos in which a rectangle is painted over, as a hand or a label hides a part",
        json_schema_extra=RARE,
    )
    balance: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="how much scarce categories are weighted up; 0 counts photos alike, 1 counts categories alike",
        json_schema_extra=RARE,
    )
    ema: float = Field(
        default=0.99,
        ge=0,
        le=0.99999,
        description="decay of the averaged weights, which are exported; 0 exports the last weights instead",
        json_schema_extra=RARE,
    )
    seed: int = SEED


class Execution(Settings):
    """How a run is computed; no part of what identifies it, so that a changed option does not train anew."""

    bfloat16: bool = Field(
        default=True,
        description="whether a GPU computes the backbone in bfloat16 (autocast); False is float32, for comparison",
        json_schema_extra=RARE,
    )
    compile: bool = Field(
        default=False,
        description="whether torch.compile makes steps faster; takes minutes at first, and a C++ compiler",
        json_schema_extra=RARE,
    )


DEFAULT = Execution()
