"""Seeded synthetic vectors with the structure of a marketplace's embeddings, generated in blocks to save memory.

The vectors form a hierarchy: category, kind, product, photo. Each level is a Gaussian around the level above, in 24
main dimensions with falling scale and 232 more with a decaying tail. The vectors are then rotated and L2-normalised.
The scales were fitted to an embedding trained on the sample catalogue (3,200 photos, 13 categories, two photos per
product):

| | trained | synthetic, 3,200 photos |
|---|---|---|
| dimensions for 50, 80, 90, 95, 99 % of the variance | 8, 16, 20, 24, 59 | 7, 16, 21, 23, 52 |
| median cosine of the 1st, 2nd, 10th, 100th neighbour | 0.94, 0.89, 0.77, 0.46 | 0.95, 0.86, 0.73, 0.52 |
| intrinsic dimension from the 20 nearest (Levina and Bickel 2005) | 5.6 | 7.4 |

The number of kinds grows with the square root of the catalogue, like a vocabulary with its text (Heaps' law). The share
of a kind is proportional to the inverse square root of its rank.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.search.vectors import unit

DIM = 256
CATEGORIES = 13
PHOTOS_A_PRODUCT = 2
BLOCK = 65_536  # photos that are generated at once

_MAIN_DIMS = 24
_KINDS_SCALE = 0.7  # kinds per category = this times the square root of the number of photos
_KIND_SPREAD = 0.9
_PRODUCT_SPREAD = 0.5
_PHOTO_SPREAD = 0.3
_TAIL_SPREAD = 0.7  # standard deviation of products around zero, and of photos around their product

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SyntheticCatalogue:
    """Photos of a synthetic marketplace.

    Attributes:
        count: number of photos; the two photos of a product are adjacent rows.
        seed: the same count and seed give the same vectors.
        rotation: seed of the rotation; None: as `seed`. Catalogues with the same one have their variance in the same
            directions, as the embeddings of one network have.
    """

    count: int
    seed: int = 0
    rotation: int | None = None

    def blocks(self) -> Iterator[Vectors]:
        """The vectors in order: float32 (up to BLOCK, DIM), L2-normalised."""
        for start in range(0, self.count, BLOCK):
            rng = self._rng_of_block(start)
            products = self._products(rng)
            photos = self._photos(np.repeat(products, PHOTOS_A_PRODUCT, axis=0), rng)
            yield photos[: self.count - start]

    def queries(self, count: int) -> Vectors:
        """New photos of products in the catalogue: float32 (count, DIM), L2-normalised.

        The products are from the first block, which has the same distribution as every other block.
        """
        products = self._products(self._rng_of_block(0))[: self.count // PHOTOS_A_PRODUCT]
        rng = np.random.default_rng((self.seed, 2))
        return self._photos(products[rng.integers(0, len(products), count)], rng)

    def categories(self) -> npt.NDArray[np.uint16]:
        """The category of each photo: uint16 (count,)."""
        starts = range(0, self.count, BLOCK)
        kinds = np.concatenate([self._kinds_of_products(self._rng_of_block(start)) for start in starts])
        of_products = kinds // (len(self._kinds) // CATEGORIES)
        return np.repeat(of_products, PHOTOS_A_PRODUCT)[: self.count].astype(np.uint16)

    def prices(self) -> npt.NDArray[np.float64]:
        """A price for each photo, uniform in [0, 100) and independent of its vector: float64 (count,)."""
        return 100 * np.random.default_rng((self.seed, 5)).random(self.count)

    def write(self, path: Path) -> None:
        """Write the vectors as a float16 .npy file, (count, DIM): half the size; cosines change by at most 0.0005."""
        stored = np.lib.format.open_memmap(path, "w+", np.float16, (self.count, DIM))
        start = 0
        for block in self.blocks():
            stored[start : start + len(block)] = block
            start += len(block)
        stored.flush()

    def _rng_of_block(self, start: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, 1, start))

    @cached_property
    def _kinds(self) -> Vectors:
        """Centres of the kinds, ordered by category: (kinds, main dimensions)."""
        rng = np.random.default_rng((self.seed, 0))
        each = max(2, round(_KINDS_SCALE * self.count**0.5))
        categories = rng.normal(size=(CATEGORIES, 1, _MAIN_DIMS))
        kinds = categories + _KIND_SPREAD * rng.normal(size=(CATEGORIES, each, _MAIN_DIMS))
        return np.asarray(kinds.reshape(-1, _MAIN_DIMS), np.float32)

    @cached_property
    def _popularity(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Kinds by decreasing popularity, and the cumulative share of products: both (kinds,)."""
        order = np.random.default_rng((self.seed, 4)).permutation(len(self._kinds))
        shares = np.cumsum(np.arange(1, len(order) + 1) ** -0.5)
        return order, shares / shares[-1]

    @cached_property
    def _rotation(self) -> Vectors:
        """A matrix that scales each dimension and then rotates: (DIM, DIM)."""
        tail = 0.25 * np.exp(-np.arange(DIM - _MAIN_DIMS) / 40) + 0.01
        scales = np.concatenate([np.linspace(1.1, 0.8, _MAIN_DIMS), tail])
        seed = self.seed if self.rotation is None else self.rotation
        rotation, _ = np.linalg.qr(np.random.default_rng((seed, 3)).normal(size=(DIM, DIM)))
        return np.asarray(scales[:, None] * rotation, np.float32)

    def _kinds_of_products(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The kind of each product of a whole block, its first random draw: (BLOCK / PHOTOS_A_PRODUCT,)."""
        order, shares = self._popularity
        return np.asarray(order[np.searchsorted(shares, rng.random(BLOCK // PHOTOS_A_PRODUCT))])

    def _products(self, rng: np.random.Generator) -> Vectors:
        """The products of a whole block, before rotation: (BLOCK / PHOTOS_A_PRODUCT, DIM)."""
        kinds = self._kinds_of_products(rng)
        products = rng.standard_normal((len(kinds), DIM), np.float32)
        products[:, :_MAIN_DIMS] *= _PRODUCT_SPREAD
        products[:, :_MAIN_DIMS] += self._kinds[kinds]
        products[:, _MAIN_DIMS:] *= _TAIL_SPREAD
        return products

    def _photos(self, products: Vectors, rng: np.random.Generator) -> Vectors:
        """One photo of each of these products, (n, DIM), rotated and L2-normalised: (n, DIM)."""
        differences = rng.standard_normal(products.shape, np.float32)
        differences[:, :_MAIN_DIMS] *= _PHOTO_SPREAD
        differences[:, _MAIN_DIMS:] *= _TAIL_SPREAD
        return unit((products + differences) @ self._rotation)
