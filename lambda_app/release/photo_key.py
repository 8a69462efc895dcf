"""The rule for the store key of a catalog photo: what a catalog names is served by /images, so it must be a photo."""

PHOTOS = "datasets/"
# S3's limit for a key ("Creating object key names").
MOST_BYTES = 1024


def is_photo_key(key: str) -> bool:
    """Whether a catalog may name this key: `datasets/<name>/<path>`, a plain path that cannot climb.

    A catalog comes from a drop. Without this rule it could make the API serve any object of the store, such as
    `live.json`, an upload, or another release's files.
    """
    parts = key.split("/")
    return (
        key.startswith(PHOTOS)
        and len(parts) >= 3
        and not {"", ".", ".."} & set(parts)
        and not any(character in key for character in "\\\0")
        and len(key.encode(errors="surrogatepass")) <= MOST_BYTES
    )
