"""Read files of weights: from a path or from S3."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from training.errors import WeightsError
from training.network.backbone import NAMED
from training.pipeline.settings import closest

METADATA = "network"


@contextmanager
def local_copy(source: str) -> Iterator[Path]:
    """A local path for a path or an s3:// URI. A downloaded file is deleted when the block ends.

    Raises:
        WeightsError: no such file or object.
    """
    if not source.startswith("s3://"):
        if not Path(source).is_file():
            also = f"other values: {', '.join(NAMED)}, or an s3:// URI"
            raise WeightsError(f"--weights {source}: no such file{closest(source, NAMED)} ({also})")
        yield Path(source)
        return
    folder = Path(tempfile.mkdtemp(prefix="lookalike-weights-"))
    try:
        path = folder / Path(urlsplit(source).path).name
        _download(source, path)
        yield path
    finally:
        shutil.rmtree(folder)


def _download(uri: str, path: Path) -> None:
    import boto3  # slow to import, and not needed for local weights
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(uri)
    try:
        boto3.client("s3").download_file(parts.netloc, parts.path.lstrip("/"), str(path))
    except (BotoCoreError, ClientError) as exc:
        raise WeightsError(f"--weights {uri} cannot be downloaded: {exc}") from exc


def read_state(path: Path, source: str) -> dict[str, Tensor]:
    """The state dict in a file, or inside a training script's checkpoint, without DataParallel's prefix "module.".

    Raises:
        WeightsError: it cannot be read; the message names `source`.
    """
    state = read_file(path)
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{source} is not a state dict of tensors")
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def read_file(path: Path) -> Any:
    """What a file of weights holds: of a safetensors file tensors by name, else whatever torch has saved.

    Raises:
        WeightsError: it does not load.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (
        Exception
    ) as exc:  # the errors of torch for damaged files or non-tensor content have no other common base class
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise WeightsError(f"{path.name} does not load as a state dict: {reason}") from exc


def metadata_of(path: Path) -> dict[str, Any]:
    """What a safetensors file says about its network: `backbone` and `categories`; empty for other files.

    Raises:
        WeightsError: it is not a safetensors file.
    """
    if path.suffix != ".safetensors":
        return {}
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            found = json.loads((file.metadata() or {}).get(METADATA, "{}"))
    except (OSError, ValueError, safetensors.SafetensorError) as exc:
        raise WeightsError(f"{path} is not a safetensors file: {exc}") from exc
    return found if isinstance(found, dict) else {}
