"""The release whose model is used again."""

from pathlib import Path

from lambda_app.release.archive import REPORT
from lambda_app.release.manifest import Manifest
from training.errors import WeightsError
from training.pipeline.output_folder import atomic_folder
from training.pipeline.released import Released, told_of


def fetch(source: str, folder: Path) -> Manifest:
    """Copy the manifest, the model, the weights and the report of a release into a folder, which is made or replaced.

    Args:
        source: see `Released.find`.

    Raises:
        WeightsError: there is no such release, it is damaged, or it lacks its model.
        StoreError: the store cannot be read.
    """
    with told_of("--reuse-model", source, WeightsError), atomic_folder(folder) as new:
        return Released.find(source).copy(new, _is_used)


def _is_used(name: str) -> bool:
    return name.endswith((".onnx", ".safetensors")) or name.startswith(f"{REPORT}/")
