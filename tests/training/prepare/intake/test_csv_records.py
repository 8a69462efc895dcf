import csv
import io
import random
from pathlib import Path

import pytest

from training.errors import DataError
from training.prepare.intake import csv_records
from training.prepare.intake.csv_records import CsvFile

HEADER = ",id,name,text,place"


@pytest.fixture
def read(tmp_path):
    """Write text or bytes to a file and read its records as lists of values in the order of the header."""

    def run(content, header=HEADER):
        path = tmp_path / "Products.csv"
        path.write_bytes(content if isinstance(content, bytes) else f"{header}\n{content}".encode())
        file = CsvFile(path, ("id",))
        return [list(record.values.values()) for record in file], file

    return run


def test_fields_may_contain_carriage_returns_commas_quotes_and_newlines(read):
    rows, file = read('0,a,x\ry,"1, 2\n""three""\r\n\n4",Leeds\n1,b,6" pipe,,\r\n')
    assert rows == [["0", "a", "x\ry", '1, 2\n"three"\r\n\n4', "Leeds"], ["1", "b", '6" pipe', "", "\r"]]
    assert file.warnings == []


def test_records_may_all_end_with_crlf(read):
    rows, _ = read(b',id,name\r\n0,a,"one\r\ntwo"\r\n1,b,x\ry\r\n2,c,"quoted"\r\n3,d,last')
    assert rows == [["0", "a", "one\r\ntwo"], ["1", "b", "x\ry"], ["2", "c", "quoted"], ["3", "d", "last"]]


def test_a_crlf_after_a_closing_quote_ends_a_record_even_in_a_file_with_lf(read):
    assert read('0,a,n,t,"Leeds"\r\n1,b,n,t,York\n')[0] == [["0", "a", "n", "t", "Leeds"], ["1", "b", "n", "t", "York"]]


def test_header_names_match_in_any_order_and_case(tmp_path):
    path = tmp_path / "Images.csv"
    path.write_text(' Product_ID ,"ID",extra\np1,i1,x\n')
    (record,) = CsvFile(path, ("id", "product_id"))
    assert (record.values["id"], record.values["product_id"]) == ("i1", "p1")


