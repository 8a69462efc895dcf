"""Compares docs/aws.md with the code."""

import math
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from cdk.context.config import context_keys
from cdk.watching import metrics

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
    assert counted == len(names - {metrics.NAMESPACE})


def test_every_context_key_in_an_example_exists() -> None:
    named = set(re.findall(r"-c ([a-z]\w+)=", DOCS)) | {"auth", "architecture", "provisionedConcurrency"}
    assert {"alarmEmail", "image", "memory"} <= named <= set(context_keys())


def test_every_command_in_an_example_exists() -> None:
    scripts = Path(__file__).parents[2] / "scripts"
    named = set(re.findall(r"\bscripts/([a-z-]+)", DOCS))
    assert {"deploy", "synth", "train-remote", "publish", "releases"} <= named
    assert all((scripts / name).is_file() for name in named)
