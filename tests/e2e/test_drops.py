import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambda_app.promotion.promotion import rollback
from lambda_app.release.manifest import Manifest, Pointer
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from tests import archives
from tests.e2e.conftest import PROMOTER, StartLambda
from tests.e2e.lambda_process import FunctionError, HttpAnswer, LambdaProcess
from tests.lambda_events import get, object_created
from tests.waiting import until

pytestmark = pytest.mark.slow

SIMILAR = get("/items/003a/similar")


@dataclass(frozen=True)
class Promoted:
    """The outcome of an event for the promoter."""

    outcome: str
    detail: str
    metrics: dict[str, Any]


Drop = Callable[[Path], Promoted]


@pytest.fixture(scope="module")
def promoter(start: StartLambda) -> LambdaProcess:
    """The promoter of `shop`."""
    return start(PROMOTER, "shop")


@pytest.fixture
def drop(promoter: LambdaProcess, shop: S3Store) -> Drop:
    """Upload an archive to drops/ and send the promoter the event of EventBridge for it."""

    def put(archive: Path) -> Promoted:
        shop.upload(f"drops/{archive.name}", archive)
        request_id, answer = promoter.invoke(object_created(f"shop/drops/{archive.name}"))
        (metrics,) = promoter.logged("stdout", request_id)
        return Promoted(answer["outcome"], answer["detail"], metrics)

    return put


def pointer(store: S3Store) -> Pointer:
    live = store.read_pointer()
    assert live is not None
    return live.pointer


@pytest.fixture
def upcoming(tmp_path: Path, shop: S3Store) -> tuple[Path, Manifest]:
    """The archive of a release that is newer than every one promoted so far."""
    created_at = pointer(shop).high_water + timedelta(seconds=1)  # after a rollback, high_water is the current time
    return archives.build_archive(tmp_path / "upcoming", seed=int(created_at.timestamp()), created_at=created_at)


def live(store: S3Store) -> str:
    return pointer(store).release


def serves(api: LambdaProcess, release: str) -> bool:
    answer = api.request(SIMILAR)
    assert answer.status == 200
    return answer.release == release


def test_a_drop_goes_live_without_failed_requests(api, shop, drop, upcoming):
    archive, manifest = upcoming
    before = live(shop)
    assert api.request(SIMILAR).release == before
    answers: list[HttpAnswer] = []
    enough = threading.Event()

    def keep_asking() -> None:
        while not enough.is_set():
            answers.append(api.request(SIMILAR))

    with ThreadPoolExecutor(max_workers=1) as visitor:
        visits = visitor.submit(keep_asking)
        try:
            promoted = drop(archive)
            until(lambda: visits.done() or answers[-1].release == manifest.release, "an answer of the new release")
        finally:
            enough.set()
    visits.result()
    assert (promoted.outcome, promoted.metrics["RefusedDrops"]) == ("live", 0)
    assert {answer.status for answer in answers} == {200}
    releases = [answer.release for answer in answers]
    assert list(dict.fromkeys(releases)) == [before, manifest.release]
    assert releases == sorted(releases, key=[before, manifest.release].index)
    kept = {path.name for path in (api.temporary / "lookalike-cache").iterdir()}
    assert kept == {entry.sha256 for entry in manifest.serving_files()}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (archives.truncated, "is not a readable tar archive"),
        (archives.with_a_flipped_byte, "index.faiss has sha256"),
        (archives.with_a_wrong_checksum, "the manifest says 00000000"),
        (archives.with_a_foreign_index, "embedding dimensions disagree: the model has 16, the index 8"),
        (archives.with_a_climbing_path, "unsafe path in the archive: '../escaped'"),
        (archives.with_a_low_accuracy, "accuracy 0.500 against 0.9"),
    ],
)
def test_a_bad_drop_is_refused_and_the_old_release_stays_live(api, promoter, shop, drop, upcoming, damage, reason):
    before = shop.read_pointer()
    assert serves(api, before.pointer.release)
    bad = damage(upcoming[0])
    refused = drop(bad)
    assert refused.outcome == "refused"
    assert reason in refused.detail
    assert (refused.metrics["RefusedDrops"], refused.metrics["drop"]) == (1, f"drops/{bad.name}")
    note = json.loads(shop.read(f"rejected/{bad.name}.json"))
    assert (note["drop"], note["reason"]) == (f"drops/{bad.name}", refused.detail)
    assert shop.read_pointer() == before
    assert serves(api, before.pointer.release)
    assert list(promoter.temporary.glob("lookalike-drop-*")) == []


def test_a_repeated_event_after_a_rollback_changes_nothing(api, shop, drop, upcoming):
    archive, manifest = upcoming
    before = live(shop)
    assert drop(archive).outcome == "live"
    until(lambda: serves(api, manifest.release), "the new release")
    rollback(shop, Settings(store=str(shop), threads=1))
    until(lambda: serves(api, before), "the release before")
    rolled_back = shop.read_pointer()
    assert drop(archive).outcome == "superseded"
    assert shop.read_pointer() == rolled_back
    assert serves(api, before)


def test_an_event_of_another_bucket_fails_and_goes_to_the_dead_letter_queue(promoter):
    with pytest.raises(FunctionError, match="SettingsError: the event is from bucket 'elsewhere'"):
        promoter.invoke(object_created("shop/drops/release.tar", bucket="elsewhere"))


def test_a_deleted_drop_is_ignored(promoter, shop):
    request_id, answer = promoter.invoke(object_created("shop/drops/gone.tar"))
    assert answer["outcome"] == "ignored"
    assert not shop.exists("rejected/gone.tar.json")
    (line,) = promoter.logged("stderr", request_id)
    assert (line["level"], line["service"], line["drop"]) == ("INFO", "promoter", "drops/gone.tar")
    assert all(json.loads(line)["service"] == "promoter" for line in promoter.text("stderr").splitlines())
