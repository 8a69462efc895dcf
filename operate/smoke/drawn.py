"""A photo to ask with. It is drawn, so that it needs no file and shows nobody's property."""

import io

from PIL import Image, ImageDraw

SIDE = 320


def drawn_photo() -> bytes:
    """A handbag on a white background, as a JPEG of a few kilobytes."""
    photo = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(photo)
    draw.arc((100, 50, 220, 210), 180, 360, fill=(92, 52, 30), width=12)
    draw.rounded_rectangle((60, 130, 260, 270), radius=18, fill=(150, 84, 48))
    draw.polygon([(60, 140), (260, 140), (160, 205)], fill=(122, 66, 36))
    draw.ellipse((150, 192, 170, 212), fill=(214, 178, 92))
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=90)
    return out.getvalue()
