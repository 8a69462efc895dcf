"""Embed the catalogue and index it. Row i of the index is row i of the catalog and row i of the dataset.

    python -m training.index --out OUT [--index flat|ivf-float16|ivf-int8]
    torchrun --nnodes 2 ... -m training.index --out OUT

reads OUT/dataset, OUT/export/export.json, and the model and weights of OUT/release. It writes OUT/release/index.faiss
and OUT/release/catalog.sqlite, and to OUT/index the vectors, the measured recall and time of the index, how the photos
were embedded, the smoke cases and the reference. With several processes all embed, the leader does everything else, and
the others need only OUT/dataset.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch

from lambda_app.model.session import Model, ModelOutput
from lambda_app.release.catalog import CatalogItem, write_catalog
from lambda_app.release.manifest import IndexEntry, ModelEntry, sha256_of
from lambda_app.search.building.choice import build_index
from training.dataset import Dataset
from training.errors import TrainingError
from training.index.bulk import choose
from training.index.embedding import embed_rows
from training.index.reference import make_reference
from training.index.settings import IndexSettings
from training.index.smoke_cases import choose_cases, replay
from training.index.ways import Precision, Way, in_torch, served
from training.pipeline.commands import CommandParser, add_settings, add_work_folder, settings_from
from training.pipeline.files import write_json
from training.pipeline.progress import track
from training.pipeline.stages import digest_of, run_stage
from training.pipeline.work_folder import WorkFolder
from training.pipeline.world import SINGLE_PROCESS, World, process_group


def run(
    work: WorkFolder, settings: IndexSettings, world: World = SINGLE_PROCESS, base: ModelEntry | None = None
) -> bool:
    """Run the stage, unless the last run had the same model, dataset and settings. Returns whether it ran.

    Args:
        world: the processes that embed together; each of them must call this.
        base: the model of another release, which is used here; None: that of the report and of the export.

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
    if base is None:
        temperature = float(json.loads((work.report / "metrics.json").read_bytes())["temperature"])
        precision = json.loads((work.export / "export.json").read_bytes())["precision"]
    else:
        temperature, precision = base.temperature, base.precision
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
        index(dataset, work, settings, temperature, precision, world)

    ran = run_stage(work, "index", inputs, outputs, make)
    if not ran:
        world.broadcast(False)
    return ran


def index(
    dataset: Dataset,
    work: WorkFolder,
    settings: IndexSettings,
    temperature: float,
    precision: Precision,
    world: World = SINGLE_PROCESS,
) -> IndexEntry:
    """Embed, build the index, write the catalog, and choose and check smoke cases. The other processes call `assist`.

    Raises:
        IndexBuildError: the written files give a wrong answer to a smoke case, or an index of this type is impossible.
        LostProcessError, TrainingError: see `training.index.embedding.embed_rows`.
    """
    work.index.mkdir(parents=True, exist_ok=True)
    model = Model(work.model, threads=_threads(world))
    chosen = choose(work, dataset, served(model, dataset, work.model, precision), settings.bulk, world.device)
    way = chosen.way
    world.broadcast_bytes(json.dumps({"file": way.file and way.file.name, "precision": way.precision}).encode())
    world.broadcast_bytes(way.file.read_bytes() if way.file else b"")
    identity = digest_of(
        {
            "dataset": dataset.training_digest,
            "model": sha256_of(work.model),
            "way": [way.name, way.precision, way.device],
        }
    )
    outputs = cast(ModelOutput, embed(way, dataset, work.index, identity, world))  # None in other processes only
    path, seed = work.release / "index.faiss", int(dataset.summary["seed"])
    entry = build_index(outputs.embedding, settings.index, path, seed, track)
    write_json(work.index / "index.json", entry.model_dump(mode="json") | {"bulk": chosen.about})
    items = catalog_items(dataset, settings.name or dataset.summary["data"])
    write_catalog(work.release / "catalog.sqlite", items, dataset.fingerprints())
    cases = choose_cases(dataset, model, outputs, temperature, precision)
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
    about = json.loads(world.broadcast_bytes(b""))
    content = world.broadcast_bytes(b"")
    if about["file"] is None:  # the leader computes everything alone
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, about["file"])
        path.write_bytes(content)
        if path.name == work.model.name:
            way = served(Model(path, threads=_threads(world)), dataset, path, about["precision"])
        else:
            way = in_torch(path, dataset, world.device, bfloat16=about["precision"] == "bfloat16")
        embed(way, dataset, work.index, "", world)


def embed(way: Way, dataset: Dataset, folder: Path, identity: str, world: World = SINGLE_PROCESS) -> ModelOutput | None:
    """The outputs for all rows of the dataset, memory-mapped: `logits.npy` and `embeddings.npy`.

    Memory use does not depend on the number of photos. An interrupted run is resumed if `identity` is the same. See
    `training.index.embedding.embed_rows`.

    Raises:
        LostProcessError: another process has ended.
        TrainingError: the device fails, or a file cannot be written.
    """
    together = world if way.file else SINGLE_PROCESS

    def predict(rows: slice) -> ModelOutput:
        try:
            return way.outputs(rows)
        except RuntimeError as exc:  # what torch raises if a device fails or has too little memory
            way_out = ", or with --set bulk=served to embed on the CPU" if way.name == "torch" else ""
            raise TrainingError(
                f"{way} failed at row {rows.start:,}: {exc}; run again to go on after the last finished block{way_out}"
            ) from exc

    return embed_rows(predict, len(dataset.photos), (way.classes, way.dim), folder, identity, together, way.batch)


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
            description=item.description,
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
