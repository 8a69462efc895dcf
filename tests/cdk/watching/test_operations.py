"""docs/operations.md helps with every alarm, and names queries, graphs and outputs that exist."""

import json
import re
from pathlib import Path

import pytest

from cdk.watching.queries import QUERIES
from tests.cdk.template import SynthesisedTemplate

DOCS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
TEXT = " ".join(DOCS.split())
PARTS = ("**For shoppers:**", "**Likely causes:**", "**Where to look:**", "**What to do:**", "**It is over when**")
ALARMS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", DOCS.partition("## Alarms")[2], re.MULTILINE | re.DOTALL))


def ids(template: SynthesisedTemplate) -> set[str]:
    """The ids of the alarms: their logical ids without the construct and without the CDK's hash."""
    return {name.removeprefix("Alarms")[:-8] for name in template.of_type("AWS::CloudWatch::Alarm")}


def test_every_alarm_has_a_section_and_every_section_an_alarm(
    plain: SynthesisedTemplate,
    chosen: SynthesisedTemplate,
    operated: SynthesisedTemplate,
    vectored: SynthesisedTemplate,
) -> None:
    known = ids(plain) | ids(chosen) | ids(operated) | ids(vectored)
    assert {"ServerErrors", "RetrainingNotStarted", "LimiterErrors"} <= known
    assert known == set(ALARMS)


@pytest.mark.parametrize("alarm", ALARMS)
def test_a_section_says_what_it_means_what_to_do_and_when_it_is_over(alarm: str) -> None:
    words = " ".join(ALARMS[alarm].split())
    assert [part for part in PARTS if words.count(part) != 1] == []
    where = words.partition("**Where to look:**")[2].partition("**What to do:**")[0]
    assert re.search(r"query `|graph \*\*", where)


def test_the_named_queries_exist_and_each_is_in_the_table_and_in_use() -> None:
    names = {query.name for query in QUERIES}
    used = set(re.findall(r"query `([a-z-]+)`", TEXT, re.IGNORECASE))
    listed = re.findall(r"^\| `([a-z-]+)` \|", DOCS, re.MULTILINE)
    assert used == names
    assert listed == [query.name for query in QUERIES]


def test_the_named_graphs_are_on_the_dashboard(vectored: SynthesisedTemplate) -> None:
    widgets = json.loads(vectored.one("AWS::CloudWatch::Dashboard")["DashboardBody"])["widgets"]
    titles = {widget["properties"]["title"] for widget in widgets}
    named = set(re.findall(r"[Gg]raph \*\*(.+?)\*\*", TEXT))
    assert named
    assert named - titles == set()


def test_the_named_outputs_exist(operated: SynthesisedTemplate, vectored: SynthesisedTemplate) -> None:
    named = set(re.findall(r"output `(\w+)`|<([A-Z][A-Za-z]+)>", TEXT))
    assert {one or other for one, other in named} - set(operated.body["Outputs"]) - set(
        vectored.body["Outputs"]
    ) == set()
