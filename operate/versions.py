"""The versions of the keys of a versioned bucket: which one was current at a moment, and which one is now.

S3 counts in whole seconds. The functions get the boto3 client that they need as a parameter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any


@dataclass(frozen=True)
class Version:
    """One version of a key, or the mark of its deletion.

    Attributes:
        written: when it became current.
        etag: None if this marks a deletion; `size` is 0 then.
    """

    id: str
    written: datetime
    latest: bool
    etag: str | None
    size: int

    @property
    def deletes(self) -> bool:
        """Whether the key did not exist while this version was current."""
        return self.etag is None


@dataclass(frozen=True)
class KeyHistory:
    """All versions of a key that the bucket still has, newest first."""

    key: str
    versions: tuple[Version, ...]

    @property
    def now(self) -> Version | None:
        """The version that a read gets; None if the key is deleted."""
        newest = next((one for one in self.versions if one.latest), self.versions[0])
        return None if newest.deletes else newest

    def at(self, moment: datetime) -> Version | None:
        """The version that a read got at a moment; None if it got none, or if the bucket no longer has the version.

        If a key was written and deleted within the same second, it is the written version.
        """
        known = next((one for one in self.versions if one.written <= moment), None)
        return None if known is None or known.deletes else known

    def lost(self, moment: datetime) -> bool:
        """Whether the key was there at a moment, and the bucket no longer has what it was.

        Then the oldest version that is left is a deletion after that moment: what was deleted has expired.
        """
        oldest = self.versions[-1]
        return oldest.deletes and oldest.written > moment


def histories(s3: Any, bucket: str, prefix: str) -> Iterator[KeyHistory]:
    """The keys that begin with `prefix`, sorted, page by page: a data set may have hundreds of thousands.

    Args:
        s3: a client of S3.
    """
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    # A key's versions may go on in the next page. They are next to each other, because both pages are sorted by key.
    for key, found in groupby((pair for page in pages for pair in _of_page(page)), key=lambda pair: pair[0]):
        newest_first = sorted((version for _, version in found), key=lambda one: one.written, reverse=True)
        yield KeyHistory(key, tuple(newest_first))


def _of_page(page: dict[str, Any]) -> list[tuple[str, Version]]:
    # Versions before marks: of two in the same second, the stable sorts leave the version first.
    found = [
        (
            one["Key"],
            Version(one["VersionId"], one["LastModified"], one["IsLatest"], one.get("ETag"), one.get("Size", 0)),
        )
        for kind in ("Versions", "DeleteMarkers")
        for one in page.get(kind, ())
    ]
    return sorted(found, key=lambda pair: pair[0])
