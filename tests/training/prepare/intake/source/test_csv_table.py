import csv
import io
import random

import pytest

from training.errors import DataError
from training.prepare.intake.fields.names import scorer
from training.prepare.intake.source import csv_rows
from training.prepare.intake.source.csv_table import CsvTable

HEADER = ",id,name,text,place"


def open_table(path, encoding=None):
    return CsvTable(path, scorer({}), encoding)


@pytest.fixture
def read(tmp_path):
    """Write text or bytes to a file and read its records as lists of values in the order of the header."""

    def run(content, header=HEADER):
        path = tmp_path / "Products.csv"
        path.write_bytes(content if isinstance(content, bytes) else f"{header}\n{content}".encode())
        table = open_table(path)
        return [record.values for record in table.records(key=table.columns.index("id"))], table

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


def test_blank_lines_are_skipped_and_records_are_numbered_from_the_header(tmp_path):
    path = tmp_path / "Images.csv"
    path.write_text("\nid,product_id\n\na,p\n  \n\r\n,\nb,p\n\n")
    table = open_table(path)
    assert [(record.number, record.line, record.values[0]) for record in table.records()] == [(1, 4, "a"), (2, 8, "b")]
    assert table.skipped.blank == 1


def test_a_record_that_is_longer_than_the_header_has_a_problem_and_its_line(read):
    rows, table = read('0,a,"two\nlines",t,p\n1,b,Sofa, blue,t,p\n2,c,n,t,p,,\n')
    assert [row[1] for row in rows] == ["a", "b", "c"]
    problems = [(record.line, record.problem) for record in table.records()]
    assert problems == [(2, None), (4, "too_many_fields"), (5, None)]


def test_a_record_may_lack_its_last_cells_but_not_a_needed_one(read):
    _, table = read("0,a\n1,b,n\n")
    assert [record.values for record in table.records()] == [["0", "a", "", "", ""], ["1", "b", "n", "", ""]]
    assert [record.problem for record in table.records(needed=[1, 2])] == ["too_few_fields", None]


def test_both_halves_of_a_line_that_a_break_without_quotes_has_torn_have_a_problem(read):
    _, table = read("0,a\nsofa,t,p,more\n1,b,n,t,p\n2,c,n,t\n3,d,n\n4,e,n,t\n5,f g\n")
    problems = [record.problem for record in table.records(needed=[1, 2], key=1)]
    assert problems == ["too_few_fields", "too_few_fields", None, None, None, None, "too_few_fields"]


def test_a_row_equal_to_the_header_is_skipped_and_counted(read):
    rows, table = read(f"0,a,n,t,p\n{HEADER}\n1,b,n,t,place\n{HEADER.upper()}\n")
    assert [row[1] for row in rows] == ["a", "b"]
    assert table.skipped.headers == 2


def test_blanks_between_delimiters_and_quotes_are_no_text(read):
    rows, table = read(b'"id", "name", "category"\n"1", "Sofa, big", "Home"\n"2", "Hat", "a\nb"\n')
    assert table.columns == ["id", "name", "category"]
    assert rows == [["1", "Sofa, big", "Home"], ["2", "Hat", "a\nb"]]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_the_digest_ignores_only_the_row_number(tmp_path, name):
    path = tmp_path / "Products.csv"
    path.write_text(f"{name},id,name\n0,a,b\n7,a,b\n0,ab,\n0,a,\n")
    first, same, *others = [record.digest for record in open_table(path).records()]
    assert same == first
    assert len({first, *others}) == 3


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("above", ["", "sep={}\n", "Export of 24 Nov 2026{0}{0}\n\n", "# note, of all; sorts | of\n"])
def test_delimiter_and_header_are_found(tmp_path, delimiter, above):
    path = tmp_path / "Products.csv"
    rows = [["id", "name", "category"], ["1", f'"a{delimiter} b"', "Home"]]
    text = above.format(delimiter) + "".join(f"{delimiter.join(row)}\r\n" for row in rows)
    path.write_bytes(text.encode())
    table = open_table(path)
    assert table.columns == rows[0]
    (record,) = table.records()
    assert record.values == ["1", f"a{delimiter} b", "Home"]
    assert record.line == text.count("\n")
    assert table.form.endswith(f"header in line {text.count(chr(10)) - 1}")


@pytest.mark.parametrize("cell", [r'"Say \"hi\", now"', r'"6\", 8\""', r'"a\\b, \"c\""', ' "hi, you"'])
def test_escaped_quotes_and_blanks_before_quotes_are_repaired(read, cell):
    rows, table = read(f"0,a,{cell},t,p\n1,b,n,t,p\n")
    expected = cell.strip()[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    assert rows == [["0", "a", expected, "t", "p"], ["1", "b", "n", "t", "p"]]
    assert table.warnings == []


def test_an_escaped_quote_in_a_field_of_several_lines_is_repaired(read):
    rows, _ = read('0,a,"Say \\"hi\\",\nthen go",t,p\n1,b,n,t,p\n')
    assert rows == [["0", "a", 'Say "hi",\nthen go', "t", "p"], ["1", "b", "n", "t", "p"]]


def test_lines_may_end_with_cr_alone(tmp_path):
    path = tmp_path / "Products.csv"
    path.write_bytes(b'id,name,category\r1,"two\rlines",Home\r2,b,Home\r')
    assert [record.values[:2] for record in open_table(path).records()] == [["1", "two\nlines"], ["2", "b"]]
    assert "lines end with CR" in open_table(path).form


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
    monkeypatch.setattr(csv_rows, "MAX_RECORD_CHARS", 200)
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
    assert [record.values for record in open_table(path).records(key=1)] == table


def test_records_match_the_csv_module_if_it_can_read_the_file(tmp_path):
    rng = random.Random(1)
    table = [[str(n), f"id{n}", *("".join(rng.choices('ab,"\n ', k=6)) for _ in range(3))] for n in range(500)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER.split(","), *table])
    path = tmp_path / "Products.csv"
    path.write_text(text.getvalue(), newline="")
    expected = list(csv.reader(io.StringIO(text.getvalue())))[1:]
    assert [record.values for record in open_table(path).records(key=1)] == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_encoding_gives_the_same_records(read, encoding, ending):
    lines = ["id,name", "a,£1 café", 'b,"x\ry\n£"', "c,plain", ""]
    rows, file = read(ending.join(lines).encode(encoding))
    assert rows == [["a", "£1 café"], ["b", "x\ry\n£"], ["c", "plain"]]
    assert file.encoding == encoding.removesuffix("-sig")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"Products\.csv is empty; its first line must name the columns"),
        (b"\n\n", r"Products\.csv is empty"),
        (b"sep=;\n", r"Products\.csv is empty"),
        (
            b"artikel,bezeichnung\na,b\n",
            r"none of its first lines names a column .* line 1 looks .* holds \['artikel', 'bezeichnung'\]",
        ),
        (b"x" * 100_000, r"names a column of listings.{0,450}$"),
    ],
)
def test_a_file_without_a_header_is_refused_in_a_short_line(read, content, message):
    with pytest.raises(DataError, match=message):
        read(content)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_table(tmp_path / "Products.csv")
