"""Pieces of HTML: text escaped, pictures inlined, so that a page is one file that asks for nothing."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.evaluate.report.pictures import Picture

NOTHING = "n/a"
_PHOTO_SIDE = 160
_QUALITY = 82


class Html(str):
    """Text that is HTML already; any other text is escaped."""

    __slots__ = ()


def html(value: Any) -> str:
    """A value as HTML: None becomes n/a, a float three digits, a whole number thousands apart."""
    if isinstance(value, Html):
        return value
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escape(str(value))


def share(value: float | None, interval: Sequence[float] | None = None) -> Html:
    """A share in percent, its interval small beside it."""
    if value is None:
        return Html(NOTHING)
    if interval is None:
        return Html(f"{100 * value:.1f} %")
    low, high = (f"{100 * end:.1f}" for end in interval)
    return Html(f"{100 * value:.1f} % <small>{low}–{high}</small>")


def points(difference: float | None, interval: Sequence[float] | None = None) -> Html:
    """A difference of two shares in points, its interval small beside it."""
    if difference is None:
        return Html(NOTHING)
    if interval is None:
        return Html(_signed(difference))
    low, high = (_signed(end) for end in interval)
    return Html(f"{_signed(difference)} <small>{low} to {high}</small>")


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Html:
    """A table; its first column names the rows. Wide ones scroll within themselves. The header may be empty."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    head = f"<thead><tr>{names}</tr></thead>" if names else ""
    body = "".join(
        f'<tr><th scope="row">{html(first)}</th>{"".join(f"<td>{html(value)}</td>" for value in rest)}</tr>'
        for first, *rest in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return Html(f'<div class="scroll"><table>{title}{head}<tbody>{body}</tbody></table></div>')


def chart(picture: Picture) -> Html:
    """A chart, in the theme that the reader prefers; it is also the file of its name."""
    return Html(
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{_data(picture.dark, "png")}">'
        f'<img class="chart" src="{_data(picture.light, "png")}" alt="{escape(picture.alt)}"></picture>'
    )


def photo(rgb: npt.NDArray[np.uint8], alt: str) -> Html:
    """A photo, uint8 (height, width, 3), as a small JPEG."""
    image = Image.fromarray(rgb)
    image.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return Html(f'<img src="{_data(file.getvalue(), "jpeg")}" alt="{escape(alt)}" loading="lazy">')


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def _data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
