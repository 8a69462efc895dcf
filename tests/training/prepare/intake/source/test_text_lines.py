import pytest

from training.errors import DataError
from training.prepare.intake.source.text_lines import TextLines


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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["id,name\na,plain\n", "id,имя\nа,стол\n", "id,名前\n1,机\n"])
def test_utf_16_without_a_mark_is_recognised(read, encoding, text):
    assert read(text.encode(encoding)) == (text.splitlines(), encoding)


def test_a_zero_byte_alone_does_not_make_utf_16(read):
    assert read(b"id,name\n" + b"a,b\n" * 30 + b"a\0,b\n")[1] == "utf-8"


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "shift_jis", "utf-16", "utf-8"])
def test_a_given_encoding_is_used(tmp_path, encoding):
    path = tmp_path / "a.csv"
    text = "id,имя\n1,стол\n"
    content = text.encode("utf-16-le" if encoding == "utf-16" else encoding)
    path.write_bytes(content)
    lines = TextLines(path, 1_000, encoding)
    assert list(lines) == text.splitlines()
    assert lines.warnings == []


def test_an_assumed_encoding_is_said_with_an_example(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id,name\n1,стол 7\n2,стул\n".encode("cp1251"))
    lines = TextLines(path, 1_000)
    list(lines)
    (warning,) = lines.warnings
    assert warning.startswith("a.csv: 2 lines are not UTF-8 and were read as Windows-1252 (cp1252), an assumption")
    assert "'ñòîë 7'" in warning
    assert "--encoding" in warning


def test_bytes_that_a_given_encoding_lacks_are_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n1,caf\xe9\n")
    lines = TextLines(path, 1_000, "utf-8")
    assert list(lines) == ["id,name", "1,caf\ufffd"]
    assert lines.warnings == ["a.csv: 1 lines have bytes that are not utf-8; the first reads 'caf\ufffd' in line 2"]


def test_a_mark_goes_before_a_given_encoding_and_this_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id\né\n".encode("utf-8-sig"))
    lines = TextLines(path, 1_000, "cp1251")
    assert list(lines) == ["id", "é"]
    assert lines.warnings == ["a.csv: its byte order mark says utf-8, so --encoding cp1251 was not used"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_end_with_cr_alone_if_the_first_one_does(read, encoding):
    assert read('id,name\r1,a\r2,"b\nc"\r'.encode(encoding))[0] == ["id,name", "1,a", '2,"b\nc"']
    assert read("id,name\n1,a\rb\n".encode(encoding))[0] == ["id,name", "1,a\rb"]
