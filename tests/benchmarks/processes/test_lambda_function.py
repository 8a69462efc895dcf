"""Tests of `benchmarks.processes.lambda_function`."""

import json

import pytest

from benchmarks.bench.cold import heaviest_imports
from benchmarks.inputs.photos import make_photo
from benchmarks.processes.cold_stages import around, timings_of
from benchmarks.processes.lambda_function import LambdaFunction, environ, photo_event, s3_with
from benchmarks.processes.timings import PARTS

pytestmark = pytest.mark.slow


def test_the_function_answers_a_photo_from_a_store_in_s3(release, tmp_path):
    event = json.dumps(photo_event(make_photo((320, 240)))).encode()
    with s3_with(release) as s3, LambdaFunction(environ(s3, tmp_path)) as function:
        answer = function.invoke(event)
        assert len(json.loads(answer["body"])["image_labels"]) == 4
        assert set(PARTS) < timings_of(answer).keys()
        assert around(lambda: function.invoke(event)) > 0
    fetched = {path.name for path in (tmp_path / "lookalike-cache").iterdir()}
    assert fetched >= {release.manifest.model.sha256, release.manifest.index.sha256}


def test_a_function_that_cannot_start_reports_the_reason(tmp_path):
    environment = {**environ("http://127.0.0.1:1", tmp_path), "LOOKALIKE_STORE": ""}
    with (
        LambdaFunction(environment) as function,
        pytest.raises(RuntimeError, match="LOOKALIKE_STORE is not set"),
    ):
        function.invoke(b"{}")


def test_an_answer_other_than_200_is_an_error():
    with pytest.raises(RuntimeError, match="answered 503: nothing"):
        timings_of({"statusCode": 503, "body": "nothing live", "headers": {}})


def test_import_times_are_summed_by_package():
    report = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1000 |       1000 |   numpy.core\n"
        "import time:      2000 |       3000 | numpy\n"
        "import time:       500 |        500 |   faiss\n"
        "import time:      2600 |       2600 | onnxruntime\n"
    )
    assert heaviest_imports(report) == [("numpy", 3.0), ("onnxruntime", 2.6), ("faiss", 0.5)]
