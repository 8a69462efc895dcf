import io
import json
import re

import pytest

from cdk.watching import metrics
from lambda_app.settings import Settings
from lambda_app.telemetry.formats import Metrics
from tests.cdk.template import SynthesisedTemplate


def test_the_table_in_the_module_docstring_names_every_metric() -> None:
    named = re.findall(r"^\| ([\w, ]+?) \| (?:Milliseconds|None|Count) \|", str(metrics.__doc__), re.MULTILINE)
    constants = {value for name, value in vars(metrics).items() if name.isupper()}
    listed = {name for cell in named for name in cell.split(", ")}
    assert listed == constants - {
        metrics.NAMESPACE,
        metrics.DIMENSION,
        metrics.STACK_DIMENSION,
        metrics.API,
        metrics.PROMOTER,
    }


@pytest.mark.parametrize("command", ["lambda_app.handler.handler", "lambda_app.promoter.handler"])
def test_the_functions_write_the_dimensions_that_the_alarms_and_the_dashboard_read(
    plain: SynthesisedTemplate, command: str
) -> None:
    stream = io.StringIO()
    given = plain.function(command)["Environment"]["Variables"]
    settings = Settings.from_environ({name: given[name] for name in ("LOOKALIKE_STORE", "LOOKALIKE_STACK")})
    Metrics(metrics.API, stream, stack=settings.stack).put({metrics.TOTAL: (1.0, "Milliseconds")})
    line = json.loads(stream.getvalue())
    (dimensions,) = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    written = {name: line[name] for name in dimensions}
    assert written == {metrics.DIMENSION: "api", metrics.STACK_DIMENSION: "Lookalike"}
    body = plain.one("AWS::CloudWatch::Dashboard")["DashboardBody"]
    lines = [
        line
        for widget in json.loads(body)["widgets"]
        for line in widget["properties"].get("metrics", ())
        if line[:2] == [metrics.NAMESPACE, metrics.TOTAL]
    ]
    assert [line[2:6] for line in lines] == [["service", "api", "stack", "Lookalike"]]
