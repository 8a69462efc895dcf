"""Where a run keeps what its stages write."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorkFolder:
    """Where a run keeps what its stages make, one folder each."""

    root: Path

    @property
    def dataset(self) -> Path:
        """What `training.prepare` writes."""
        return self.root / "dataset"

    @property
    def fit(self) -> Path:
        """History, checkpoint, and the best weights."""
        return self.root / "fit"

    @property
    def weights(self) -> Path:
        """The weights that were best on the validation split."""
        return self.fit / "best.safetensors"

    @property
    def report(self) -> Path:
        """`metrics.json`, plots and `report.html`."""
        return self.root / "report"

    @property
    def export(self) -> Path:
        """ONNX files of either precision, and what was measured on them."""
        return self.root / "export"

    @property
    def float32(self) -> Path:
        """The network as exported, before any other precision is made of it."""
        return self.export / "float32.onnx"

    @property
    def index(self) -> Path:
        """Stored vectors, the index's figures, smoke cases."""
        return self.root / "index"

    @property
    def release(self) -> Path:
        """The files of the release, as its archive holds them."""
        return self.root / "release"

    @property
    def model(self) -> Path:
        """The served model."""
        return self.release / "model.onnx"

    @property
    def archive(self) -> Path:
        """The release archive."""
        return self.root / "release.tar"
