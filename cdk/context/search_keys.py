"""Context keys: where the vectors of a catalogue are searched."""

from dataclasses import dataclass

from cdk.context.regions import WITHOUT_VECTOR_BUCKETS
from cdk.context.rules import key, matching, one_of

S3_VECTORS = "s3vectors"


@dataclass(frozen=True)
class SearchKeys:
    """Where the vectors of a catalogue are searched."""

    search: str = key(
        "faiss",
        one_of("faiss", S3_VECTORS),
        "faiss: in the function, with the index of each release. s3vectors: as each release says, also in an index of "
        "Amazon S3 Vectors, and the stack makes a vector bucket",
    )
    vector_bucket: str | None = key(
        None,
        matching(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "the name of a vector bucket of this account and region"),
        "use this vector bucket instead of making one; requires search=s3vectors",
    )


def search_contradiction(keys: SearchKeys) -> str | None:
    """What is wrong with the keys together, in a line; None if nothing is."""
    if keys.vector_bucket and keys.search != S3_VECTORS:
        return f"context vectorBucket={keys.vector_bucket!r} is only valid with search='{S3_VECTORS}'"
    return None


def search_contradiction_in(keys: SearchKeys, region: str) -> str | None:
    """What is wrong with the keys in a region, in a line; None if nothing is."""
    if keys.search == S3_VECTORS and keys.vector_bucket is None and region in WITHOUT_VECTOR_BUCKETS:
        return (
            f"context search='{S3_VECTORS}' is not possible in {region}: CloudFormation makes no vector buckets there; "
            "make one by hand, if S3 Vectors is there by now, and name it with vectorBucket"
        )
    return None
