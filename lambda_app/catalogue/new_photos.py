"""Embeds the photos of the rows that a draft adds."""

from collections.abc import Callable, Iterable, Sequence

from lambda_app.catalogue.draft import Draft, NewRow
from lambda_app.catalogue.embedding import Embedded

# A photo as an entry of the log names it: a later entry may mean other bytes under the same key.
Photo = tuple[str, int]


class NewPhotos:
    """The photos of new rows, each embedded once, also if the changes are applied again."""

    def __init__(self, embed: Callable[[Sequence[str]], Iterable[Embedded | str]]) -> None:
        """Embed by this function, which takes store keys."""
        self._embed = embed
        self._known: dict[Photo, Embedded | str] = {}

    def of(self, draft: Draft) -> dict[str, Embedded]:
        """The photos of the added rows that take over no vector, by image id.

        Rows whose photo cannot be used are taken back, which may bring back rows whose photos are needed then.
        """
        found: dict[str, Embedded] = {}
        while wanted := [new for new in draft.added.values() if new.row is None and new.item.image_id not in found]:
            unknown = list(dict.fromkeys(_photo(new) for new in wanted if _photo(new) not in self._known))
            self._known.update(zip(unknown, self._embed([key for key, _ in unknown]), strict=True))
            for new in wanted:
                photo = self._known[_photo(new)]
                if isinstance(photo, str):
                    draft.reject(new.item.image_id, photo)
                else:
                    found[new.item.image_id] = photo
        return found


def _photo(new: NewRow) -> Photo:
    return new.item.photo, new.entry
