"""The work folder of a run: where each stage writes its files."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorkFolder:
    """The work folder of a run, with one folder for each stage."""

    root: Path

    @property
    def dataset(self) -> Path:
        """The dataset that `training.prepare` writes."""
        return self.root / "dataset"

    @property
    def frozen(self) -> Path:
        """Pooled features of the starting weights, and the heads that were trained on them."""
        return self.root / "frozen"

    @property
    def features(self) -> Path:
        """The pooled features of all photos."""
        return self.frozen / "features.npy"

    @property
    def mirrored(self) -> Path:
        """The pooled features of the mirrored training photos."""
        return self.frozen / "mirrored.npy"

    @property
    def heads(self) -> Path:
        """The heads that were trained on the pooled features."""
        return self.frozen / "heads.safetensors"

    @property
    def teacher(self) -> Path:
        """Manifest, model and outputs of the release from which the network learns."""
        return self.root / "teacher"

    @property
    def teacher_outputs(self) -> Path:
        """The teacher's outputs for all photos."""
        return self.teacher / "outputs.npy"

    @property
    def fit(self) -> Path:
        """History, checkpoint and best weights of the training run."""
        return self.root / "fit"

    @property
    def weights(self) -> Path:
        """The weights with the best score on the validation split."""
        return self.fit / "best.safetensors"

    @property
    def report(self) -> Path:
        """`metrics.json`, plots and `report.html`."""
        return self.root / "report"

    @property
    def export(self) -> Path:
        """The float32 and int8 ONNX files, and the measurements made on them."""
        return self.root / "export"

    @property
    def float32(self) -> Path:
        """The float32 ONNX file, from which the int8 file is made."""
        return self.export / "float32.onnx"

    @property
    def index(self) -> Path:
        """Embeddings, measurements of the index, smoke cases."""
        return self.root / "index"

    @property
    def release(self) -> Path:
        """The files of the release, as they are in its archive."""
        return self.root / "release"

    @property
    def model(self) -> Path:
        """The ONNX file that serving loads."""
        return self.release / "model.onnx"

    @property
    def archive(self) -> Path:
        """The release archive."""
        return self.root / "release.tar"


@dataclass(frozen=True)
class ReusingFolder(WorkFolder):
    """The work folder of a run with the model of a release, inside that of a training run, whose dataset it shares.

    All other files have places of their own, so a later training run finds its files as it left them.
    """

    outer: WorkFolder

    @classmethod
    def inside(cls, outer: WorkFolder) -> "ReusingFolder":
        """The folder `reused` of a work folder."""
        return cls(outer.root / "reused", outer)

    @property
    def dataset(self) -> Path:
        """The dataset that `training.prepare` writes."""
        return self.outer.dataset

    @property
    def base(self) -> Path:
        """Manifest, model, weights and report of the release whose model is used."""
        return self.root / "base"

    @property
    def report(self) -> Path:
        """The report of that release; may be absent."""
        return self.base / "report"
