import csv
import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sample.generate import SampleSummary, generate
from tests.sharing import made_once
from tests.tracing import untraced
from tests.training.processes import Server, serving
from training.dataset import Dataset
from training.fit.settings import FitSettings
from training.pipeline.work_folder import WorkFolder
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare
from training.settings.train_settings import TrainSettings
from training.train import train


@pytest.fixture(scope="session")
def sample(tmp_path_factory) -> tuple[Path, SampleSummary]:
    """A tiny sample catalogue and its summary."""

    def make(folder: Path) -> None:
        summary = generate(folder / "data", photos=130, seed=1, workers=1)
        (folder / "summary.json").write_text(json.dumps(asdict(summary)))

    # The `trained` run is only unchanged for the same files, so all processes have the same.
    folder = made_once(tmp_path_factory, "sample", make)
    return folder / "data", SampleSummary(**json.loads((folder / "summary.json").read_bytes()))


@pytest.fixture(scope="session")
def sample_data(sample) -> Path:
    """The folder of the tiny sample catalogue."""
    return sample[0]


@pytest.fixture(scope="session")
def dataset(sample_data, tmp_path_factory) -> Dataset:
    """A dataset prepared from the tiny sample catalogue, photos of 64 pixels."""
    out = tmp_path_factory.mktemp("prepared") / "dataset"
    prepare(sample_data, out, PrepareSettings(size=64))
    return Dataset.open(out)


@pytest.fixture(scope="session")
def jpeg() -> Callable[[int], bytes]:
    """A small photo, a different one for each number."""

    def make(number: int) -> bytes:
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG")
        return file.getvalue()

    return make


@pytest.fixture
def write_listings(tmp_path, jpeg) -> Callable[..., Path]:
    """Write a folder in the listings layout from rows with only the columns that matter; returns it."""

    def write(
        products: Iterable[Mapping[str, str]],
        images: Iterable[tuple[str, str]],
        photos: Mapping[str, bytes] | None = None,
    ) -> Path:
        images = list(images)
        folder = tmp_path / "data"
        (folder / "photos").mkdir(parents=True)
        names = ("", "id", "product_name", "category", "product_description", "price", "location")
        with (folder / "Products.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, names, restval="", lineterminator="\n")
            table.writeheader()
            table.writerows({"": number, "category": "Home / Sofas", **row} for number, row in enumerate(products))
        with (folder / "Images.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("", "id", "product_id"))
            writer.writerows((number, *row) for number, row in enumerate(images))
        if photos is None:
            photos = {f"photos/{image_id}.jpg": jpeg(number) for number, (image_id, _) in enumerate(images)}
        for path, content in photos.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    return write


@pytest.fixture
def write_folders(tmp_path, jpeg) -> Callable[[Iterable[str]], Path]:
    """Write a folder with a photo at each of these paths; returns it."""

    def write(paths: Iterable[str]) -> Path:
        folder = tmp_path / "data"
        folder.mkdir()
        for number, path in enumerate(paths):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(jpeg(number))
        return folder

    return write


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Torch on one thread: more do not speed up tiny networks, and slow down parallel tests."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def untraced_export() -> Iterator[None]:
    """Leave torch's exporter out of the measurement of coverage, which makes it half as slow again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", untraced(torch.onnx.export))
        yield


@pytest.fixture(scope="session")
def processes(tmp_path_factory) -> Iterator[Server]:
    """A server that starts processes which a test can kill and signal."""
    with serving(tmp_path_factory.mktemp("processes")) as server:
        yield server


@pytest.fixture(scope="session")
def scored():
    """Logits of 60 rows over 5 classes that are right more often than not."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 60)
    logits = rng.normal(size=(60, 5)).astype(np.float32)
    logits[np.arange(60), labels] += 1.0
    return logits, labels


@pytest.fixture(scope="session")
def fit_settings() -> FitSettings:
    """The smallest network, one epoch, from random weights."""
    return FitSettings(backbone="resnet10_half", weights="none", epochs=1, batch=16)


@pytest.fixture(scope="session")
def trained(sample_data, fit_settings, tmp_path_factory) -> WorkFolder:
    """A run over the tiny sample catalogue at 32 pixels, from raw data to archive; tests must not change it."""

    def make(folder: Path) -> None:
        train(sample_data, WorkFolder(folder), TrainSettings(prepare=PrepareSettings(size=32), fit=fit_settings))

    return WorkFolder(made_once(tmp_path_factory, "trained", make))


@pytest.fixture
def trained_copy(trained, tmp_path) -> WorkFolder:
    """A copy of the `trained` run that a test may change."""
    return WorkFolder(shutil.copytree(trained.root, tmp_path / "work"))


@pytest.fixture(scope="session")
def small_dataset(trained) -> Dataset:
    """The dataset of the `trained` run, photos of 32 pixels."""
    return Dataset.open(trained.dataset)
