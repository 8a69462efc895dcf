"""What the log says about each photo that was answered."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from lambda_app.telemetry.formats import JsonFormatter
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import build_release, publish_directly

Asked = Callable[..., tuple[Any, list[dict[str, Any]]]]
FIELDS = {"category", "cell", "top_score", "filtered"}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    folder = tmp_path_factory.mktemp("measured")
    return BuiltRelease(folder, build_release(folder, referenced=True, printed=True))


@pytest.fixture
def asked(measured: BuiltRelease, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Asked:
    """Ask a route about photos; returns the answer and the lines of the log about the request."""
    store = FolderStore(tmp_path / "store")
    publish_directly(store, measured.folder, measured.manifest)
    client = TestClient(create_app(Settings(store=str(tmp_path / "store"), threads=1), store))
    caplog.set_level(logging.INFO, "lambda_app.telemetry.observer")

    def ask(path: str, *image_ids: str, name: str = "file") -> tuple[Any, list[dict[str, Any]]]:
        caplog.clear()
        answer = client.post(path, files=[(name, measured.photo(image_id)) for image_id in image_ids])
        lines = [json.loads(JsonFormatter("api").format(record)) for record in caplog.records]
        return answer.json(), [line for line in lines if "request_id" in line]

    return ask


def test_a_prediction_logs_its_category_cell_and_highest_score(asked: Asked):
    answer, (line,) = asked("/predict?k=3", "003b")
    assert line["category"] == answer["category"]
    assert line["top_score"] == pytest.approx(max(result["score"] for result in answer["results"]), abs=1e-6)
    assert line["filtered"] is False
    assert line["cell"] == 3  # the first photo of product 3 is centroid 3


def test_neither_the_photo_nor_its_embedding_is_logged(asked: Asked):
    answer, (line,) = asked("/predict", "003b")
    known = {"time", "level", "service", "logger", "message", "request_id", "release", "cold_start", "route", "status"}
    assert set(line) == known | FIELDS | {"milliseconds"}
    assert not [value for value in line.values() if isinstance(value, list | dict)]
    assert str(answer["embedding"][0]) not in json.dumps(line)


@pytest.mark.parametrize("parameter", ["category=Appliances", "min_price=15", "max_price=90", "min_score=0"])
def test_a_filter_is_logged(asked: Asked, parameter: str):
    _, (line,) = asked(f"/predict/similar_images?{parameter}", "003b")
    assert line["filtered"] is True
    assert "Appliances" not in line["message"]


def test_a_search_without_a_result_has_no_score(asked: Asked):
    answer, (line,) = asked("/predict?max_price=1", "003b")
    assert answer["results"] == []
    assert FIELDS - line.keys() == {"top_score"}


@pytest.mark.parametrize("route", ["/predict/category", "/predict/feature_embedding"])
def test_an_answer_without_a_search_logs_its_cell(asked: Asked, route: str):
    _, (line,) = asked(route, "002a")
    assert line["cell"] == 2
    assert "top_score" not in line


def test_a_check_for_duplicates_is_no_photo_of_a_person(asked: Asked):
    answer, (line,) = asked("/predict/duplicates", "003b")
    assert "003b" in answer["image_labels"]
    assert not FIELDS & line.keys()


def test_photos_of_the_same_thing_are_one_query(asked: Asked):
    _, (line,) = asked("/predict", "003a", "003b")
    assert line["cell"] == 3


def test_a_batch_has_a_line_for_each_photo(asked: Asked):
    answer, lines = asked("/predict/batch", "003a", "001b", name="files")
    *request, first, second = lines
    assert [("cell" in line, line["route"]) for line in request] == [(False, "/predict/batch")]
    assert [(line["cell"], line["category"]) for line in (first, second)] == [
        (cell, entry["prediction"]["category"]) for cell, entry in zip((3, 1), answer["entries"], strict=True)
    ]
    assert first["message"] == "photo 1 of 2 of the request"


def test_a_release_without_a_reference_has_no_cells(client: TestClient, built: BuiltRelease, caplog):
    caplog.set_level(logging.INFO, "lambda_app.telemetry.observer")
    client.post("/predict", files={"file": built.photo("003a")})
    line = json.loads(JsonFormatter("api").format(caplog.records[-1]))
    assert FIELDS - line.keys() == {"cell"}


def test_other_answers_have_no_such_fields(client: TestClient, caplog):
    caplog.set_level(logging.INFO, "lambda_app.telemetry.observer")
    client.get("/items/003a/similar")
    assert not FIELDS & json.loads(JsonFormatter("api").format(caplog.records[-1])).keys()
