"""The reference of a changed catalogue, with which the photos of shoppers are compared for finding drift."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambda_app.catalogue.building import Opened
from lambda_app.catalogue.draft import Draft
from lambda_app.catalogue.embedding import Embedded
from lambda_app.release.manifest import Manifest
from lambda_app.release.reference import Reference
from lambda_app.search.reference import rederived


@dataclass(frozen=True)
class Followed:
    """What of the changes matters to the reference.

    Attributes:
        added: image id and index of the predicted category of each new photo.
        removed: whether photos are gone, or have been replaced.
    """

    added: tuple[tuple[str, int], ...]
    removed: bool

    def reference(self, made: Manifest, after: Opened) -> Reference | None:
        """The reference of the release; that of the one before if no photo came or went, because its figures stay.

        Args:
            made: the release, with the reference of the one that it was made from.
            after: its catalogue.
        """
        if made.reference is None or not (self.added or self.removed):
            return made.reference
        return rederived(made.reference, after.index, after.catalog, self.added)


def followed(draft: Draft, photos: Mapping[str, Embedded]) -> Followed:
    """What of a draft matters to the reference. `photos`: those of its new rows, by image id."""
    added = tuple((image_id, photos[image_id].category) for image_id, new in draft.added.items() if new.row is None)
    kept = sum(new.row is not None for new in draft.added.values())
    return Followed(added, removed=len(draft.dead) > kept)
