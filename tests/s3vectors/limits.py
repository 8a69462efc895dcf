"""Limits of the service on vectors and metadata, beside those of botocore's model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.s3vectors.columns import is_number
from tests.s3vectors.exceptions import ValidationError

MOST_RESULTS = 10_000
MOST_PAYLOAD = 20 * 2**20
MOST_METADATA = 40 * 2**10
MOST_FILTERABLE = 2 * 2**10
MOST_METADATA_KEYS = 50
MOST_PAGE_BYTES = 2**20  # of ListVectors


def check_vector(values: list[float], dimension: int, metric: str, name: str) -> NDArray[np.float32]:
    """A vector as float32.

    Raises:
        ValidationError: it has another dimension, or numbers that are not finite; or it is zero and the metric cosine.
    """
    if len(values) != dimension:
        raise ValidationError(f"Invalid {name}: vector must have length {dimension}, but has length {len(values)}")
    with np.errstate(over="ignore"):
        vector = np.array(values, np.float64).astype(np.float32)
    if not np.isfinite(vector).all():
        raise ValidationError(f"Invalid {name}: vector must have only finite float32 values")
    if metric == "cosine" and not vector.any():
        raise ValidationError(f"Invalid {name}: the zero vector has no cosine distance")
    return vector


def check_metadata(key: str, metadata: dict[str, Any], non_filterable: frozenset[str]) -> None:
    """Check the metadata of a vector.

    Raises:
        ValidationError: a value of a type that is not supported, too many keys, or more bytes than the limits.
    """
    if len(metadata) > MOST_METADATA_KEYS:
        raise ValidationError(f"Invalid record for key '{key}': {len(metadata)} metadata keys; {MOST_METADATA_KEYS}")
    for name, value in metadata.items():
        if not _is_valid(value):
            raise ValidationError(
                f"Invalid record for key '{key}': metadata '{name}' must be a string, number, boolean or list of those"
            )
    sizes = {name: len(name.encode()) + _size(value) for name, value in metadata.items()}
    filterable = sum(size for name, size in sizes.items() if name not in non_filterable)
    if filterable > MOST_FILTERABLE:
        raise ValidationError(
            f"Invalid record for key '{key}': Filterable metadata must have at most {MOST_FILTERABLE} bytes,"
            f" has {filterable}"
        )
    if (total := sum(sizes.values())) > MOST_METADATA:
        raise ValidationError(
            f"Invalid record for key '{key}': Metadata must have at most {MOST_METADATA} bytes, has {total}"
        )


def _is_valid(value: Any) -> bool:
    if isinstance(value, list):
        return all(not isinstance(member, list) and _is_valid(member) for member in value)
    return isinstance(value, str | bool) or (is_number(value) and bool(np.isfinite(value)))


def _size(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, str):
        return len(value.encode())
    return 1 if isinstance(value, bool) else 8
