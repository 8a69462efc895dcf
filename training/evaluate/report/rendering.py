"""The report's templates and style sheet, and the filters that format values on the page."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.evaluate.report.tables import spoken

FOLDER = Path(__file__).parent
NOTHING = "n/a"
_TEMPLATES = "templates"
_STYLE = "style.css"


def environment(folder: Path = FOLDER) -> Environment:
    """The template environment of a folder. Values are escaped, and an undefined variable is an error."""
    found = Environment(
        loader=FileSystemLoader(folder / _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters.update(
        number=number,
        percent=percent,
        points=points,
        ends=ends,
        point_ends=point_ends,
        data_uri=data_uri,
        spoken=spoken,
    )
    return found


def render(template: str, **values: Any) -> str:
    """Render a template, such as "page.html.jinja".

    Raises:
        jinja2.UndefinedError: the template uses an undefined variable.
    """
    return environment().get_template(template).render(values)


def style(folder: Path = FOLDER) -> str:
    """The style sheet."""
    return (folder / _STYLE).read_text(encoding="utf-8")


def appearance(folder: Path = FOLDER) -> str:
    """Hex SHA-256 of the templates and the style sheet. The page depends on them as well as on the metrics."""
    digest = hashlib.sha256()
    for path in sorted([folder / _STYLE, *(folder / _TEMPLATES).glob("*.jinja")]):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def number(value: float | None) -> str:
    """A float with three decimals, or a whole number with commas; n/a for None."""
    if value is None:
        return NOTHING
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] in percent; n/a for None."""
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, with its sign; n/a for None."""
    return NOTHING if difference is None else f"{100 * difference:+.1f}".replace("-", "−")


def ends(interval: Sequence[float]) -> str:
    """Both ends of the interval of a share, in percent."""
    low, high = (f"{100 * end:.1f}" for end in interval)
    return f"{low}–{high}"


def point_ends(interval: Sequence[float]) -> str:
    """Both ends of the interval of a difference, in percentage points."""
    low, high = (points(end) for end in interval)
    return f"{low} to {high}"


def data_uri(content: bytes, kind: str) -> str:
    """A data URI with the content of a file, so the page loads no other files. `kind` is the media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
