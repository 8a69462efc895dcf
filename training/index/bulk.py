"""Choose how the catalogue is embedded: the fastest way that agrees with the served model on a sample of photos."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lambda_app.release.manifest import sha256_of
from training.dataset import Dataset
from training.index.parity import Parity, judge, reference
from training.index.settings import Bulk
from training.index.ways import Way, from_features, in_torch
from training.network.cached import ServedOutputs, features_of_kept
from training.pipeline.work_folder import WorkFolder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """The way that embeds the catalogue.

    Attributes:
        way: the way.
        about: as JSON: `way`, `precision`, `device`; `parity`, its figures beside the served model, null for that model
            itself; `refused`, each way that was tried and may not be used: `way`, `reason`, `parity`.
    """

    way: Way
    about: dict[str, Any]


def choose(work: WorkFolder, dataset: Dataset, served: Way, bulk: Bulk, device: torch.device) -> Chosen:
    """The first of the ways that `bulk` allows which agrees with the served model; the served model if none does.

    Args:
        served: the served model.
        bulk: the setting of that name.
        device: where torch computes.
    """
    refused: list[dict[str, Any]] = []  # told in one line at the end
    expected = None
    for way in _candidates(work, dataset, bulk, device):
        if isinstance(way, str):
            refused.append({"way": bulk, "reason": way, "parity": None})
            continue
        expected = expected or reference(dataset, served, ServedOutputs.read(work.gate, sha256_of(work.model), dataset))
        try:
            parity = judge(dataset, way, expected)
        except RuntimeError as exc:  # what torch raises if a device fails or has too little memory
            refused.append({"way": str(way), "reason": _failed(exc), "parity": None})
            continue
        if parity.failure is None:
            text = "index: embeds by %s; its lowest cosine with the served model is %.5f on %d photos%s"
            log.info(text, way, parity.lowest_cosine, parity.n, "".join(f"; {reason}" for reason in _told(refused)))
            return Chosen(way, _about(way, parity, refused))
        refused.append({"way": str(way), "reason": parity.failure, "parity": parity.as_json()})
    if refused:
        log.info("index: embeds by the served model on the CPU; %s", "; ".join(_told(refused)))
    return Chosen(served, _about(served, None, refused))


def _candidates(work: WorkFolder, dataset: Dataset, bulk: Bulk, device: torch.device) -> Iterator[Way | str]:
    """The ways to try, fastest first; a text says why a way that was asked for cannot be tried."""
    weights = work.release / "weights.safetensors"  # those of the exported model
    if not weights.is_file():  # a release whose model is used may have none
        if bulk in ("torch", "features"):
            yield "the release has no weights"
        return
    if bulk in ("auto", "features"):
        kept = work.weights.is_file() and sha256_of(weights) == sha256_of(work.weights)
        features = features_of_kept(work, dataset) if kept else None
        if features is not None:
            yield from_features(weights, features)
        elif bulk == "features":
            yield "there are no cached features of this network for this dataset"
    if bulk == "torch" or (bulk == "auto" and device.type == "cuda"):
        for bfloat16 in (True, False) if device.type == "cuda" else (False,):
            try:
                yield in_torch(weights, dataset, device, bfloat16=bfloat16)
            except RuntimeError as exc:
                yield _failed(exc)


def _failed(error: RuntimeError) -> str:
    """The first line of an error of torch; what follows are general hints on CUDA."""
    return f"it fails: {str(error).strip().partition(chr(10))[0]}"


def _told(refused: Sequence[dict[str, Any]]) -> list[str]:
    return [f"not by {entry['way']}: {entry['reason']}" for entry in refused]


def _about(way: Way, parity: Parity | None, refused: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "way": way.name,
        "precision": way.precision,
        "device": way.device,
        "parity": None if parity is None else parity.as_json(),
        "refused": list(refused),
    }
