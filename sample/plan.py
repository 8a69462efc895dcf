"""The plan of a catalogue: which products and photos there are, known without drawing any."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

MIN_PHOTOS = 60
ONE_PHOTO_IN = 10  # one product in ten has a single photo, none of the first few
FIRST_SINGLE = 17


@dataclass(frozen=True)
class Plan:
    """A catalogue of `photos` sound photos: products 0, 1, ... in turn, two photos each but for one product in ten.

    Numbers from `products` on belong to things of which something is wrong (see `sample.mess`).
    Raises ValueError below MIN_PHOTOS photos: a smaller catalogue could not hold every kind of mess in every category.
    """

    photos: int
    seed: int

    def __post_init__(self) -> None:
        if self.photos < MIN_PHOTOS:
            raise ValueError(f"{self.photos} photos asked for; a catalogue has at least {MIN_PHOTOS}")

    @property
    def products(self) -> int:
        """How many products the photos make."""
        number = self.photos // 2
        while _photos_before(number) < self.photos:
            number += 1
        return number

    def shots(self, number: int) -> int:
        """How many photos product `number` has: 1 or 2."""
        return min(_photos_before(number + 1), self.photos) - _photos_before(number)

    def product_id(self, number: int) -> str:
        """The id of product `number`, as a UUID."""
        return self._id(f"product/{number}")

    def image_id(self, number: int, shot: int) -> str:
        """The id of photo `shot` (0 or 1) of product `number`, as a UUID."""
        return self._id(f"image/{number}/{shot}")

    def image_ids(self, number: int) -> Iterator[str]:
        """The ids of the product's photos, in order."""
        return (self.image_id(number, shot) for shot in range(self.shots(number)))

    def _id(self, name: str) -> str:
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))


def _photos_before(number: int) -> int:
    """How many photos the products 0 to number - 1 have when none is left out."""
    return 2 * number - max(0, (number - FIRST_SINGLE - 1) // ONE_PHOTO_IN + 1)
