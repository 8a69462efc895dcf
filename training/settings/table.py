"""Write the table of all settings in docs/training.md, from their declarations.

    python -m training.settings.table docs/training.md

replaces the table between the two marks in that file.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.errors import TrainingError
from training.pipeline.commands import CommandParser, report_errors
from training.pipeline.files import write_file
from training.settings.train_settings import by_stage

BEGIN, END = "<!-- settings:begin -->", "<!-- settings:end -->"


def table() -> str:
    """The table as Markdown: stage, setting, default, range and description."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in _rows())


def in_page(page: str) -> str:
    """The page with a new table between its marks.

    Raises:
        TrainingError: the page does not have both marks once, in the right order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise TrainingError(f"the page must have one {BEGIN} and, below it, one {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _rows() -> Iterator[Sequence[str]]:
    yield "stage", "setting", "default", "range", "what it does"
    yield "---", "---", "---", "---", "---"
    for stage, settings in by_stage():
        for setting in settings:
            given = f"--set {setting.name}=" if setting.rare else setting.option
            yield stage, f"`{given}`", setting.default, setting.allowed, setting.what


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.settings.table`."""
    parser = CommandParser(prog="python -m training.settings.table", description=__doc__.partition("\n")[0])
    parser.add_argument("page", type=Path, help="the Markdown file that holds the table")
    path = parser.parse(argv).page
    write_file(path, in_page(path.read_text(encoding="utf-8")).encode())


if __name__ == "__main__":
    sys.exit(report_errors(main))
