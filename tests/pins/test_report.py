import json
from datetime import date

import pytest

from pins.known import END_OF_LIFE, KNOWN_BAD
from pins.pinned import AWS_IMAGE, GITHUB, IMAGE, NODE, NPM, PYPI, PYTHON, Pin
from pins.registries import Addresses
from pins.report import Row, as_json, as_markdown, as_table, compare, failing
from tests.pins.conftest import Registries

TODAY = date(2026, 11, 26)


@pytest.fixture
def rows(registries: Registries) -> list[Row]:
    registries.give_package("torch", "2.15.0", "2.16.0", "3.0.0rc1")
    registries.give_package("idna", "3.20")
    registries.give_package("boto3", "1.44.5", "1.44.9", "2.0.0", yanked={"2.0.0": "broken"})
    registries.give_package("pillow", "13.0.0", "13.0.1", yanked={"13.0.0": "a hole\nin a decoder"})
    registries.give("/npm/aws-cdk", {"versions": {"2.1148.1": {}, "2.1150.0": {}, "3.0.0": {}}})
    registries.give("/github/repos/actions/checkout/tags?per_page=100", [{"name": "v7"}, {"name": "v6"}])
    registries.give("/v2/", {})
    registries.give("/v2/lambda/python/tags/list?n=1000", {"tags": ["3.13", "3.14", "3.14.2026.11.01", "latest"]})
    pins = [
        *(Pin(PYPI, name, version, "constraints.txt") for name, version in PYTHON_PINS.items()),
        Pin(NPM, "aws-cdk", "2.1148.1", "package-lock.json"),
        Pin(GITHUB, "actions/checkout", "v6", "ci.yml"),
        Pin(IMAGE, "public.ecr.aws/lambda/python", "3.13", "Dockerfile.lambda"),
        Pin(AWS_IMAGE, "pytorch-training", "2.9.0-gpu-py312", "training_keys.py"),
        Pin(PYTHON, "python", "3.11", "ci.yml"),
        Pin(NODE, "node", "20", "ci.yml"),
    ]
    return compare(pins, registries.addresses, TODAY)


PYTHON_PINS = {"torch": "2.15.0", "idna": "3.20", "boto3": "1.44.5", "pillow": "13.0.0", "gone": "1.0"}


def test_each_pin_has_a_state_and_the_newest_version_that_may_be_used(rows: list[Row]):
    assert {row.name: (row.state, row.newest) for row in rows} == {
        "pillow": ("withdrawn", "13.0.1"),
        "node": ("end of life", None),
        "actions/checkout": ("major", "v7"),
        "torch": ("minor", "2.16.0"),
        "aws-cdk": ("minor", "2.1150.0"),
        "public.ecr.aws/lambda/python": ("minor", "3.14"),
        "boto3": ("patch", "1.44.9"),
        "gone": ("not checked", None),
        "pytorch-training": ("not checked", None),
        "idna": ("current", "3.20"),
        "python": ("current", None),
    }


def test_what_is_urgent_comes_first_and_notes_say_why(rows: list[Row]):
    assert [row.state for row in rows[:3]] == ["withdrawn", "end of life", "major"]
    notes = {row.name: row.note for row in rows}
    assert notes["pillow"] == "a hole in a decoder"
    assert notes["node"] == "security fixes until 2026-04-30"
    assert notes["aws-cdk"].startswith("not 3.0.0: published by accident")
    assert "signed in to AWS" in notes["pytorch-training"]
    assert notes["gone"] == "PyPI: it answered 404"


def test_the_table_leaves_out_what_is_current_and_counts_it(rows: list[Row]):
    lines = as_table(rows, everything=False).splitlines()
    assert lines[0].split()[:4] == ["state", "kind", "name", "pinned"]
    assert not any("idna" in line for line in lines)
    assert lines[-1] == "11 pins: 1 withdrawn, 1 end of life, 1 major, 3 minor, 1 patch, 2 not checked, 2 current"
    assert any("idna" in line for line in as_table(rows, everything=True).splitlines())


def test_the_table_for_github_has_as_many_cells_in_every_line(rows: list[Row]):
    head, _, *lines = as_markdown(rows).splitlines()
    assert head.startswith("11 pins:")
    assert {line.replace("\\|", "").count("|") for line in lines} == {8}


def test_json_has_every_pin(rows: list[Row]):
    read = json.loads(as_json(rows))
    assert [Row(**entry) for entry in read] == rows


@pytest.mark.parametrize(
    ("states", "names"),
    [
        (["major"], {"actions/checkout"}),
        (["minor"], {"actions/checkout", "torch", "aws-cdk", "public.ecr.aws/lambda/python"}),
        (["withdrawn", "end of life"], {"pillow", "node"}),
        ([], set()),
    ],
)
def test_a_state_chooses_its_rows_and_those_with_larger_steps(rows: list[Row], states: list[str], names: set[str]):
    assert {row.name for row in failing(rows, states)} == names


def test_a_registry_that_does_not_answer_is_one_line_and_the_others_are_still_asked(registries: Registries):
    registries.give("/npm/aws-cdk", {"versions": {"2.1148.1": {}}})
    pins = [Pin(PYPI, f"package{number}", "1.0", "constraints.txt") for number in range(40)]
    away = Addresses(pypi="http://127.0.0.1:9/simple", npm=registries.addresses.npm)
    rows = compare([*pins, Pin(NPM, "aws-cdk", "2.1148.1", "package-lock.json")], away, TODAY)
    _, line, count = as_table(rows, everything=False).splitlines()
    assert "package0 and 39 more" in line
    assert "refused" in line
    assert count == "41 pins: 40 not checked, 1 current"


def test_an_answer_of_another_shape_is_a_line(registries: Registries):
    registries.give("/github/repos/actions/checkout/tags?per_page=100", {"message": "API rate limit exceeded"})
    registries.give("/npm/left", [])
    pins = [Pin(GITHUB, "actions/checkout", "v6", "ci.yml"), Pin(NPM, "left", "1.0.0", "package-lock.json")]
    rows = compare(pins, registries.addresses, TODAY)
    assert [row.state for row in rows] == ["not checked", "not checked"]
    assert all("not understood" in row.note for row in rows)


def test_a_pinned_version_that_is_known_to_be_bad_is_withdrawn(registries: Registries):
    ((kind, name, version),) = KNOWN_BAD
    registries.give(f"/npm/{name}", {"versions": {version: {}, "2.1148.1": {}}})
    (row,) = compare([Pin(kind, name, version, "package-lock.json")], registries.addresses, TODAY)
    assert (row.state, row.newest, row.note) == ("withdrawn", "2.1148.1", KNOWN_BAD[kind, name, version])


def test_versions_end_on_the_day_after_their_last_one():
    (kind, version), last = next(iter(END_OF_LIFE.items()))
    pin = Pin(kind, "python", version, "ci.yml")
    assert compare([pin], Addresses(), last)[0].state == "current"
    assert compare([pin], Addresses(), last.replace(year=last.year + 1))[0].state == "end of life"
    assert compare([Pin(kind, "python", "2.7", "ci.yml")], Addresses(), last)[0].state == "not checked"
