"""The evaluation report of a release, which stands beside its manifest."""

from lambda_app.errors import LookalikeError, MissingObjectError
from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest
from lambda_app.store.contract import RELEASES, Store

REPORT_PAGE = "report/report.html"
# A release that came from changes of the catalogue has no report of its own. So many of its ancestors are looked at.
MOST_ANCESTORS = 50


def read_report(store: Store, manifest: Manifest) -> bytes | None:
    """The report of a release as HTML: its own, or that of the nearest ancestor that has one. None if there is none."""
    for _ in range(1 + MOST_ANCESTORS):
        try:
            return store.read(f"{RELEASES}{manifest.release}/{REPORT_PAGE}")
        except MissingObjectError:
            if manifest.parent is None:
                return None
        try:
            manifest = read_manifest(store.read(f"{RELEASES}{manifest.parent}/{MANIFEST}"))
        except LookalikeError:  # pruned, or of a format that this version does not know
            return None
    return None
