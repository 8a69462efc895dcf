"""Inspection of the segments of a release together, before it may go live."""

from lambda_app.errors import ReleaseError
from lambda_app.release.manifest import Manifest
from lambda_app.release.segments.live_rows import LiveRows
from lambda_app.search.local.engine import Segments

_BLOCK = 10_000


def check_live_ids(manifest: Manifest, parts: Segments) -> None:
    """Check that no image id has live rows in two segments. Within one, `inspect_catalog` has checked it.

    Raises:
        ReleaseError: an image id has two live rows; the message names it.
    """
    hidden = None if parts.dead is None else parts.dead.mask(manifest.rows)
    live = LiveRows.without([catalog.count for catalog in parts.catalogs], hidden)
    for later, catalog in enumerate(parts.catalogs[1:], start=1):
        for start in range(0, catalog.count, _BLOCK):
            rows = [row for row in range(start, min(start + _BLOCK, catalog.count)) if live.is_live(later, row)]
            ids = [item.image_id for item in catalog.items(rows, described=False)]
            for earlier, other in enumerate(parts.catalogs[:later]):
                twice = [row for row in other.rows_of(ids, []) if live.is_live(earlier, row)]
                if twice:
                    raise ReleaseError(
                        f"image id {other.items(twice[:1])[0].image_id[:80]!r} has a live row in segment {earlier} and "
                        f"another in segment {later}"
                    )
