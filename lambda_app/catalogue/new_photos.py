"""Embeds the photos of the rows that a draft adds."""

from collections.abc import Callable, Iterable, Sequence

from lambda_app.catalogue.draft import Draft, NewRow, Photo
from lambda_app.catalogue.embedding import Embedded


class NewPhotos:
    """The photos of new rows, each embedded once, also if the changes are applied again."""

    def __init__(self, embed: Callable[[Sequence[str]], Iterable[Embedded | str]]) -> None:
        """Embed by this function, which takes store keys."""
        self._embed = embed
        self._known: dict[Photo, Embedded | str] = {}

    def of(self, draft: Draft) -> dict[str, Embedded]:
        """The photos of the added rows that take over no vector, by image id.

        If photos cannot be used, the changes are applied again without them, which may need others.
        """
        while True:
            wanted = [new for new in draft.added.values() if new.row is None]
            unknown = list(dict.fromkeys(_photo(new) for new in wanted if _photo(new) not in self._known))
            self._known.update(zip(unknown, self._embed([key for key, _ in unknown]), strict=True))
            found = {new.item.image_id: self._known[_photo(new)] for new in wanted}
            unusable = {photo: why for photo, why in self._known.items() if isinstance(why, str)}
            if not any(isinstance(photo, str) for photo in found.values()):
                return {image_id: photo for image_id, photo in found.items() if isinstance(photo, Embedded)}
            draft.without(unusable)


def _photo(new: NewRow) -> Photo:
    return new.item.photo, new.entry
