import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_app.telemetry.formats import JsonFormatter, Metrics, PlainFormatter, configure_logging


def line_of(**extra) -> dict:
    logger = logging.getLogger("lambda_app.live")
    record = logger.makeRecord(logger.name, logging.INFO, __file__, 1, "release %s is live", ("r1",), None, extra=extra)
    return json.loads(JsonFormatter("api").format(record))


def test_a_log_record_is_one_json_object():
    line = line_of(request_id="abc", release="r1")
    assert line["message"] == "release r1 is live"
    assert (line["level"], line["service"], line["logger"]) == ("INFO", "api", "lambda_app.live")
    assert (line["request_id"], line["release"]) == ("abc", "r1")


def test_only_known_extras_are_written():
    line = line_of(photo=b"\xff\xd8", url="https://bucket/x?X-Amz-Signature=secret")
    assert set(line) == {"time", "level", "service", "logger", "message"}


def test_an_error_is_part_of_its_log_line():
    try:
        raise ValueError("broken")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    line = JsonFormatter("api").format(record)
    assert "\n" not in line
    assert "ValueError: broken" in json.loads(line)["error"]


def test_a_plain_line_about_a_photo_ends_with_its_fields():
    logger = logging.getLogger("lambda_app.live")
    extra = {"release": "r1", "category": "Bücher", "cell": 0, "filtered": False, "secret": "s"}
    record = logger.makeRecord(logger.name, logging.INFO, __file__, 1, "POST %s", ("/predict",), None, extra=extra)
    start, _, fields = PlainFormatter().format(record).partition(" {")
    assert start.endswith(" INFO lambda_app.live: POST /predict")
    assert json.loads("{" + fields) == {"release": "r1", "category": "Bücher", "cell": 0, "filtered": False}


def test_another_plain_line_has_no_fields_and_keeps_its_error():
    logger = logging.getLogger("lambda_app.live")
    try:
        raise ValueError("broken")
    except ValueError:
        record = logger.makeRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info(), extra={"release": "r1"})
    lines = PlainFormatter().format(record).splitlines()
    assert lines[0].endswith(" ERROR x: failed")
    assert lines[-1] == "ValueError: broken"


def test_metrics_follow_the_embedded_format():
    stream = io.StringIO()
    Metrics("api", stream).put({"Total": (12.5, "Milliseconds"), "ColdStart": (1, "Count")}, {"request_id": "abc"})
    line = json.loads(stream.getvalue())
    directive = line["_aws"]["CloudWatchMetrics"][0]
    assert directive["Namespace"] == "Lookalike"
    assert directive["Dimensions"] == [["service"]]
    assert directive["Metrics"] == [{"Name": "Total", "Unit": "Milliseconds"}, {"Name": "ColdStart", "Unit": "Count"}]
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert (line["service"], line["Total"], line["ColdStart"], line["request_id"]) == ("api", 12.5, 1, "abc")


def test_in_a_stack_its_name_is_a_further_dimension_of_the_one_set_of_dimensions():
    stream = io.StringIO()
    Metrics("api", stream, stack="Lookalike-Staging").put({"Total": (1.0, "Milliseconds")})
    line = json.loads(stream.getvalue())
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "stack"]]
    assert (line["service"], line["stack"]) == ("api", "Lookalike-Staging")


def test_logs_are_json_lines_and_libraries_log_only_warnings(capsys: pytest.CaptureFixture[str]):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging("promoter")
        logging.getLogger("lambda_app").info("hello")
        logging.getLogger("botocore.auth").info("X-Amz-Signature")
        logging.getLogger("mangum.http").info("GET /a/path 200")
        logging.getLogger("faiss.loader").info("Could not load library with AVX512 support")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["hello"]


def test_the_loader_of_faiss_logs_only_warnings_and_is_not_imported_for_that():
    code = (
        "import logging, sys; from lambda_app.telemetry.formats import quiet_faiss; "
        "logging.basicConfig(level=logging.INFO); quiet_faiss(); print('faiss' in sys.modules); import faiss"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("False\n", "")


def test_every_command_that_logs_information_quiets_the_loader_of_faiss():
    root = Path(__file__).parents[3]
    for package in ("lambda_app", "training", "operate", "scripts", "benchmarks"):
        for path in (root / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "logging.basicConfig(level=logging.INFO" in text:
                assert "    quiet_faiss()\n" in text or '"faiss.loader").setLevel(logging.WARNING)' in text, path
