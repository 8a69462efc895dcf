"""A bucket whose photos are also readable at a public address, such as a content delivery network's."""

from urllib.parse import quote

from lambda_app.release.photo_key import is_photo_key
from lambda_app.store.bucket import S3Store

# The front door may read keys with these endings only: beside the photos lie the tables of the listings.
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".JPG", ".JPEG", ".PNG", ".WEBP", ".AVIF")


class FrontedStore(S3Store):
    """A store in an S3 bucket. Clients get its photos at `photos_url`; those with another ending by presigned URL."""

    def __init__(self, bucket: str, prefix: str = "", *, photos_url: str) -> None:
        """Create the store; nothing is sent to S3 yet.

        Args:
            photos_url: address under which the bucket's photos are readable by their keys, without a slash at its end.
        """
        super().__init__(bucket, prefix)
        self._photos_url = photos_url

    def photo_url(self, key: str) -> str | None:
        """The photo's public address, the same at each call, so that it can be cached; None if it is no photo's key."""
        if is_photo_key(key) and key.endswith(PHOTO_ENDINGS):
            return f"{self._photos_url}/{quote(self.prefix + key, safe='/', errors='surrogatepass')}"
        return super().photo_url(key)
