"""Photos of new items that come with a request: where the store keeps them."""

from hashlib import sha256

from lambda_app.errors import UnsupportedPhotoError
from lambda_app.photo.kinds import media_type, refusal
from lambda_app.release.photo_key import PHOTOS

# The only photos that the API may write (`cdk/permissions.py`).
RECEIVED = f"{PHOTOS}received/"


def photo_key(photo: bytes) -> str:
    """The key of a photo, by its content: the same photo twice has one key, and no photo replaces another one.

    Raises:
        UnsupportedPhotoError: the bytes are no photo.
    """
    kind = media_type(photo)
    if kind is None:
        raise UnsupportedPhotoError(refusal(photo))
    return f"{RECEIVED}{sha256(photo).hexdigest()}.{kind.partition('/')[2]}"