def test_the_first_of_several_columns_with_one_name_is_used(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,name,Name\n1,first,second\n")
    (record,) = CsvFile(path, ("id",))
    assert record.values == {"id": "1", "name": "first"}


def test_blank_lines_are_skipped_and_records_are_numbered_from_the_header(tmp_path):
    path = tmp_path / "Images.csv"
    path.write_text("\nid,product_id\n\na,p\n  \n\r\nb,p\n\n")
    assert [(record.number, record.values["id"]) for record in CsvFile(path, ("id",))] == [(1, "a"), (2, "b")]


def test_short_and_long_records_keep_their_values(read):
    rows, file = read("0,a\n1,b,n,t,p,more,and more\n")
    assert rows[0] == ["0", "a", "", "", ""]
    assert rows[1][:5] == ["1", "b", "n", "t", "p"]
    assert file.warnings == []


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_the_digest_ignores_only_the_row_number(tmp_path, name):
    path = tmp_path / "Products.csv"
    path.write_text(f"{name},id,name\n0,a,b\n7,a,b\n0,ab,\n0,a,\n")
    first, same, *others = [record.digest for record in CsvFile(path, ("id",))]
    assert same == first
    assert len({first, *others}) == 3


def test_an_unclosed_quote_does_not_swallow_the_file(read):
    lines = "".join(f"{number},p{number},n,t,Leeds\n" for number in range(5))
    rows, file = read(f'8,first,"Great sofa,t,Hull\n{lines}')
    assert rows[0] == ["8", "first", '"Great sofa', "t", "Hull"]
    assert [row[1] for row in rows[1:]] == [f"p{number}" for number in range(5)]
    assert file.warnings == [
        "Products.csv: 1 records (first: 1) have a quote that breaks the rules of CSV and was read as text"
    ]


def test_an_unclosed_quote_before_a_later_quoted_field_does_not_swallow_the_records_between(read):
    rows, file = read('0,a,"Great sofa,t,Hull\n1,b,n,"long, text\nof two lines",York\n2,c,n,t,Leeds\n')
    assert rows == [
        ["0", "a", '"Great sofa', "t", "Hull"],
        ["1", "b", "n", "long, text\nof two lines", "York"],
        ["2", "c", "n", "t", "Leeds"],
    ]
    assert len(file.warnings) == 1


def test_a_wrong_number_of_fields_reveals_a_stray_quote(read):
    rows, _ = read('0,a,n,"Great sofa,Hull\n1,b,n,t,York\n2,c,TV 32",t,Leeds\n')
    assert [row[1:3] for row in rows] == [["a", "n"], ["b", "n"], ["c", 'TV 32"']]


def test_a_quoted_field_that_looks_like_records_is_data_but_reported(read):
    rows, file = read('0,a,n,"my list:\n1,b,n,t,York\n2,c,n,t,Leeds",Hull\n3,d,n,t,Ely\n')
    assert [row[1] for row in rows] == ["a", "d"]
    assert rows[0][3] == "my list:\n1,b,n,t,York\n2,c,n,t,Leeds"
    assert file.warnings == [
        "Products.csv: 1 records (first: 1) have a quoted field whose lines look like records; is a quote missing?"
    ]


def test_a_quote_with_text_after_it_is_part_of_the_text(read):
    rows, file = read('0,a,"Vintage, old" chair,t,Hull\n')
    assert rows == [["0", "a", '"Vintage, old" chair', "t", "Hull"]]
    assert len(file.warnings) == 1


def test_a_record_longer_than_the_limit_is_a_stray_quote(read, monkeypatch):
    monkeypatch.setattr(csv_records, "MAX_RECORD_CHARS", 200)
    rows, _ = read('0,a,"open,t,Hull\n' + "1,b,n,t,York\n" * 50 + '2,c,n,t,"closed"\n')
    assert len(rows) == 52


def test_a_very_large_field_is_read(read):
    text = 'all, "that"\n' * 20_000
    rows, _ = read(f'0,a,n,"{text.replace(chr(34), chr(34) * 2)}",Hull\n')
    assert rows == [["0", "a", "n", text, "Hull"]]


def test_well_formed_tables_of_any_text_are_read_back_exactly(tmp_path):
    rng = random.Random(0)
    pieces = ["a", "é", "£1,234", ",", '"', '""', "\r", "\n", "\r\n", " ", "7,id,n,t,p", "", "'", "\0", "😀", "\u2028"]

    def cell():
        return "".join(rng.choices(pieces, k=rng.randrange(5)))

    def written(text):
        needed = any(mark in text for mark in ',"\n')
        return '"' + text.replace('"', '""') + '"' if needed or rng.random() < 0.2 else text

    table = [[str(number), f"id{number}", cell(), cell(), cell()] for number in range(3_000)]
    path = tmp_path / "Products.csv"
    path.write_bytes("\n".join([HEADER, *(",".join(map(written, row)) for row in table)]).encode())
    assert [list(record.values.values()) for record in CsvFile(path, ("id",))] == table


def test_records_match_the_csv_module_if_it_can_read_the_file(tmp_path):
    rng = random.Random(1)
    table = [[str(n), f"id{n}", *("".join(rng.choices('ab,"\n ', k=6)) for _ in range(3))] for n in range(500)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER.split(","), *table])
    path = tmp_path / "Products.csv"
    path.write_text(text.getvalue(), newline="")
    expected = list(csv.reader(io.StringIO(text.getvalue())))[1:]
    assert [list(record.values.values()) for record in CsvFile(path, ("id",))] == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_encoding_gives_the_same_records(read, encoding, ending):
    lines = ["id,name", "a,£1 café", 'b,"x\ry\n£"', "c,plain", ""]
    rows, file = read(ending.join(lines).encode(encoding))
    assert rows == [["a", "£1 café"], ["b", "x\ry\n£"], ["c", "plain"]]
    assert file.encoding == encoding.removesuffix("-sig")


def test_a_file_of_two_encodings_is_reported(read):
    rows, file = read("id,name\na,£1\n".encode() + "b,£2\n".encode("cp1252"))
    assert rows == [["a", "£1"], ["b", "£2"]]
    assert file.warnings == ["Products.csv: written in more than one encoding (utf-8 and cp1252)"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"Products\.csv is empty; its first line must name the columns \['id'\]"),
        (b"\n\n", r"Products\.csv is empty"),
        (b"product,name\na,b\n", r"Products\.csv lacks the column id; its header names \['product', 'name'\]"),
    ],
)
def test_a_file_without_the_columns_is_refused(read, content, message):
    with pytest.raises(DataError, match=message):
        read(content)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(CsvFile(Path(tmp_path / "Products.csv"), ("id",)))
