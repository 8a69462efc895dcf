"""What the fields of changes may hold: the types of their values, with limits."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lambda_app.release.photo_key import is_photo_key

# As an inspected catalog may hold (`catalog_inspection.py`).
MOST_TEXT_BYTES = 64 << 10
# So that every store can be asked for a photo: file systems take names of 255 bytes, and S3 keys of 1,024 bytes with
# the prefix of the store. A photo that cannot be asked for would stop the log: it looks like a store that is away.
MOST_PHOTO_BYTES, MOST_PHOTO_NAME_BYTES = 900, 255


class Strict(BaseModel):
    """Unknown fields are refused: a misspelt `prise` must not be taken for a change of nothing."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _checked_text(text: str) -> str:
    if (size := len(text.encode())) > MOST_TEXT_BYTES:
        raise ValueError(f"has {size:,} bytes; the limit is {MOST_TEXT_BYTES:,}")
    if "\0" in text:
        raise ValueError("contains the character NUL")
    return text


def _checked_photo(key: str) -> str:
    if not is_photo_key(key):
        raise ValueError(f"is {key[:80]!r}; a photo has a key datasets/<name>/<path>")
    if any(character < " " or character == "\x7f" for character in key):
        raise ValueError(f"is {key[:80]!r}; the key of a photo has no control character")
    if (size := len(key.encode())) > MOST_PHOTO_BYTES:
        raise ValueError(f"has {size:,} bytes; the limit of the key of a photo is {MOST_PHOTO_BYTES}")
    if (size := max(len(part.encode()) for part in key.split("/"))) > MOST_PHOTO_NAME_BYTES:
        raise ValueError(f"has a part of {size:,} bytes between slashes; the limit is {MOST_PHOTO_NAME_BYTES}")
    return key


Text = Annotated[str, AfterValidator(_checked_text)]
Name = Annotated[Text, Field(min_length=1)]
Photo = Annotated[Text, AfterValidator(_checked_photo)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0)]
