import io
import json
import logging
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from lambda_app.telemetry.formats import JsonFormatter, Metrics
from lambda_app.telemetry.observer import Observer
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import publish_directly


class Watched:
    """An application whose metrics are collected."""

    def __init__(self, settings: Settings, store: FolderStore) -> None:
        self.stream = io.StringIO()
        self.client = TestClient(create_app(settings, store, Observer(Metrics("api", self.stream))))

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def watched(settings: Settings, shop: FolderStore) -> Watched:
    return Watched(settings, shop)


def test_a_prediction_records_its_durations_category_and_score(watched: Watched, built: BuiltRelease):
    answer = watched.client.post("/predict", files={"file": built.photo("003a")}, headers={"X-Request-Id": "abc-1"})
    reload, line = watched.lines()
    assert reload["Reloads"] == 1
    for name in ("Decode", "Inference", "Search", "Total"):
        assert line[name] > 0
    assert line["ColdStart"] == 1
    assert line["TopScore"] == pytest.approx(answer.json()["results"][0]["score"], abs=1e-6)
    assert line["category"] == answer.json()["category"]
    assert (line["request_id"], line["route"], line["status"]) == ("abc-1", "/predict", 200)
    assert line["release"] == built.manifest.release


def test_only_the_first_answer_is_a_cold_start(watched: Watched):
    for _ in range(3):
        watched.client.get("/healthcheck")
    assert [line["ColdStart"] for line in watched.lines()] == [1, 0, 0]


def test_an_answer_without_a_search_has_no_score(watched: Watched):
    watched.client.get("/healthcheck")
    assert set(watched.lines()[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]) == {"Name", "Unit"}
    assert "TopScore" not in watched.lines()[0]


def test_a_request_is_logged_without_its_path_and_query(
    watched: Watched, built: BuiltRelease, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    watched.client.get("/items/secret-id/similar?token=secret")
    record = next(record for record in caplog.records if getattr(record, "status", None) == 422)
    line = json.loads(JsonFormatter("api").format(record))
    assert line["route"] == "/items/{image_id}/similar"
    assert line["status"] == 422
    assert line["cold_start"] is True
    assert "secret" not in json.dumps(line)


def test_an_unknown_route_is_recorded_without_its_path(watched: Watched):
    watched.client.get("/wp-login.php")
    assert watched.lines()[0]["route"] == "unmatched"


def test_a_failed_load_is_counted_in_the_metrics(
    tmp_path, built: BuiltRelease, other: BuiltRelease, settings: Settings
):
    store = FolderStore(tmp_path / "store")
    publish_directly(store, built.folder, built.manifest)
    watched = Watched(replace(settings, reload_seconds=0, reload_wait_seconds=10), store)
    assert watched.client.get("/readyz").status_code == 200
    publish_directly(store, other.folder, other.manifest)
    store.write(f"objects/{other.manifest.index.sha256}", b"broken")
    assert watched.client.get("/readyz").json()["release"] == built.manifest.release
    assert sum(line.get("ReloadFailures", 0) for line in watched.lines()) == 1
