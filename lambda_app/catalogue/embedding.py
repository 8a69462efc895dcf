"""Embeds the photos of new rows, as serving embeds those of requests."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.errors import MissingObjectError, PhotoError
from lambda_app.likeness.fingerprint import fingerprint_of
from lambda_app.likeness.table import Fingerprint
from lambda_app.model.session import Model
from lambda_app.photo.preprocessing import load_photo, normalise
from lambda_app.photo.rules import PhotoLimits, Preprocessing
from lambda_app.store.contract import Store

_READERS = 8
# Photos that are read ahead of the network, and those that it takes at once. More at once are not faster.
_AHEAD, _BATCH = 32, 8


@dataclass(frozen=True)
class Embedded:
    """What is kept of a photo.

    Attributes:
        vector: the embedding, float32 (d,), L2-normalised.
        fingerprint: uint8 (197,).
        category: index of the predicted category.
    """

    vector: npt.NDArray[np.float32]
    fingerprint: Fingerprint
    category: int


_Loaded = tuple[npt.NDArray[np.uint8], Fingerprint]


def embedded(
    keys: Sequence[str], store: Store, model: Model, preprocessing: Preprocessing, limits: PhotoLimits
) -> Iterator[Embedded | str]:
    """What is kept of each photo, or in words why it cannot be used; in the order given.

    Args:
        keys: store keys of photos.
        store: where they are.
        model: the release's; `preprocessing` likewise.
        limits: of a photo.

    Raises:
        StoreError: the store does not answer.
    """

    def loaded(key: str) -> _Loaded | str:
        try:
            photo = load_photo(store.read(key), preprocessing, limits)
            return photo.square, fingerprint_of(photo.overview)
        except MissingObjectError:
            return f"the store has no photo {key[:200]!r}"
        except PhotoError as exc:
            return f"the photo {key[:200]!r} cannot be used: {exc}"

    with ThreadPoolExecutor(_READERS, thread_name_prefix="photos") as pool:
        for start in range(0, len(keys), _AHEAD):
            photos = list(pool.map(loaded, keys[start : start + _AHEAD]))
            for first in range(0, len(photos), _BATCH):
                yield from _run(photos[first : first + _BATCH], model, preprocessing)


def _run(photos: Sequence[_Loaded | str], model: Model, preprocessing: Preprocessing) -> Iterator[Embedded | str]:
    sound = [photo[0] for photo in photos if not isinstance(photo, str)]
    outputs = model.run(normalise(np.stack(sound), preprocessing)) if sound else None
    found = zip(outputs.embedding, outputs.logits, strict=True) if outputs else iter(())
    for photo in photos:
        if isinstance(photo, str):
            yield photo
            continue
        vector, logits = next(found)
        if np.isfinite(vector).all():
            yield Embedded(vector, photo[1], int(logits.argmax()))
        else:
            yield "the network's output for the photo is not finite"


class LazyModel:
    """A release's model, opened when the first photo needs it: changes of prices need none."""

    def __init__(self, opened: Callable[[], Model]) -> None:
        """Open it by this function."""
        self._open = opened
        self._model: Model | None = None

    def get(self) -> Model:
        """The model, opened once.

        Raises:
            ReleaseError: it cannot be opened.
        """
        if self._model is None:
            self._model = self._open()
        return self._model
