import json

import pytest

from cdk.watching import metrics
from tests.cdk.template import SynthesisedTemplate


def widgets_of(template: SynthesisedTemplate) -> list[dict]:
    return list(json.loads(template.one("AWS::CloudWatch::Dashboard")["DashboardBody"])["widgets"])


def drawn_on(template: SynthesisedTemplate) -> set[str]:
    """The names of our own metrics on a dashboard."""
    return {
        line[1]
        for widget in widgets_of(template)
        for line in widget["properties"].get("metrics", ())
        if line[0] == metrics.NAMESPACE
    }


@pytest.fixture(scope="module")
def widgets(plain: SynthesisedTemplate) -> list[dict]:
    return widgets_of(plain)


def test_the_dashboard_shows_every_metric_that_the_code_writes(
    plain: SynthesisedTemplate, vectored: SynthesisedTemplate
) -> None:
    drawn = drawn_on(vectored)
    assert drawn - drawn_on(plain) == {metrics.VECTOR_SEARCH_THROTTLED, metrics.VECTOR_SEARCH_FAILED}
    written = {value for name, value in vars(metrics).items() if name.isupper()}
    assert drawn == written - {
        metrics.NAMESPACE,
        metrics.DIMENSION,
        metrics.STACK_DIMENSION,
        metrics.API,
        metrics.PROMOTER,
    }


def test_the_dashboard_shows_every_alarm_and_each_graph_has_a_title(
    plain: SynthesisedTemplate, widgets: list[dict]
) -> None:
    (alarms,) = (widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm")
    assert len(alarms) == len(plain.of_type("AWS::CloudWatch::Alarm"))
    assert all(widget["properties"]["title"] for widget in widgets)
