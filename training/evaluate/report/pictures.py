"""Charts, each drawn for light and for dark pages, without a screen and without changing matplotlib's global state."""

import io
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.legend import Legend
from matplotlib.ticker import PercentFormatter

from training.pipeline.files import write_file

_DOTS_PER_INCH = 110
_FONT = "DejaVu Sans"  # part of matplotlib; it has no Chinese, Japanese or Korean characters
# Fonts of Linux, Windows and macOS for characters that the first font lacks. Used if they are installed.
_FALLBACKS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Arial Unicode MS",
)


@dataclass(frozen=True)
class Theme:
    """Colours of a chart: background, text, faint lines, and series that colour-blind people can distinguish."""

    page: str
    ink: str
    line: str
    series: tuple[str, str, str]


LIGHT = Theme("#ffffff", "#1d1c19", "#c9c5ba", ("#0b6b5d", "#c2710c", "#6d6f93"))
DARK = Theme("#1c1f1e", "#edece8", "#4a504d", ("#6fd6c0", "#f0a94e", "#a9abd6"))


@dataclass(frozen=True)
class Picture:
    """A chart as PNG bytes.

    Attributes:
        name: file name.
        alt: short description of the chart, for screen readers.
        light, dark: the PNG for light and for dark pages.
    """

    name: str
    alt: str
    light: bytes
    dark: bytes

    def save(self, folder: Path) -> Path:
        """Write the light version to `folder` under its name."""
        path = folder / self.name
        write_file(path, self.light)
        return path


def picture(name: str, alt: str, draw: Callable[[Theme], Figure]) -> Picture:
    """Draw in both themes.

    Args:
        draw: makes the figure. The colours of background, text and frames are set here.
    """
    with rc_context({"font.family": families(fontManager.get_font_names())}):
        return Picture(name, alt, *(_png(draw(theme), theme) for theme in (LIGHT, DARK)))


def families(installed: Collection[str]) -> list[str]:
    """The installed fonts for labels. For each character, the first font that has it is used."""
    return [_FONT, *(name for name in _FALLBACKS if name in installed)]


def plain(name: str, most: int = 32) -> str:
    """A name as a label: shortened if it is long, with dollar signs escaped, which would start a formula."""
    short = name if len(name) <= most else name[: most - 1].rstrip() + "…"
    return short.replace("$", r"\$")


def one_plot(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one plot, of this size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def in_percent(axis: Axis) -> None:
    """Label an axis of shares in [0, 1] in percent."""
    axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def legend_above(axes: Axes, columns: int) -> Legend:
    """Put the legend above the plot, so that it covers no data."""
    return axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=9)


def _png(figure: Figure, theme: Theme) -> bytes:
    figure.set_facecolor(theme.page)
    for axes in figure.axes:
        axes.set_facecolor(theme.page)
        axes.tick_params(colors=theme.ink, labelcolor=theme.ink)
        for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
            label.set_color(theme.ink)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(theme.line)
        if legend := axes.get_legend():
            legend.set_frame_on(False)
            for text in legend.get_texts():
                text.set_color(theme.ink)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)
    return file.getvalue()
