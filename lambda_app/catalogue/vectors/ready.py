"""Before a release goes live that is searched in S3 Vectors: its index is brought to it."""

import logging
from collections.abc import Callable
from dataclasses import replace

from lambda_app.catalogue.vectors.index import VectorsIndex, new_client
from lambda_app.catalogue.vectors.loading import Loaded, Loader
from lambda_app.catalogue.vectors.pacing import RATE
from lambda_app.catalogue.vectors.sending import CONNECTIONS
from lambda_app.errors import RefusedReleaseError, SettingsError
from lambda_app.release.manifest import Manifest
from lambda_app.settings import PREFIX, Settings
from lambda_app.store.contract import Store

log = logging.getLogger(__name__)

SecondsLeft = Callable[[], float]
# Vectors a second that are planned with: half of what may be sent, because items are read too, and answers take time.
PLANNED = RATE / 2


def check_bucket(manifest: Manifest, settings: Settings) -> None:
    """Check early, before a release is stored and tried, that there is a vector bucket if it is searched in one.

    Raises:
        RefusedReleaseError: none is set. Another try would fail too.
    """
    if manifest.searched_by(settings.search) == "s3vectors" and not settings.vector_bucket:
        raise RefusedReleaseError(_no_bucket(manifest))


def _no_bucket(manifest: Manifest) -> str:
    return f"{manifest.release} is searched in S3 Vectors, and no vector bucket is set; set {PREFIX}VECTOR_BUCKET"


def bring_index(
    store: Store, manifest: Manifest, settings: Settings, seconds_left: SecondsLeft | None = None
) -> Loaded | None:
    """Bring the index of a stored release to its catalogue; None if it is not searched in S3 Vectors.

    Args:
        store: where the release and the state of the index are.
        manifest: of the release.
        settings: which engine searches, and in which vector bucket.
        seconds_left: the time that is left for it; None: no limit.

    Raises:
        SettingsError: no vector bucket is set, or the index has other settings.
        RefusedReleaseError: there is not enough time; nothing of the index was changed.
        StoreError: the store or the service does not answer, or another loader is at work; another call goes on.
    """
    if manifest.searched_by(settings.search) != "s3vectors":
        return None
    if not settings.vector_bucket:
        raise SettingsError(_no_bucket(manifest))
    most = None if seconds_left is None else max(0, int(seconds_left() * PLANNED))
    loader = replace(Loader(store), most=most)
    index = VectorsIndex.of_model(new_client(CONNECTIONS), settings.vector_bucket, manifest.model.sha256)
    done = loader.bring(index, manifest)
    log.info("%s holds the %d items of %s: %d put, %d deleted", index, done.count, done.release, done.put, done.deleted)
    return done
