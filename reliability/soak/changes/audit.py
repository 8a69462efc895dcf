"""Compares what is live, and what was rejected, with what the log of changes says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lambda_app.catalogue.building import opened
from lambda_app.catalogue.changes import Entry
from lambda_app.catalogue.log import entries
from lambda_app.model.session import Model
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.promotion.stored import stored_manifest
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.manifest import Manifest
from lambda_app.store.contract import DROPS, REJECTED, RELEASES, Store
from reliability.soak.changes.plan import Expected, expected, rejected_lines, steps
from reliability.soak.changes.writer import drawn

_SAME_PHOTO = 0.999  # cosine: a photo is embedded together with different others


@dataclass
class Findings:
    """What was found.

    Attributes:
        entries: number of entries of the log.
        repeated: those that a killed `scripts/catalogue` wrote again.
        wrong_log, wrong_items, wrong_notes: what is not as it must be, in words.
    """

    entries: int = 0
    repeated: int = 0
    applied: int = 0
    rejected: int = 0
    releases: int = 0
    wrong_log: list[str] = field(default_factory=list)
    wrong_items: list[str] = field(default_factory=list)
    wrong_notes: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All that is wrong, in words."""
        return [*self.wrong_log, *self.wrong_items, *self.wrong_notes]


@dataclass(frozen=True)
class Catalogue:
    """All items of a release.

    Attributes:
        vectors: float32 (n, d), one for each item.
    """

    items: Sequence[CatalogItem]
    vectors: npt.NDArray[np.float32]


def audit(store: Store, base: Manifest, writers: int, changes: int) -> Findings:
    """Look at everything after the last entry was applied.

    Args:
        store: its live release contains the whole log.
        base: the release before the first change.
        writers, changes: how many writers wrote how many batches each.
    """
    log, before = list(entries(store, 0)), catalogue(store, base)
    photos = {
        key: seed for number in range(writers) for step in steps(number, changes) for key, seed in step.photos.items()
    }
    seeds = {key: seed for key, seed in photos.items() if seed is not None}
    wanted = expected({item.image_id: item.price for item in before.items}, log, set(photos) - set(seeds), seeds)
    found = Findings(entries=len(log), repeated=len(log) - writers * changes, rejected=len(wanted.rejected))
    found.applied = sum(len(entry.lines) for entry in log) - found.rejected
    found.releases = len({key.split("/")[1] for key in store.keys(RELEASES)}) - 1
    _check_log(log, writers, changes, found)
    live = store.read_pointer()
    manifest = stored_manifest(store, live.pointer.release) if live else base
    if manifest.changes_through != len(log):
        found.wrong_items.append(f"{manifest.release} contains {manifest.changes_through} of {len(log)} entries")
    model = Model(store.local_file(base.model), threads=1)
    vectors = {item.image_id: vector for item, vector in zip(before.items, before.vectors, strict=True)}
    vectors |= {image_id: _embedding(model, base, seed) for image_id, seed in wanted.photos.items()}
    check_items(catalogue(store, manifest), wanted, vectors, found)
    _check_notes(store, wanted, found)
    return found


def catalogue(store: Store, manifest: Manifest) -> Catalogue:
    """All items of a stored release."""
    parts = opened(manifest, store.local_file)
    with closing(parts.catalog):
        rows = np.flatnonzero(~parts.dead).tolist()
        return Catalogue(parts.catalog.items(rows), parts.index.vectors(rows))


def check_items(
    live: Catalogue, wanted: Expected, vectors: Mapping[str, npt.NDArray[np.float32]], found: Findings
) -> None:
    """Each item that the log leaves is there once, with its price and the vector of its photo; no other is."""
    counts = Counter(item.image_id for item in live.items)
    found.wrong_items += [f"{image_id} is {n} times in the catalogue" for image_id, n in counts.items() if n > 1]
    found.wrong_items += [f"{image_id} is not in the catalogue" for image_id in wanted.prices.keys() - counts.keys()]
    for item, vector in zip(live.items, live.vectors, strict=True):
        if item.image_id not in wanted.prices:
            found.wrong_items.append(f"{item.image_id} is in the catalogue, although it was removed or rejected")
        elif item.price != wanted.prices[item.image_id]:
            price = wanted.prices[item.image_id]
            found.wrong_items.append(f"{item.image_id} has the price {item.price}; the log says {price}")
        elif (cosine := float(vector @ vectors[item.image_id])) < _SAME_PHOTO:
            found.wrong_items.append(f"{item.image_id} has another photo: the cosine is {cosine:.3f}")


def _check_log(log: Sequence[Entry], writers: int, changes: int, found: Findings) -> None:
    """Each batch is there; those of drops once."""
    planned = Counter(_text(step.changes) for number in range(writers) for step in steps(number, changes))
    written = Counter(_text(entry.lines) for entry in log)
    missing = planned - written
    found.wrong_log += [f"{text} is {n} times too few in the log" for text, n in missing.items()]
    dropped = Counter(entry.header.batch.split(" ")[0] for entry in log if entry.header is not None)
    found.wrong_log += [
        f"{key} is {n} times in the log" for key, n in dropped.items() if key.startswith(DROPS) and n > 1
    ]


def _text(changes: Sequence[object]) -> str:
    return "; ".join(str(change) for change in changes)


def _check_notes(store: Store, wanted: Expected, found: Findings) -> None:
    """What cannot be applied has a reason, and nothing else has one."""
    noted: set[tuple[int, int]] = set()
    for key in store.keys(f"{REJECTED}changes/"):
        noted |= rejected_lines(store.read(key))
    found.wrong_notes += [f"entry {entry}, line {line} has no reason" for entry, line in wanted.rejected - noted]
    found.wrong_notes += [f"entry {entry}, line {line} applies, but has one" for entry, line in noted - wanted.rejected]


def _embedding(model: Model, manifest: Manifest, seed: int) -> npt.NDArray[np.float32]:
    pixels = load_rgb(drawn(seed), manifest.preprocessing)
    vector: npt.NDArray[np.float32] = model.run(normalise(pixels[np.newaxis], manifest.preprocessing)).embedding[0]
    return vector
