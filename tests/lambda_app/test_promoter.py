import json
import logging
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from lambda_app import promoter
from lambda_app.catalogue import log as changes_log
from lambda_app.catalogue.beginning import ancestors
from lambda_app.errors import MissingObjectError, SettingsError, StoreError
from lambda_app.promotion import drop_names
from lambda_app.promotion.promotion import rollback
from lambda_app.promotion.stored import stored_manifest
from lambda_app.release.smoke import SmokeCase
from lambda_app.search.s3vectors.schema import index_name
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from tests import archives
from tests.archives import build_archive
from tests.catalogue_changes import logged, removed
from tests.lambda_events import BUCKET, object_created
from tests.releases import CREATED_AT
from tests.s3_server import S3Server
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

CONTEXT = SimpleNamespace(aws_request_id="11111111-2222-3333-4444-555555555555")
LATER = CREATED_AT + timedelta(hours=1)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "")


@pytest.fixture
def store(tmp_path: Path, prefix: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    monkeypatch.setenv("LOOKALIKE_STORE", f"s3://{BUCKET}/{prefix}")
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    promoter._configured.cache_clear()
    handlers = logging.getLogger().handlers[:]
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    yield s3.store(prefix, tmp_path / "cache")
    logging.getLogger().handlers[:] = handlers
    promoter._configured.cache_clear()


@pytest.fixture
def drop(store: S3Store, tmp_path: Path, prefix: str) -> Callable[..., dict[str, str]]:
    """Puts an archive under drops/ and hands the promoter its event."""

    def put(archive: Path, name: str = "release.tar") -> dict[str, str]:
        store.upload(f"drops/{name}", archive)
        return promoter.handler(object_created(f"{store.prefix}drops/{name}"), CONTEXT)

    return put


@pytest.mark.parametrize("prefix", ["", "shop"], indirect=True)
def test_a_drop_goes_live(tmp_path, store, drop, capsys):
    archive, manifest = build_archive(tmp_path / "r")
    answer = drop(archive, "team/a b.tar")
    assert answer["outcome"] == "live"
    assert store.read_pointer().pointer.release == manifest.release
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metrics["RefusedDrops"], metrics["outcome"]) == (0, "live")
    assert metrics["request_id"] == CONTEXT.aws_request_id


def test_a_job_s_gzipped_model_goes_live(tmp_path, store, drop):
    archive, manifest = build_archive(tmp_path / "r", "model.tar.gz")
    assert drop(archive, "job-1/output/model.tar.gz")["outcome"] == "live"
    assert store.read_pointer().pointer.release == manifest.release


def test_the_same_event_again_changes_nothing(tmp_path, store, drop):
    archive, first = build_archive(tmp_path / "r")
    drop(archive)
    assert drop(archive)["outcome"] == "already live"
    later, _ = build_archive(tmp_path / "s", seed=1, created_at=LATER)
    assert drop(later, "later.tar")["outcome"] == "live"
    rollback(store, Settings(store="unused", threads=1))
    assert drop(later, "later.tar")["outcome"] == "superseded"
    assert store.read_pointer().pointer.release == first.release


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (archives.truncated, "tar"),
        (archives.with_a_flipped_byte, "index.faiss has sha256"),
        (archives.with_a_climbing_path, "unsafe path in the archive: '../escaped'"),
    ],
)
def test_a_damaged_drop_is_refused_with_a_note_and_a_metric(tmp_path, store, drop, capsys, damage, reason):
    first, live = build_archive(tmp_path / "r")
    drop(first)
    archive, _ = build_archive(tmp_path / "s", seed=1, created_at=LATER)
    answer = drop(damage(archive), "bad.tar")
    assert answer["outcome"] == "refused"
    assert reason in answer["detail"]
    note = json.loads(store.read("rejected/bad.tar.json"))
    assert note["drop"] == "drops/bad.tar"
    assert reason in note["reason"]
    assert store.read_pointer().pointer.release == live.release
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["RefusedDrops"] == 1
    assert list(tmp_path.glob("lookalike-drop-*")) == []


