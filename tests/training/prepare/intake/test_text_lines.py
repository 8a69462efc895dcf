import pytest

from training.errors import DataError
from training.prepare.intake.text_lines import TextLines


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read its lines."""

    def run(content, limit=1_000):
        path = tmp_path / "Images.csv"
        path.write_bytes(content)
        lines = TextLines(path, limit)
        return list(lines), lines.encoding

    return run


@pytest.mark.parametrize(
    ("written", "reported"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_encodings_are_detected(read, written, reported):
    text = "id,name\na,£1\rcafé\r\n\nplain"
    assert read(text.encode(written)) == (["id,name", "a,£1\rcafé\r", "", "plain"], reported)


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_in_both_byte_orders_is_read(read, mark):
    order = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert read(mark + "£\n€".encode(order)) == (["£", "€"], "utf-16")


def test_a_plain_file_is_called_utf_8(read):
    assert read(b"a\nb\n") == (["a", "b"], "utf-8")


def test_a_file_of_two_encodings_loses_nothing(read):
    content = "£1\n".encode() + "£2 – €\n".encode("cp1252") + b"\x81\n"
    assert read(content) == (["£1", "£2 – €", "\x81"], "utf-8 and cp1252")


def test_broken_utf_16_loses_no_line(read):
    content = "a,x\nb,y\n".encode("utf-16")
    lines, _ = read(content[:-4] + b"\x00\xd8" + content[-2:])
    assert [line[:2] for line in lines] == ["a,", "b,"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_longer_than_the_limit_is_refused(read, encoding):
    assert read(("x" * 199 + "\n").encode(encoding), limit=200)[0] == ["x" * 199]
    with pytest.raises(DataError, match=r"Images\.csv has a line of more than 200 characters"):
        read(("x" * 300).encode(encoding), limit=200)
