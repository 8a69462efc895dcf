import json

import pytest

from cdk.watching import metrics
from tests.cdk.template import SynthesisedTemplate


@pytest.fixture(scope="module")
def widgets(plain: SynthesisedTemplate) -> list[dict]:
    return json.loads(plain.one("AWS::CloudWatch::Dashboard")["DashboardBody"])["widgets"]


def test_the_dashboard_shows_every_metric_that_the_code_writes(widgets: list[dict]) -> None:
    drawn = {
        line[1]
        for widget in widgets
        for line in widget["properties"].get("metrics", ())
        if line[0] == metrics.NAMESPACE
    }
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