def test_the_cache_holds_the_live_release_at_most(tmp_path, store, drop):
    first, _ = build_archive(tmp_path / "r")
    drop(first)
    later = tmp_path / "s"
    _, second = build_archive(later, seed=1, created_at=LATER)
    for entry in second.serving_files():
        store.upload(f"objects/{entry.sha256}", later / entry.file)
    with tarfile.open(tmp_path / "thin.tar", "w") as tar:  # its files are in the store: they go through the cache
        tar.add(later / "manifest.json", "manifest.json")
    cache = tmp_path / "lookalike-cache"
    cache.mkdir(exist_ok=True)
    (cache / ("0" * 64)).write_bytes(b"left by a killed run")
    assert drop(tmp_path / "thin.tar", "thin.tar")["outcome"] == "live"
    assert {path.name for path in cache.iterdir()} == {entry.sha256 for entry in second.serving_files()}


def test_a_full_scratch_disk_is_raised_for_another_try(tmp_path, store, drop, monkeypatch):
    archive, _ = build_archive(tmp_path / "r")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1000, 1000, 0))
    with pytest.raises(StoreError, match=r"0 MB are free; on Lambda, .*-c storage=<MB>"):
        drop(archive)
    assert list(store.keys("rejected/")) == []
    assert list(tmp_path.glob("lookalike-drop-*")) == []


def test_a_drop_far_under_the_live_accuracy_is_refused(tmp_path, store, drop):
    first, live = build_archive(tmp_path / "r", accuracy=0.9)
    drop(first)
    archive, _ = build_archive(tmp_path / "s", seed=1, created_at=LATER, accuracy=0.5)
    assert drop(archive, "worse.tar")["outcome"] == "refused"
    assert store.read_pointer().pointer.release == live.release


def test_a_tgz_goes_live(tmp_path, store, drop):
    archive, _ = build_archive(tmp_path / "r", "model.tar.gz")
    assert drop(archive, "shop.tgz")["outcome"] == "live"


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("/x.tar", "_/x.tar"),
        ("a//x.tar", "a/_/x.tar"),
        ("./x.tgz", "_/x.tgz"),
        ("../x.tar", "_/x.tar"),
        ("a\x01.tar", "a_.tar"),
    ],
)
def test_a_key_that_the_store_cannot_read_is_refused_with_a_note(store, name, note):
    answer = promoter.handler(object_created(f"{store.prefix}drops/{name}"), CONTEXT)
    assert (answer["outcome"], answer["key"]) == ("refused", f"drops/{name}")
    found = json.loads(store.read(f"rejected/{note}.json"))
    assert (found["drop"], found["reason"]) == (f"drops/{name}", answer["detail"])


