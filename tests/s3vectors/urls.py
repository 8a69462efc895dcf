"""Paths of the extended service: its operations, and all else, which is refused."""

from moto.s3vectors.urls import url_bases
from moto.s3vectors.urls import url_paths as url_paths_of_moto

from tests.s3vectors.responses import ExtendedS3VectorsResponse

__all__ = ["url_bases", "url_paths"]

_ADDED = ["QueryVectors", "UpdateIndexMode", "UpdateMetadataConfiguration", "PutVectorBucketDefaultIndexMode"]

url_paths = {
    **dict.fromkeys(url_paths_of_moto, ExtendedS3VectorsResponse.dispatch),
    **{f"{{0}}/{name}$": ExtendedS3VectorsResponse.dispatch for name in _ADDED},
    "{0}/(?P<unknown>.+)$": ExtendedS3VectorsResponse.dispatch,
}
