"""Settings of the fit stage."""

from typing import Literal

from pydantic import Field

from training.pipeline.settings import BACKBONE, RARE, SEED, WEIGHTS, Settings


class FitSettings(Settings):
    """The settings that identify a training run. If one of them changes, the network is trained again."""

    backbone: str = BACKBONE
    weights: str = WEIGHTS
    freeze: str = Field(
        default="none",
        description="freezes the backbone up to this stage; layer3 of a ResNet: only layer4 and the heads are trained; "
        "all: only the heads are trained, on features that are computed once",
    )
    teacher: str | None = Field(
        default=None,
        description="release of a larger network from which this one learns besides: a release archive, its unpacked "
        "folder, the work folder of its training, a store (its live release), or STORE/releases/ID, also on s3://; its "
        "categories must be those of the dataset",
    )
    teacher_embedding: float = Field(
        default=1.0,
        ge=0,
        description="weight of the distance between the embeddings of network and teacher (1 - cosine)",
        json_schema_extra=RARE,
    )
    teacher_logits: float = Field(
        default=1.0,
        ge=0,
        description="weight of the KL divergence between the predictions of network and teacher",
        json_schema_extra=RARE,
    )
    epochs: int = Field(default=30, ge=0, description="passes over the training photos; 0 exports the initial network")
    seconds: float = Field(
        default=0.0, ge=0, description="time limit in seconds; the schedule is fitted to it; 0: no limit"
    )
    batch: int = Field(
        default=64,
        ge=2,
        multiple_of=2,
        description="photos per step, all processes together; a larger batch gives the metric loss more negatives",
    )
    optimiser: Literal["adamw", "sgd"] = Field(
        default="adamw",
        description="adamw works with many learning rates and has weight decay 0.05; sgd has Nesterov momentum 0.875 "
        "and weight decay 2^-15; neither decays biases and norms",
        json_schema_extra=RARE,
    )
    lr: float | None = Field(
        default=None,
        ge=0,
        description="highest learning rate; none: 0.0005 from pretrained weights, which a higher one damages, "
        "0.002 from random weights, 0.015 with sgd",
    )
    backbone_lr: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="learning rate of a pretrained backbone, as a share of that of the heads",
        json_schema_extra=RARE,
    )
    schedule: Literal["cosine", "flat", "waves"] = Field(
        default="flat",
        description="flat keeps the learning rate constant, which works because weights are averaged (ema); cosine "
        "lowers it to 0; waves is a cosine of three periods",
    )
    warmup: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="share of the run in which the learning rate rises; without it, gradients of the random heads "
        "damage the backbone",
        json_schema_extra=RARE,
    )
    small: float = Field(
        default=1.0,
        ge=0.25,
        le=1,
        description="side of the photos in the first 60 % of the run, as a share of the full side; below 1 gives more "
        "epochs in the same time, but did not help short runs",
        json_schema_extra=RARE,
    )
    smoothing: float = Field(
        default=0.1,
        ge=0,
        le=0.99,
        description="label smoothing; makes the classifier less overconfident",
        json_schema_extra=RARE,
    )
    metric_weight: float = Field(
        default=0.5,
        ge=0,
        description="weight of the metric loss, which is added to the cross-entropy; 0: no metric loss",
    )
    rotation: float = Field(
        default=15.0,
        ge=0,
        le=180,
        description="largest rotation of a training photo in degrees; use 180 if photos have no upright side",
    )
    crop: float = Field(
        default=0.25,
        ge=0,
        le=0.95,
        description="largest share of a side that is cut off or added: changes zoom, position and aspect ratio",
    )
    colour: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="largest change of brightness, contrast and saturation; the share of recoloured products is twice "
        "this value",
        json_schema_extra=RARE,
    )
    erasing: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of training photos in which a rectangle is erased, like a part behind a hand or a label",
        json_schema_extra=RARE,
    )
    altered: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the pairs in a batch that are a photo and an altered view of it, as shoppers send it: "
        "turned, grey, with margins, mirrored; finds such photos, but needs a much longer run",
        json_schema_extra=RARE,
    )
    balance: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="weight of rare categories in the loss; 0: all photos count the same, 1: all categories do",
        json_schema_extra=RARE,
    )
    fixed_norm: bool = Field(
        default=True,
        description="whether the batch normalisation of a pretrained backbone keeps its statistics; "
        "False: it follows the batches, which costs a short run many points",
        json_schema_extra=RARE,
    )
    baseline: bool = Field(
        default=True,
        description="whether heads are first trained on the frozen features of pretrained weights; the "
        "other training starts from them, and must be better on the validation split to be kept",
        json_schema_extra=RARE,
    )
    pooled_share: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="largest share of pooled features in the embedding, which find kinds of products that training has "
        "not seen; 0, random initial weights or a teacher: only the trained embedding",
        json_schema_extra=RARE,
    )
    ema: float = Field(
        default=0.99,
        ge=0,
        le=0.99999,
        description="decay of the moving average of the weights, which is exported; 0 exports the last weights",
        json_schema_extra=RARE,
    )
    seed: int = SEED

    @property
    def rate(self) -> float:
        """The highest learning rate: the setting `lr`, else the one for the optimiser and the initial weights."""
        if self.lr is not None:
            return self.lr
        if self.optimiser == "sgd":
            return 0.015
        return 2e-3 if self.weights == "none" else 5e-4

    @property
    def most_pooled(self) -> float:
        """`pooled_share`; 0 from random weights, where its gain is not measured, and products are found less often.

        0 with a teacher too: its embedding has its own share, and another one would leave the space of its vectors.
        """
        return 0.0 if self.weights == "none" or self.teacher is not None else self.pooled_share

    @property
    def backbone_share(self) -> float:
        """The learning rate of the backbone as a share of that of the heads."""
        return 1.0 if self.weights == "none" else self.backbone_lr


class Execution(Settings):
    """How a run is computed. These settings do not identify a run: if they change, it is not trained again."""

    bfloat16: bool = Field(
        default=True,
        description="whether a GPU computes the backbone in bfloat16 (autocast); False: float32, for comparison",
        json_schema_extra=RARE,
    )
    processor_bfloat16: bool = Field(
        default=False,
        description="whether a processor computes the backbone in bfloat16 too, if it has instructions for it "
        "(AVX-512 BF16, AMX): faster steps; on another processor without effect",
        json_schema_extra=RARE,
    )
    compile: bool = Field(
        default=False,
        description="whether to use torch.compile for faster steps; takes minutes at first, needs a C++ compiler",
        json_schema_extra=RARE,
    )


DEFAULT = Execution()