@pytest.mark.parametrize("letter", ["x", "\u00e9"])
def test_a_file_name_that_no_disk_takes_is_refused_with_a_note(tmp_path, store, drop, letter):
    archive, _ = build_archive(tmp_path / "r")
    longest = letter * (236 // len(letter.encode())) + ".tar"
    answer = drop(archive, "a" + longest)
    assert answer["outcome"] == "refused"
    assert "has 241 bytes; the limit is 240" in answer["detail"]
    (note,) = store.keys("rejected/")
    assert json.loads(store.read(note))["reason"] == answer["detail"]
    assert drop(archive, longest)["outcome"] == "live"


def test_the_note_of_a_very_long_key_has_a_shorter_one(tmp_path, store, drop):
    archive, _ = build_archive(tmp_path / "r")
    answer = drop(archives.truncated(archive), f"{'y/' * 480}{'x' * 44}.tgz")
    assert answer["outcome"] == "refused"
    (note,) = store.keys("rejected/")
    assert len(note) < 1000
    assert json.loads(store.read(note))["drop"] == answer["key"]


@pytest.mark.parametrize("name", ["job/output/output.tar.gz", "notes.txt", "x.tar.bz2", "x.TAR", "x.zip", ".tar"])
def test_what_is_no_release_archive_is_ignored(tmp_path, store, drop, name):
    (tmp_path / "file").write_bytes(b"x")
    assert drop(tmp_path / "file", name)["outcome"] == "ignored"
    assert list(store.keys("rejected/")) == []


@pytest.mark.parametrize("prefix", ["shop"], indirect=True)
def test_a_key_outside_the_prefix_is_ignored(store):
    assert promoter.handler(object_created("drops/release.tar"), CONTEXT)["outcome"] == "ignored"


def test_a_drop_that_is_gone_is_ignored(store):
    answer = promoter.handler(object_created(f"{store.prefix}drops/gone.tar"), CONTEXT)
    assert answer["outcome"] == "ignored"
    assert "no longer exists" in answer["detail"]


def test_a_missing_manifest_of_the_live_release_is_raised_for_the_alarm(tmp_path, store, drop):
    first, live = build_archive(tmp_path / "r")
    drop(first)
    store.delete(f"releases/{live.release}/manifest.json")
    archive, _ = build_archive(tmp_path / "s", seed=1, created_at=LATER)
    with pytest.raises(MissingObjectError, match=live.release):
        drop(archive, "second.tar")
    assert store.read_pointer().pointer.release == live.release


def test_a_drop_that_relies_on_a_missing_object_is_refused_with_a_note(tmp_path, store, drop):
    build_archive(tmp_path / "r")
    with tarfile.open(tmp_path / "thin.tar", "w") as tar:
        tar.add(tmp_path / "r" / "manifest.json", "manifest.json")
    assert drop(tmp_path / "thin.tar", "thin.tar")["outcome"] == "refused"
    assert "leaves model.onnx out" in json.loads(store.read("rejected/thin.tar.json"))["reason"]


def test_a_drop_that_fails_in_an_unforeseen_way_is_refused_with_a_note(tmp_path, store, drop):
    case = SmokeCase(photo="\N{BULLET}", category="Other Goods", margin=0.5, neighbour="000a", score=1.0)
    archive, _ = build_archive(tmp_path / "r", smoke=(case,))
    answer = drop(archive, "crafted.tar")
    assert answer["outcome"] == "refused"
    assert json.loads(store.read("rejected/crafted.tar.json"))["reason"] == answer["detail"]


def test_another_bucket_s_event_is_an_error(store):
    with pytest.raises(SettingsError, match="elsewhere"):
        promoter.handler(object_created("drops/release.tar", bucket="elsewhere"), CONTEXT)


def test_a_folder_store_is_an_error(store, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_STORE", str(tmp_path))
    promoter._configured.cache_clear()
    with pytest.raises(SettingsError, match="needs an S3 store"):
        promoter.handler(object_created("drops/release.tar"), CONTEXT)


def test_a_bucket_that_is_away_is_raised_for_another_try(store, s3):
    requests.delete(f"{s3.url}/{BUCKET}", timeout=10).raise_for_status()
    with pytest.raises(StoreError, match="NoSuchBucket"):
        promoter.handler(object_created("drops/release.tar"), CONTEXT)


def test_dropped_changes_are_live_and_a_repeated_event_changes_nothing(tmp_path, store, drop):
    archive, manifest = build_archive(tmp_path / "r")
    drop(archive)
    lines = tmp_path / "changes.jsonl"
    lines.write_text('{"op": "remove", "image_id": "000a"}\n{"op": "remove", "image_id": "nobody"}\n')
    first = drop(lines, "today/changes.jsonl")
    assert first["outcome"] == "live"
    assert "1 change applied, 1 rejected" in first["detail"]
    live = store.read_pointer().pointer.release
    assert stored_manifest(store, live).count == manifest.count - 1
    assert promoter.handler(object_created(f"{store.prefix}drops/today/changes.jsonl"), CONTEXT)["outcome"] == "live"
    entry = promoter.handler(object_created(f"{store.prefix}changes/000000000001.jsonl"), CONTEXT)
    assert (entry["outcome"], store.read_pointer().pointer.release) == ("live", live)
    assert not store.exists("changes/000000000002.jsonl")


def test_changes_that_are_dropped_before_anything_is_live_are_refused_and_do_not_come_later(tmp_path, store, drop):
    lines = tmp_path / "changes.jsonl"
    lines.write_text('{"op": "remove", "image_id": "000a"}\n')
    refused = drop(lines, "changes.jsonl")
    assert refused["outcome"] == "refused"
    assert refused["detail"].startswith("nothing is live in ")
    archive, manifest = build_archive(tmp_path / "r")
    drop(archive)
    assert store.read_pointer().pointer.release == manifest.release


def test_a_drop_with_a_line_that_is_no_change_is_refused_as_a_whole(tmp_path, store, drop):
    drop(build_archive(tmp_path / "r")[0])
    lines = tmp_path / "changes.jsonl"
    lines.write_text('{"op": "remove", "image_id": "000a"}\n{"op": "sell"}\n')
    refused = drop(lines, "changes.jsonl")
    assert refused["outcome"] == "refused"
    assert refused["detail"].startswith("line 2 of drops/changes.jsonl: ")
    assert json.loads(store.read("rejected/changes.jsonl.json"))["reason"] == refused["detail"]
    assert not store.exists("changes/000000000001.jsonl")


def test_dropped_changes_are_merged_if_the_time_that_is_left_allows_it(tmp_path, store, drop, monkeypatch):
    drop(build_archive(tmp_path / "r")[0])
    monkeypatch.setattr("lambda_app.catalogue.merging.WORTH_MERGING", 0)
    monkeypatch.setattr("lambda_app.catalogue.merging.MOST_DEAD", 0.0)
    lines = tmp_path / "changes.jsonl"

    def dropped(image_id: str, milliseconds: int) -> dict[str, str]:
        monkeypatch.setattr(CONTEXT, "get_remaining_time_in_millis", lambda: milliseconds, raising=False)
        lines.write_text(json.dumps({"op": "remove", "image_id": image_id}) + "\n")
        return drop(lines, f"{image_id}.jsonl")

    late = dropped("000a", 30_001)  # of which 30 s are kept for what comes after a merge
    assert late["outcome"] == "live"
    assert "scripts/catalogue --store STORE compact" in late["detail"]
    assert stored_manifest(store, store.read_pointer().pointer.release).segmented
    early = dropped("001a", 600_000)
    assert "became one of 38, without 2 dead rows" in early["detail"]
    assert not stored_manifest(store, store.read_pointer().pointer.release).segmented


def started(store: S3Store, monkeypatch: pytest.MonkeyPatch, key: str) -> list[dict[str, str]]:
    """The answers to the event of an object, and to those of the objects with which a run starts the next one.

    Each run has time for one part of the log, which is one change.
    """
    monkeypatch.setattr(changes_log, "MOST_CHANGES_AT_ONCE", 1)
    written, write = [key], S3Store.write

    def noted(self: S3Store, key: str, data: bytes) -> None:
        write(self, key, data)
        if key.startswith("changes/"):
            written.append(key)

    monkeypatch.setattr(S3Store, "write", noted)
    answers: list[dict[str, str]] = []
    for key in written:
        left = iter([900_000, *[10_000] * 9])
        context = SimpleNamespace(aws_request_id="run", get_remaining_time_in_millis=lambda left=left: next(left))
        answers.append(promoter.handler(object_created(f"{store.prefix}{key}"), context))
        assert len(answers) < 9
    return answers


def test_a_log_that_does_not_fit_a_run_goes_on_in_the_next_one_and_ends(tmp_path, store, drop, monkeypatch):
    _, manifest = build_archive(tmp_path / "r")
    drop(tmp_path / "r" / "release.tar")
    for number in range(3):
        logged(store, removed(image_id=f"{number:03}a"), at=LATER + timedelta(seconds=number))
    seen = started(store, monkeypatch, "changes/000000000001.jsonl")
    assert [answer["outcome"] for answer in seen] == ["unfinished", "unfinished", "live"]
    live = stored_manifest(store, store.read_pointer().pointer.release)
    assert (live.changes_through, live.count) == (3, manifest.count - 3)


def test_a_drop_whose_changes_do_not_fit_a_run_is_taken_again_and_goes_on(tmp_path, store, drop, monkeypatch):
    drop(build_archive(tmp_path / "r")[0])
    for number in range(3):
        logged(store, removed(image_id=f"{number:03}a"), at=LATER + timedelta(seconds=number))
    archive, trained = build_archive(tmp_path / "s", seed=1, created_at=LATER)
    store.upload("drops/trained.tar", archive)
    seen = started(store, monkeypatch, "drops/trained.tar")
    assert [answer["outcome"] for answer in seen] == ["unfinished", "unfinished", "live"]
    assert seen[1]["key"] == drop_names.unfinished_key("drops/trained.tar")
    live = stored_manifest(store, store.read_pointer().pointer.release)
    assert (live.model, live.changes_through, live.count) == (trained.model, 3, trained.count - 3)
    # Each part was applied once: the releases in between are its ancestors.
    assert [one.changes_through for one in ancestors(store, live, 9)] == [2, 1, 0]


def test_a_run_that_applies_nothing_starts_no_other_run(tmp_path, store, drop, monkeypatch):
    drop(build_archive(tmp_path / "r")[0])
    logged(store, removed(image_id="000a"), at=LATER)

    def failing(*_: object, **__: object) -> None:
        raise StoreError("the photo takes too long")

    monkeypatch.setattr("lambda_app.promotion.ingest.build", failing)
    with pytest.raises(StoreError, match="too long"):
        started(store, monkeypatch, "changes/000000000001.jsonl")
    assert list(store.keys("changes/unfinished/")) == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"key": "releases/x"}', b'{"key": "drops/a//b.tar"}'])
def test_what_does_not_name_a_drop_starts_nothing(store, content):
    store.write("changes/unfinished/x.jsonl", content)
    answer = promoter.handler(object_created(f"{store.prefix}changes/unfinished/x.jsonl"), CONTEXT)
    assert answer["outcome"] == "refused"


def test_a_run_has_time_if_twice_its_longest_part_is_left():
    left = iter([900_000, 600_000, 500_000, 401_000])
    go_on = promoter.TimeLeft(lambda: next(left))
    assert [go_on(), go_on(), go_on()] == [True, False, False]


def test_a_release_for_s3_vectors_goes_live_with_its_index_if_there_is_time_to_fill_it(
    store: S3Store,
    drop: Callable[..., dict[str, str]],
    tmp_path: Path,
    s3vectors: S3VectorsServer,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", s3vectors.url)
    monkeypatch.setenv("LOOKALIKE_VECTOR_BUCKET", VECTOR_BUCKET)
    archive, manifest = build_archive(tmp_path / "release", search={"engine": "s3vectors"})
    store.upload("drops/release.tar", archive)
    settings = Settings.from_environ()
    late = promoter.take_drop(store, "drops/release.tar", settings, seconds_left=lambda: 0.01)
    assert late["outcome"] == "refused"
    assert f"scripts/vectors load --store {store} {manifest.release} --vector-bucket {VECTOR_BUCKET}" in late["detail"]
    assert not store.exists("live.json")
    assert s3vectors.counts()["PutVectors"] == 0
    done = drop(archive)
    assert (done["outcome"], s3vectors.backend.vectors_put) == ("live", manifest.count)
    state = json.loads(store.read(f"vectors/{index_name(manifest.model.sha256)}.json"))
    assert (state["release"], state["count"]) == (manifest.release, manifest.count)
