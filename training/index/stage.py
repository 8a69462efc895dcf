"""Embed the catalogue and index it. Row i of the index is row i of the catalog and row i of the dataset.

    python -m training.index --out OUT [--index flat|ivf-float16|ivf-int8]
    torchrun --nnodes 2 ... -m training.index --out OUT

reads OUT/dataset and OUT/release/model.onnx. It writes OUT/release/index.faiss and OUT/release/catalog.sqlite, and to
OUT/index the vectors, the measured recall and time of the index, the smoke cases and the reference. Photos are embedded
by the code that serves. With several processes all embed, the leader does everything else, and the others need only
OUT/dataset.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch

from lambda_app.model.session import Model, ModelOutput
from lambda_app.photo.preprocessing import normalise
from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.manifest import IndexEntry, sha256_of
from training.dataset import Dataset
from training.index.choice import build_index
from training.index.embedding import embed_rows
from training.index.reference import make_reference
from training.index.settings import IndexSettings
from training.index.smoke_cases import choose_cases, replay
from training.pipeline.commands import CommandParser, add_settings, add_work_folder, settings_from
from training.pipeline.files import write_json
from training.pipeline.stages import digest_of, run_stage
from training.pipeline.work_folder import WorkFolder
from training.pipeline.world import SINGLE_PROCESS, World, process_group


def run(
    work: WorkFolder, settings: IndexSettings, world: World = SINGLE_PROCESS, temperature: float | None = None
) -> bool:
    """Run the stage, unless the last run had the same model, dataset and settings. Returns whether it ran.

    Args:
        world: the processes that embed together; each of them must call this.
        temperature: of the model; None: that of the report.

    Raises:
        TrainingError: the processes have different datasets; or an error of `index`.
    """
    dataset = Dataset.open(work.dataset)
    world.check_same_digest("dataset", dataset.digest)
    if not world.is_leader:
        (runs,) = world.broadcast(False)
        if runs:
            assist(dataset, work, world)
        return bool(runs)
    # The margins of the smoke cases depend on the temperature.
    if temperature is None:
        temperature = float(json.loads((work.report / "metrics.json").read_bytes())["temperature"])
    inputs = {
        "dataset": dataset.digest,
        "model": sha256_of(work.model),
        "temperature": temperature,
        "settings": settings.as_json(),
    }
    outputs = [
        work.release / "index.faiss",
        work.release / "catalog.sqlite",
        work.index / "index.json",
        work.index / "smoke.json",
        work.index / "reference.json",
    ]

    def make() -> None:
        world.broadcast(True)
        index(dataset, work, settings, temperature, world)

    ran = run_stage(work, "index", inputs, outputs, make)
    if not ran:
        world.broadcast(False)
    return ran


def index(
    dataset: Dataset, work: WorkFolder, settings: IndexSettings, temperature: float, world: World = SINGLE_PROCESS
) -> IndexEntry:
    """Embed, build the index, write the catalog, and choose and check smoke cases. The other processes call `assist`.

    Raises:
        IndexBuildError: the written files give a wrong answer to a smoke case, or an index of this type is impossible.
        LostProcessError, TrainingError: see `training.index.embedding.embed_rows`.
    """
    work.index.mkdir(parents=True, exist_ok=True)
    model = Model(work.model, threads=_threads(world))
    world.broadcast_bytes(work.model.read_bytes())
    identity = digest_of({"dataset": dataset.training_digest, "model": sha256_of(work.model)})
    outputs = cast(ModelOutput, embed(model, dataset, work.index, identity, world))  # None in other processes only
    entry = build_index(outputs.embedding, settings.index, work.release / "index.faiss", int(dataset.summary["seed"]))
    write_json(work.index / "index.json", entry.model_dump(mode="json"))
    items = catalog_items(dataset, settings.name or dataset.summary["data"])
    write_catalog(work.release / "catalog.sqlite", items, dataset.fingerprints())
    cases = choose_cases(dataset, model, outputs, temperature)
    replay(cases, dataset, work.release, entry)
    write_json(work.index / "smoke.json", [case.model_dump(mode="json") for case in cases])
    reference = make_reference(dataset, outputs, work.release, entry)
    write_json(work.index / "reference.json", reference and reference.model_dump(mode="json"))
    return entry


def assist(dataset: Dataset, work: WorkFolder, world: World) -> None:
    """Embed together with the leader, in the other processes. They keep no files.

    Raises:
        LostProcessError: another process has ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, work.model.name)
        path.write_bytes(world.broadcast_bytes(b""))
        embed(Model(path, threads=_threads(world)), dataset, work.index, "", world)


def embed(
    model: Model, dataset: Dataset, folder: Path, identity: str, world: World = SINGLE_PROCESS
) -> ModelOutput | None:
    """The outputs of the served model for all rows of the dataset, memory-mapped: `logits.npy` and `embeddings.npy`.

    Memory use does not depend on the number of photos. An interrupted run is resumed if `identity` is the same. See
    `training.index.embedding.embed_rows`.
    """

    def predict(rows: slice) -> ModelOutput:
        return model.run(normalise(dataset.photos[rows], dataset.preprocessing))

    return embed_rows(predict, len(dataset.photos), (model.classes, model.embedding_dim), folder, identity, world)


def _threads(world: World) -> int:
    """Threads of a forward pass: this process's share of the machine, or 0 (all cores) with a single process."""
    return torch.get_num_threads() if world.size > 1 else 0


def catalog_items(dataset: Dataset, name: str) -> Iterator[CatalogItem]:
    """The rows of the catalog, in order. The store keys of photos begin with `datasets/<name>/`."""
    for item in dataset.items():
        yield CatalogItem(
            image_id=item.image_id,
            product_id=item.product_id,
            category=dataset.categories[item.category],
            title=item.title,
            price=item.price,
            location=item.location,
            photo=f"datasets/{name}/{item.photo}",
        )


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.index`."""
    parser = CommandParser(prog="python -m training.index", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    add_settings(parser, IndexSettings)
    arguments = parser.parse(argv)
    with process_group(os.environ) as world:
        run(WorkFolder(arguments.out), settings_from(arguments, IndexSettings), world)
        world.barrier()  # wait for the leader, so that all processes end if it fails
