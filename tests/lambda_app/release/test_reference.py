import base64
import json
from typing import Any

import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.manifest import read_manifest
from lambda_app.release.reference import (
    MOST_CENTROID_BYTES,
    MOST_PHOTOS,
    Reference,
    cell_of,
    decoded,
    encoded,
    most_centroids,
)
from tests.lambda_app.release.test_manifest import read

CENTROIDS = np.eye(2, 256, dtype=np.float32)
REFERENCE: dict[str, Any] = {
    "dim": 256,
    "centroids": encoded(CENTROIDS),
    "photos": ["a", "b", "c"],
    "products": [0, 0, 1],
    "categories": [0, 0, 1],
    "cells": [0, 1, 1],
    "scores": [0.9, 0.9, 0.4],
    "known": [1, 1, 0],
}


def test_a_reference_survives_writing_and_reading():
    manifest = read(reference=REFERENCE)
    reference = read_manifest(manifest.to_json()).reference
    assert reference == manifest.reference
    assert reference is not None
    assert (reference.centroid_vectors == CENTROIDS).all()


def test_a_manifest_of_an_older_release_has_none():
    assert read().reference is None
    assert "reference" not in json.loads(read().to_json())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dim": 128}, "128 dimensions, the model 256"),
        ({"dim": 100}, "1024 bytes, which is no multiple of 2 x 100"),
        ({"categories": [0, 0, 2]}, "category 2; there are 2"),
        ({"categories": [0, 0, -1]}, "greater than or equal to 0"),
        ({"categories": [0, 0]}, "different lengths"),
        ({"cells": [0, 1, 2]}, "cell 2; there are 2 centroids"),
        ({"cells": [0, 1, 1.5]}, "integer"),
        ({"scores": [0.9, 0.9, 1.2]}, "less than or equal to 1.001"),
        ({"scores": [0.9, 0.9, float("nan")]}, "finite"),
        ({"known": [1, 1, 2]}, "less than or equal to 1"),
        ({"centroids": "AAA*"}, "not base64"),
        ({"centroids": encoded(np.full((2, 256), np.inf, np.float32))}, "not finite"),
        ({"centroids": encoded(np.ones((65, 256), np.float32))}, "65 centroids; 1 to 64"),
        ({"centroids": "A" * (MOST_CENTROID_BYTES + 4)}, "at most"),
        ({"photos": ["a", "b", "x" * 201]}, "at most 200"),
        ({name: [] for name in ("photos", "products", "categories", "cells", "scores", "known")}, "at least 1"),
        ({"photos": ["a"] * (MOST_PHOTOS + 1)}, "at most 1000"),
    ],
)
def test_a_damaged_reference_is_refused(changes: dict[str, Any], named: str):
    with pytest.raises(ReleaseError, match=r"manifest\.json") as caught:
        read(reference={**REFERENCE, **changes})
    assert named in str(caught.value)


def test_the_largest_reference_leaves_room_in_a_manifest():
    many = {name: [value[0]] * MOST_PHOTOS for name, value in REFERENCE.items() if isinstance(value, list)}
    count = most_centroids(1_536)
    assert count == 64
    photos = [f"{number:0200}" for number in range(MOST_PHOTOS)]
    whole = {**REFERENCE, **many, "photos": photos, "dim": 1_536}
    whole["centroids"] = encoded(np.ones((count, 1_536), np.float32))
    assert len(json.dumps(Reference.model_validate(whole).model_dump(), indent=1)) < 600_000


def test_an_embedding_is_in_the_cell_of_its_nearest_centroid():
    random = np.random.default_rng(0)
    centroids = random.normal(size=(7, 5)).astype(np.float32)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    embedding = random.normal(size=5).astype(np.float32)
    embedding /= np.linalg.norm(embedding)
    assert cell_of(embedding, centroids) == np.linalg.norm(centroids - embedding, axis=1).argmin()


def test_centroids_are_float16_in_a_text():
    centroids = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    text = encoded(centroids)
    assert len(base64.b64decode(text)) == 3 * 4 * 2
    assert (decoded(text, 4) == centroids.astype(np.float16)).all()


def test_wide_embeddings_get_fewer_centroids():
    assert (most_centroids(256), most_centroids(3_072), most_centroids(500_000)) == (64, 32, 1)
