"""Puts the catalogue of a release into the test's index, without the loader."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.table import Fingerprint
from lambda_app.release.catalog import CatalogItem
from lambda_app.search.s3vectors.schema import MOST_PUT, index_name, index_settings, metadata_of


def fill(
    client: Any,
    bucket: str,
    model_sha256: str,
    items: Sequence[CatalogItem],
    vectors: npt.NDArray[np.float32],
    fingerprints: Sequence[Fingerprint] | None = None,
) -> str:
    """Create the index of a model with items as rows 0, 1, ...; returns its name."""
    name = index_name(model_sha256)
    where = {"vectorBucketName": bucket, "indexName": name}
    client.create_index(**where, **index_settings(vectors.shape[1]))
    put = [
        {
            "key": item.image_id,
            "data": {"float32": vectors[row].tolist()},
            "metadata": metadata_of(row, item, None if fingerprints is None else fingerprints[row]),
        }
        for row, item in enumerate(items)
    ]
    for start in range(0, len(put), MOST_PUT):
        client.put_vectors(**where, vectors=put[start : start + MOST_PUT])
    return name
