"""Draws the photo files of a catalogue by product, so that any number of processes can share the work."""

import io
import random
from pathlib import Path

from PIL import Image

from sample.drawing import draw
from sample.mess import CMYK, MISFITS, TRUNCATED, TURNED, finish
from sample.picture.identity import identity
from sample.picture.scene import photograph
from sample.plan import Plan

ORIENTATION = 0x0112  # the EXIF tag
TURN_RIGHT = 6  # its value for photos that a viewer must rotate by 90 degrees clockwise


def draw_photos(folder: Path, plan: Plan, numbers: range) -> int:
    """Write the photo files of the products with these numbers; the number of files.

    The bytes depend only on the seed of the plan and the product number, not on the process.
    """
    written = 0
    for number in numbers:
        shots = plan.shots(number) if number < plan.products else MISFITS[number - plan.products].photo is not None
        if shots:
            sprite = draw(identity(number, plan.seed))
        for shot in range(shots):
            rng = random.Random(f"photo/{plan.seed}/{number}/{shot}")
            photo = photograph(sprite, rng)
            jpeg = _jpeg(photo, rng.randint(60, 92), finish(plan, number, shot))
            (folder / f"{plan.image_id(number, shot)}.jpg").write_bytes(jpeg)
            written += 1
    return written


def _jpeg(photo: Image.Image, quality: int, manner: str) -> bytes:
    """Encode the photo as JPEG, in one of the ways of `sample.mess`."""
    exif = Image.Exif()
    if manner == CMYK:
        photo = photo.convert("CMYK")
    elif manner == TURNED:
        photo = photo.transpose(Image.Transpose.ROTATE_90)
        exif[ORIENTATION] = TURN_RIGHT
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality, exif=exif)
    data = file.getvalue()
    return data[: len(data) // 2] if manner == TRUNCATED else data
