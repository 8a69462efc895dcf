"""Drops as a compromised training job could make them: sound but for one change, with every checksum right."""

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lambda_app.release.manifest import file_entry
from tests.crafted import catalogs, indexes, networks, words

Raw = dict[str, Any]
PARTS = ("model", "index", "catalog")


@dataclass(frozen=True)
class Crafted:
    """A crafted drop.

    Attributes:
        name: what is wrong with it.
        file: the file that `change` gets the path of; None: the manifest alone.
        change: changes the file, the manifest's raw JSON, or both.
        says: pattern of the reason for which it must be refused.
        inverted: whether it is made of the release with an inverted file.
    """

    name: str
    file: str | None
    change: Callable[[Path, Raw], None]
    says: str
    inverted: bool = False


def archive(crafted: Crafted, base: Path, target: Path, release: str) -> Path:
    """The archive of a crafted drop.

    Args:
        base: folder of a sound release.
        target: empty folder for the changed files.
        release: its id.
    """
    raw: Raw = json.loads((base / "manifest.json").read_bytes()) | {"release": release}
    raw["created_at"] = "2026-11-02T00:00:00Z"
    for part in PARTS:
        name = raw[part]["file"]
        (target / name).write_bytes((base / name).read_bytes())
    crafted.change(target / (crafted.file or "manifest.json"), raw)
    for part in PARTS:
        raw[part] |= file_entry(target / raw[part]["file"])
    path = target / "drop.tar"
    with tarfile.open(path, "w") as tar:
        data = json.dumps(raw).encode()
        member = tarfile.TarInfo("manifest.json")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
        for part in PARTS:
            tar.add(target / raw[part]["file"], raw[part]["file"])
    return path


def _manifest(*keys: str, value: Any) -> Callable[[Path, Raw], None]:
    def change(path: Path, raw: Raw) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        raw[keys[-1]] = value

    return change


def _one_more(path: Path, raw: Raw) -> None:
    raw["index"]["count"] += 1
    raw["catalog"]["count"] += 1


def _bytes(data: bytes) -> Callable[[Path, Raw], None]:
    def change(path: Path, raw: Raw) -> None:
        path.write_bytes(data)

    return change


def _network(write: Callable[[Path], None]) -> Callable[[Path, Raw], None]:
    return lambda path, raw: write(path)


