"""Tests that the checks of the documents can fail."""

from pathlib import Path

from tests.docs import markdown

TEXT = """# A `b` title

## The store, in full

[here](#the-store-in-full) [gone](#nothing) [file](other.md) [lost](lost.md) [there](other.md#part) [no](other.md#whole)
[web](https://example.org/x) `[not](a-link.md)`

```sh
[nor](this.md) # and ## no heading
```

| key | holds |
|---|---|
| `a` | one |
| `b` | |

`training/prepare/` `training/nowhere/` `lambda_app/lost.py --help` `scripts/test -x`
`drops/<id>` `image/jpeg` `docs/*.md`

## The store, in full

```floors
x  a | b
```
"""


def test_broken_links_are_found(tmp_path: Path):
    (tmp_path / "other.md").write_text("## Part\n")
    page = tmp_path / "page.md"
    page.write_text(TEXT)
    assert list(markdown.broken_links(page)) == [
        "#nothing: no such heading",
        "lost.md: no such file",
        "other.md#whole: no such heading",
    ]


def test_anchors_match_those_of_github():
    assert markdown.anchors(TEXT) == {"a-b-title", "the-store-in-full", "the-store-in-full-1"}


def test_missing_paths_are_found():
    assert markdown.missing_paths(TEXT) == ["training/nowhere/", "lambda_app/lost.py"]


def test_tables_and_blocks_are_read():
    assert markdown.table(TEXT, "key") == [["`a`", "one"], ["`b`", ""]]
    assert markdown.fenced(TEXT, "floors") == "x  a | b\n"
    assert "floors" not in markdown.section(TEXT, "The store, in full").partition("|")[0]
