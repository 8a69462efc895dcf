from pathlib import Path

import pytest

from reliability.pages import write_block


def test_a_block_is_replaced_and_the_rest_stays(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin kills -->old<!-- end kills -->\nafter\n")
    write_block(page, "kills", ["200 kills"])
    assert page.read_text() == "before\n<!-- begin kills -->\n```text\n200 kills\n```\n<!-- end kills -->\nafter\n"


@pytest.mark.parametrize("text", ["", "<!-- begin kills -->", "<!-- end kills --><!-- begin kills -->"])
def test_a_page_without_the_block_is_refused(tmp_path: Path, text: str):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match="has no block for kills"):
        write_block(page, "kills", [])
    assert page.read_text() == text