NOT_FINITE = r"not finite"
MANIFESTS = (
    Crafted("no smoke case", None, _manifest("smoke", value=[]), "has no smoke case"),
    Crafted("one row more", None, _one_more, "index.faiss|catalog.sqlite holds"),
    Crafted("a division by zero", None, _manifest("preprocessing", "std", value=[0, 0, 0]), NOT_FINITE),
    Crafted("a mean that is not a number", None, _manifest("preprocessing", "mean", value=[float("nan")] * 3), "mean"),
    Crafted(
        "a tiny temperature", None, _manifest("model", "temperature", value=1e-320), "fails its smoke cases|not finite"
    ),
    Crafted("a huge photo", None, _manifest("preprocessing", "size", value=1024), "does not take photos of 1024"),
    Crafted("nprobe 0", None, indexes.searched_with(nprobe=0), "nprobe is 0; it takes 1 to"),
    Crafted("negative factor", None, indexes.searched_with(factor=-1), "factor is -1; it takes 1 to 1,000"),
    Crafted(
        "a huge number", None, indexes.searched_with(nprobe=1 << 62), "nprobe is 4611686018427387904", inverted=True
    ),
    Crafted("nprobe 0 of lists", None, indexes.searched_with(nprobe=0), "nprobe is 0; it takes 1 to", inverted=True),
    Crafted("a huge factor", None, indexes.searched_with(factor=10**9), "factor is 1000000000", inverted=True),
    Crafted("another type", None, _manifest("index", "type", value="ivf-int8"), "not|manifest says ivf-int8"),
)
NETWORKS = (
    *(
        Crafted(write.__name__.replace("_", " "), "model.onnx", _network(write), says)
        for write, says in (
            (networks.nan_weights, NOT_FINITE),
            (networks.nan_embedding, NOT_FINITE),
            (networks.infinite_logits, NOT_FINITE),
            (networks.long_embedding, "length 100|fails its smoke cases"),
            (networks.zero_embedding, "length 0.000|fails its smoke cases"),
            (networks.endless_loop, "a forward pass took longer than 1 s"),
            (networks.growing_loop, r"needed more than [\d,]+ MB|longer than 1 s"),
            (networks.huge_expand, r"needed more than [\d,]+ MB"),
            (networks.huge_constant, r"needed more than [\d,]+ MB"),
            (networks.weights_beside, "does not load as an ONNX model"),
            (networks.other_input, r"inputs \['pictures'\]"),
            (networks.other_size, "does not take photos of 32 x 32"),
            (networks.lying_shape, "not a fixed number|does not answer"),
            (networks.unknown_operator, "does not load as an ONNX model"),
        )
    ),
    Crafted("no network", "model.onnx", _bytes(b"\0" * 1000), "does not load as an ONNX model"),
    Crafted("an empty network", "model.onnx", _bytes(b""), "does not load as an ONNX model|no Op|inputs"),
)
INDEXES = (
    Crafted("a NaN vector", "index.faiss", indexes.with_vectors(indexes.set_to(np.nan)), "row 3 is not finite"),
    Crafted("an infinite vector", "index.faiss", indexes.with_vectors(indexes.set_to(np.inf)), "row 3 is not finite"),
    Crafted("a long vector", "index.faiss", indexes.with_vectors(indexes.set_to(100.0)), "row 3 has length 100"),
    Crafted(
        "a missing vector", "index.faiss", indexes.with_vectors(lambda found: found[:-1]), "manifest says|expected"
    ),
    Crafted("L2 distances", "index.faiss", indexes.of_squared_distance, "metric"),
    Crafted("a graph", "index.faiss", indexes.graph, "IndexHNSWFlat"),
    Crafted("ids of its own", "index.faiss", indexes.with_own_ids, "IndexIDMap"),
    Crafted("a cut index", "index.faiss", indexes.cut, "not a FAISS index"),
    Crafted("an empty index", "index.faiss", _bytes(b""), "not a FAISS index"),
    Crafted("a huge header", "index.faiss", indexes.huge_count, "not a FAISS index|needed more than|expected"),
    *(
        Crafted(name, "index.faiss", indexes.inverted(change), says, inverted=True)
        for name, change, says in (
            ("an id far out of range", indexes.first_id(1 << 40), "list 0 holds rows"),
            ("an id just out of range", indexes.first_id(200), "list 0 holds rows"),
            ("a negative id", indexes.first_id(-1000), "list 0 holds rows"),
            ("an id twice", indexes.first_id(-1), "is in no list, and another row is in two"),
            ("a row in no list", indexes.one_row_less, "its lists hold 199 rows"),
            ("a NaN projection", indexes.nan_projection, "weights that are not finite"),
            ("a NaN centroid", indexes.nan_centroid, "centroids are not finite"),
            ("too few centroids", indexes.too_few_centroids, "centroids"),
            ("a NaN code", indexes.nan_codes, "row 0 is not finite"),
        )
    ),
    Crafted(
        "candidates by own ids", "index.faiss", indexes.candidates_with_own_ids, "candidates come from", inverted=True
    ),
)
CATALOGS = tuple(
    Crafted(name, "catalog.sqlite", change, says)
    for name, change, says in (
        ("a view", catalogs.as_view("SELECT * FROM hidden"), "holds the view 'items'"),
        ("an endless view", catalogs.as_view(catalogs.ENDLESS), "holds the view 'items'"),
        (
            "a trigger",
            catalogs.statements("CREATE TRIGGER evil AFTER INSERT ON items BEGIN SELECT 1; END"),
            "holds the trigger 'evil'",
        ),
        (
            "a virtual table",
            catalogs.statements("CREATE VIRTUAL TABLE search USING fts5(title)"),
            "holds the table 'search'",
        ),
        (
            "a computed column",
            catalogs.statements("ALTER TABLE items ADD COLUMN evil TEXT AS (title || title)"),
            "computes column 'evil'",
        ),
        ("no index of ids", catalogs.statements("DROP INDEX items_image_id"), "needs a unique index of image_id"),
        ("no table", catalogs.statements("ALTER TABLE items RENAME TO other"), "not a catalog|no table 'items'"),
        ("no photo column", catalogs.statements("ALTER TABLE items DROP COLUMN photo"), "no column 'photo'"),
        ("a missing row", catalogs.statements("DELETE FROM items WHERE row = 5"), "holds 39 rows from 0 to 39"),
        (
            "rows from 1",
            catalogs.statements("UPDATE items SET row = row + 100", "UPDATE items SET row = row - 99"),
            "from 1 to 40",
        ),
        ("an infinite price", catalogs.statements("UPDATE items SET price = 9e999 WHERE row = 3"), "price is inf"),
        (
            "a text as price",
            catalogs.statements("UPDATE items SET price = 'cheap' WHERE row = 3", loose=True),
            "price is 'cheap'",
        ),
        (
            "bytes as title",
            catalogs.statements("UPDATE items SET title = x'00ff' WHERE row = 3", loose=True),
            "title is b'",
        ),
        (
            "no category",
            catalogs.statements("UPDATE items SET category = NULL WHERE row = 3", loose=True),
            "category is None",
        ),
        (
            "text that is no UTF-8",
            catalogs.statements("UPDATE items SET title = CAST(x'ff41' AS TEXT) WHERE row = 3"),
            "UTF-8",
        ),
        (
            "a long title",
            catalogs.statements("UPDATE items SET title = printf('%.*c', 20971520, 'x') WHERE row = 3"),
            "a title of 20,971,520 bytes; the limit is 65,536",
        ),
        *(
            (f"photo {key}", catalogs.photo(key), "row 3: photo is '.*'; a photo has a key datasets/")
            for key in (
                "live.json",
                "releases/20261101-120000-00000000/manifest.json",
                "objects/00",
                "uploads/0",
                "/etc/passwd",
                "datasets/../live.json",
                "datasets/sample/../../live.json",
                "datasets//live.json",
                "datasets/x",
                "datasets/sample/a\\b",
                "",
            )
        ),
        ("short columns", catalogs.columns(lambda n, c, p: (n, c[:-1], p[:-1])), "its columns hold 39"),
        ("columns that differ", catalogs.columns(lambda n, c, p: (n, c, p[:-1])), "columns cannot be read"),
        ("a wrong category", catalogs.columns(lambda n, c, p: (n, c[::-1], p)), "the filter columns say category"),
        ("a category without name", catalogs.columns(lambda n, c, p: (n, c + 100, p)), "say category None"),
        ("a wrong price", catalogs.columns(lambda n, c, p: (n, c, p + 1)), "the filter columns say"),
        ("NaN prices", catalogs.columns(lambda n, c, p: (n, c, p * np.nan)), "and price nan"),
        ("names that are none", catalogs.columns(lambda n, c, p: (7, c, p)), "columns cannot be read"),
        ("no columns", catalogs.statements("DELETE FROM columns"), "columns cannot be read"),
        ("damaged pages", catalogs.damaged_pages, "damaged|malformed|cannot be read"),
        ("an index of other rows", catalogs.wrong_index, "damaged"),
        *words.INDEXES,
        ("no database", _bytes(b"no database" * 1000), "cannot be read as a catalog|not a catalog"),
        ("an empty file", _bytes(b""), "no table 'items'"),
    )
)
DROPS = (*MANIFESTS, *NETWORKS, *INDEXES, *CATALOGS)
