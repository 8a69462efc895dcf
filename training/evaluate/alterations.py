"""What shoppers do to a catalogue photo before they send it: turn it, make it grey, put margins around it, mirror it.

The alterations are independent of the augmentation of training. `as_sent` passes an altered photo through the code that
serves.
"""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.photo.preprocessing import load_rgb
from lambda_app.photo.rules import Preprocessing

Photo = npt.NDArray[np.uint8]  # (height, width, 3)
# Side of the photo as a share of the side of the canvas that it is put on: margins of 21 % of the photo's side.
SHARE = 0.7


def quarter_turn(photo: Photo) -> Photo:
    """Turned by 90 degrees, counterclockwise."""
    return np.rot90(photo)


def grey(photo: Photo) -> Photo:
    """Without colour: the luminance of ITU-R BT.601."""
    return np.asarray(Image.fromarray(photo).convert("L").convert("RGB"))


def mirror(photo: Photo) -> Photo:
    """Left and right exchanged."""
    return photo[:, ::-1]


def white_margins(photo: Photo) -> Photo:
    """On a larger white canvas of the photo's proportions."""
    return _on_canvas(photo, 255)


def black_margins(photo: Photo) -> Photo:
    """On a larger black canvas of the photo's proportions."""
    return _on_canvas(photo, 0)


Alteration = Callable[[Photo], Photo]
ALTERATIONS: dict[str, Alteration] = {
    function.__name__: function for function in (quarter_turn, grey, white_margins, black_margins, mirror)
}


def as_sent(photos: npt.NDArray[np.uint8], alter: Alteration, preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """The photos as the network sees them after the alteration: encoded as PNG, then decoded by the serving code.

    Args:
        photos: uint8 (n, size, size, 3), of the photo cache. The bars of the letterbox are no part of a photo. A photo
            whose borders were trimmed at its full size may lose another row here, at the smaller size of the cache.

    Returns:
        uint8 (n, size, size, 3).
    """
    return np.stack([load_rgb(_png(alter(without_bars(photo))), preprocessing) for photo in photos])


def without_bars(photo: Photo) -> Photo:
    """A photo of the cache, (size, size, 3), without the black bars of its letterbox: (height, width, 3)."""
    bright: npt.NDArray[np.uint8] = photo.max(axis=2)
    rows, columns = (_between_bars(bright.max(axis=axis)) for axis in (1, 0))
    return photo[rows, columns]


def _between_bars(brightest: npt.NDArray[np.uint8]) -> slice:
    """The positions between the bars, by the largest value of each row or column; all of them if everything is black.

    A photo is centred, so both bars are equally wide, or the second is wider by one pixel.
    """
    size, bright = len(brightest), np.flatnonzero(brightest)
    if not len(bright):
        return slice(0, size)
    before, after = int(bright[0]), size - 1 - int(bright[-1])
    bar = min(before, after)
    return slice(bar, size - bar - (1 if after > before else 0))


def _on_canvas(photo: Photo, value: int) -> Photo:
    height, width = (round(side / SHARE) for side in photo.shape[:2])
    canvas = np.full((height, width, 3), value, np.uint8)
    top, left = (height - photo.shape[0]) // 2, (width - photo.shape[1]) // 2
    canvas[top : top + photo.shape[0], left : left + photo.shape[1]] = photo
    return canvas


def _png(photo: Photo) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(photo)).save(file, "PNG", compress_level=0)
    return file.getvalue()
