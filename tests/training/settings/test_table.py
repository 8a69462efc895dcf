import re
from pathlib import Path

import pytest

from training.errors import TrainingError
from training.settings.table import BEGIN, END, in_page, main, table
from training.settings.train_settings import every_setting

PAGE = Path(__file__).parents[3] / "docs" / "training.md"


def test_the_documentation_has_the_table_of_the_declared_settings():
    page = PAGE.read_text(encoding="utf-8")
    assert in_page(page) == page, "run: python -m training.settings.table docs/training.md"


def test_every_setting_has_a_row_with_default_range_and_description():
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table().splitlines()[2:]]
    assert all(len(row) == 5 and all(row) for row in rows)
    named = [re.sub(r"`(--set )?-*|=?`", "", row[1]).replace("-", "_") for row in rows]
    assert named == list(every_setting())
    assert ["fit", "`--batch`", "64", "at least 2, a multiple of 2"] in [row[:4] for row in rows]
    assert ["fit", "`--set ema=`", "0.99", "0 to 0.99999"] in [row[:4] for row in rows]


def test_the_command_changes_only_the_table_between_the_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    main([str(page)])
    assert page.read_text() == f"before\n{BEGIN}\n{table()}\n{END}\nafter\n"


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_page_without_its_marks_is_refused(page):
    with pytest.raises(TrainingError, match="the page must have one"):
        in_page(page)
