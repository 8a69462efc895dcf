"""Compares docs/aws.md with the code."""

import math
import re
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from cdk.context.config import context_keys
from cdk.watching import metrics
from tests.cdk.conftest import synthesise_all

DOCS = (Path(__file__).parents[2] / "docs" / "aws.md").read_text(encoding="utf-8")
SUMS = re.findall(r"^\| (.+?) \| ([0-9.*+ ]+) \| ([0-9.]+) \|$", DOCS, re.MULTILINE)


@pytest.mark.parametrize(("item", "arithmetic", "usd"), SUMS, ids=[item for item, _, _ in SUMS])
def test_each_cost_equals_its_arithmetic(item: str, arithmetic: str, usd: str) -> None:
    total = sum(math.prod(map(Decimal, term.split("*"))) for term in arithmetic.replace(" ", "").split("+"))
    assert str(Decimal(total).quantize(Decimal("0.01"), ROUND_HALF_UP)) == usd, item


def test_the_costs_have_a_line_for_each_part() -> None:
    assert len(SUMS) >= 15


def test_the_costs_count_every_metric_that_the_code_writes() -> None:
    (counted,) = (int(item.split()[1]) for item, _, _ in SUMS if re.match(r"its \d+ metrics", item))
    names = {value for name, value in vars(metrics).items() if name.isupper() and value[0].isupper()}
    of_vectors = {metrics.VECTOR_SEARCH_THROTTLED, metrics.VECTOR_SEARCH_FAILED}
    assert of_vectors < names
    assert counted == len(names - of_vectors - {metrics.NAMESPACE})
    (with_vectors,) = (arithmetic for item, arithmetic, _ in SUMS if item.startswith("with search=s3vectors"))
    assert with_vectors == f"{len(of_vectors)} * 0.10 + {len(of_vectors)} * 0.30"


def test_every_context_key_in_an_example_exists() -> None:
    named = set(re.findall(r"-c ([a-z]\w+)=", DOCS)) | {"auth", "architecture", "provisionedConcurrency"}
    assert {"alarmEmail", "image", "memory"} <= named <= set(context_keys())


def test_every_command_in_an_example_exists() -> None:
    scripts = Path(__file__).parents[2] / "scripts"
    named = set(re.findall(r"\bscripts/([a-z-]+)", DOCS))
    assert {"deploy", "synth", "train-remote", "publish", "releases"} <= named
    assert all((scripts / name).is_file() for name in named)


CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f5c3b8a-1111-2222-3333-444455556666"
MADE = DOCS.partition("### What the stack makes")[2].partition("###")[0]


def made(outdir: Path, choice: str) -> Counter[str]:
    """The number of resources of each type that a choice in the table makes."""
    context = dict(
        re.findall(r"(\w+)=(.+?)(?= \w+=|$)", choice.replace("certificate=ARN", f"certificate={CERTIFICATE}"))
    )
    stacks = synthesise_all(outdir, **context)
    kinds = (one["Type"] for template in stacks.values() for one in template.body["Resources"].values())
    return Counter(kind.removeprefix("AWS::") for kind in kinds)


def listed(cell: str) -> Counter[str]:
    return Counter({kind: int(number) for number, kind in re.findall(r"(\d+) `([\w:]+)`", cell)})


@pytest.mark.slow
def test_the_tables_of_resources_are_those_of_the_templates(tmp_path: Path) -> None:
    rows = re.findall(r"^\| `([A-Z]\w+::\w+)` \| (\d+) \|", MADE, re.MULTILINE)
    default = Counter({kind: int(number) for kind, number in rows})
    assert made(tmp_path / "default", "") == default
    choices = re.findall(r"^\| `(\w+=.+?)` \| (.+?) \| (.+?) \|$", MADE, re.MULTILINE)
    assert len(choices) > 10
    for number, (choice, adds, leaves_out) in enumerate(choices):
        found = made(tmp_path / str(number), choice)
        assert (choice, found - default, default - found) == (choice, listed(adds), listed(leaves_out))
    assert made(tmp_path / "pipeline", "githubRepository=OWNER/NAME") == listed(
        MADE.rpartition("a stack of its own")[2]
    )
