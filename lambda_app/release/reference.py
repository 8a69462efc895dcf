"""The reference of a release: what the network says about photos that it was not trained on, for finding drift.

Photos that shoppers send are compared with it. It is a table of held-out photos of the catalogue, each sent as a query,
and the centroids of the catalogue's embeddings. The nearest centroid of an embedding is its cell. A cell is logged in
place of the embedding: one of 64 says what kind of photo it was, but not what it showed.
"""

import base64
import binascii
from functools import cached_property
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_CELLS = 64
MOST_PHOTOS = 1_000
# Of a base64 text: 64 centroids of 256 dimensions take 44 kB. A manifest has at most 1 MiB.
MOST_CENTROID_BYTES = 262_144
MOST_ID_LENGTH = 200
_BYTES = 2  # of a float16
_Whole = Annotated[int, Field(strict=True, ge=0)]
_Cosine = Annotated[float, Field(ge=-1.001, le=1.001, allow_inf_nan=False)]
_Columns = Annotated[tuple[_Whole, ...], Field(max_length=MOST_PHOTOS)]


class Reference(BaseModel):
    """Held-out photos of the catalogue as queries. The tuples are the columns of a table: one entry for each photo.

    Attributes:
        dim: d, dimension of the embedding.
        centroids: of the catalogue's embeddings: float16 (c, d), little-endian, as base64. They stay while the model
            stays, so that the cells of two catalogues can be compared.
        photos: image ids.
        products: a number for each product, so that photos of one product can be told.
        categories: index of the predicted category.
        cells: index of the nearest centroid.
        scores: highest cosine to another photo of the catalogue.
        known: 1 if the catalogue has another photo of the product, else 0.
    """

    model_config = ConfigDict(frozen=True)

    dim: int = Field(strict=True, ge=1)
    centroids: str = Field(min_length=4, max_length=MOST_CENTROID_BYTES)
    photos: tuple[Annotated[str, Field(min_length=1, max_length=MOST_ID_LENGTH)], ...] = Field(
        min_length=1, max_length=MOST_PHOTOS
    )
    products: _Columns
    categories: _Columns
    cells: _Columns
    scores: tuple[_Cosine, ...] = Field(max_length=MOST_PHOTOS)
    known: tuple[Annotated[int, Field(strict=True, ge=0, le=1)], ...] = Field(max_length=MOST_PHOTOS)

    @model_validator(mode="after")
    def _consistent(self) -> "Reference":
        lengths = {
            name: len(getattr(self, name)) for name in ("photos", "products", "categories", "cells", "scores", "known")
        }
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns have different lengths: {lengths}")
        centroids = decoded(self.centroids, self.dim)
        if not 1 <= len(centroids) <= MOST_CELLS:
            raise ValueError(f"there are {len(centroids)} centroids; 1 to {MOST_CELLS} are possible")
        if not np.isfinite(centroids).all():
            raise ValueError("a centroid is not finite")
        if max(self.cells) >= len(centroids):
            raise ValueError(f"a photo is in cell {max(self.cells)}; there are {len(centroids)} centroids")
        return self

    @cached_property
    def centroid_vectors(self) -> npt.NDArray[np.float32]:
        """The centroids, float32 (c, d)."""
        return decoded(self.centroids, self.dim)

    def cell(self, embedding: npt.NDArray[np.float32]) -> int:
        """The cell of an embedding, float32 (d,)."""
        return cell_of(embedding, self.centroid_vectors)


def cell_of(embedding: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32]) -> int:
    """The index of the centroid with the highest cosine.

    Args:
        embedding: float32 (d,).
        centroids: float32 (c, d), L2-normalised.
    """
    return int((centroids @ embedding).argmax())


def encoded(vectors: npt.NDArray[np.float32]) -> str:
    """Vectors, float32 (c, d), as a text of a manifest: float16, little-endian, base64."""
    return base64.b64encode(vectors.astype("<f2").tobytes()).decode()


def decoded(text: str, dim: int) -> npt.NDArray[np.float32]:
    """The vectors of a text: float32 (c, d).

    Raises:
        ValueError: the text is not base64, or does not hold whole vectors.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError(f"the vectors are not base64: {exc}") from exc
    if not data or len(data) % (_BYTES * dim):
        raise ValueError(f"the vectors have {len(data)} bytes, which is no multiple of {_BYTES} x {dim}")
    return np.frombuffer(data, "<f2").reshape(-1, dim).astype(np.float32)


def most_centroids(dim: int) -> int:
    """How many centroids of a dimension a reference may hold: 64, fewer above 1,536 dimensions."""
    return max(1, min(MOST_CELLS, MOST_CENTROID_BYTES // 4 * 3 // (_BYTES * dim)))
