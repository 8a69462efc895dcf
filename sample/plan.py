"""The plan of a catalogue: its products and photos, without drawing them."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

MIN_PHOTOS = 60
ONE_PHOTO_IN = 10  # one product in ten has a single photo, but none of the first few
FIRST_SINGLE = 17


@dataclass(frozen=True)
class Plan:
    """A catalogue with `photos` intact photos. Products 0, 1, ... have two photos each, except one product in ten.

    Numbers from `products` on belong to broken rows and photos (see `sample.mess`).

    Raises:
        ValueError: fewer than MIN_PHOTOS photos, which cannot contain every kind of error and every category.
    """

    photos: int
    seed: int

    def __post_init__(self) -> None:
        if self.photos < MIN_PHOTOS:
            raise ValueError(f"{self.photos} photos asked for; a catalogue has at least {MIN_PHOTOS}")

    @property
    def products(self) -> int:
        """The number of products."""
        number = self.photos // 2
        while _photos_before(number) < self.photos:
            number += 1
        return number

    def shots(self, number: int) -> int:
        """The number of photos of product `number`: 1 or 2."""
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
    """The number of photos of products 0 to number - 1, if all are included."""
    return 2 * number - max(0, (number - FIRST_SINGLE - 1) // ONE_PHOTO_IN + 1)
