from pathlib import Path
from typing import Any

import pytest

from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.stored import stored_manifest
from lambda_app.release.manifest import Manifest
from lambda_app.search.s3vectors.schema import index_name, index_settings
from lambda_app.store.folder import FolderStore
from operate.vectors.command import main
from operate.vectors.progress import printed
from tests.catalogue_changes import SETTINGS, logged, now, removed
from tests.releases import build_release, publish_directly
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

BUCKET = ("--vector-bucket", VECTOR_BUCKET)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("release")
    return folder, build_release(folder)


@pytest.fixture
def store(
    built: tuple[Path, Manifest], tmp_path: Path, s3vectors: S3VectorsServer, monkeypatch: pytest.MonkeyPatch
) -> FolderStore:
    """A store with a live release; the command finds the server by the variable of botocore."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", s3vectors.url)
    found = FolderStore(tmp_path / "store")
    publish_directly(found, *built)
    return found


def live(store: FolderStore) -> Manifest:
    pointer = store.read_pointer()
    assert pointer is not None
    return stored_manifest(store, pointer.pointer.release)


def test_a_release_is_loaded_compared_and_used(store: FolderStore, capsys: pytest.CaptureFixture[str]):
    name = index_name(live(store).model.sha256)
    assert main(["status", "--store", str(store)]) == 0
    assert f"{name} was never loaded: scripts/vectors load" in capsys.readouterr().out
    assert main(["load", "--store", str(store), *BUCKET]) == 0
    said = capsys.readouterr().out
    assert "40 vectors to put or delete" in said
    assert f"index {name} in vector bucket {VECTOR_BUCKET} holds the 40 items of " in said
    assert "40 put, 0 deleted, 0 were there" in said
    assert "compared 40 keys, and 40 items with vector and metadata: no difference" in said
    assert main(["--store", str(store), "use", "s3vectors", *BUCKET]) == 0
    assert "searched in S3 Vectors" in capsys.readouterr().out
    assert live(store).engine == "s3vectors"
    assert main(["status", "--store", str(store)]) == 0
    assert f"{name} in {VECTOR_BUCKET}: holds the 40 items of {live(store).release}" in capsys.readouterr().out
    assert main(["use", "faiss", "--store", str(store)]) == 0
    assert live(store).engine == "faiss"


def test_the_bucket_may_come_from_the_environment(store: FolderStore, capsys: pytest.CaptureFixture[str]):
    assert main(["load", "--store", str(store)], {"LOOKALIKE_VECTOR_BUCKET": VECTOR_BUCKET}) == 0
    assert main(["load", "--store", str(store)], {}) == 1
    assert "use --vector-bucket NAME, or set LOOKALIKE_VECTOR_BUCKET" in capsys.readouterr().err


def test_another_release_of_the_live_model_is_loaded_with_a_warning(
    store: FolderStore, capsys: pytest.CaptureFixture[str]
):
    first = live(store).release
    logged(store, removed(image_id="000a"))
    apply_changes(store, SETTINGS, now)
    assert main(["use", "s3vectors", "--store", str(store), *BUCKET]) == 0
    assert main(["load", first, "--store", str(store), *BUCKET]) == 0
    said = capsys.readouterr().out
    assert "its answers change during the load" in said
    assert "1 put, 0 deleted, 39 were there" in said
    assert main(["status", "--store", str(store)]) == 0
    assert "does not hold the live release: scripts/vectors load" in capsys.readouterr().out


def test_an_index_that_differs_fails_and_the_command_that_mends_it_is_named(
    store: FolderStore, s3vectors: S3VectorsServer, capsys: pytest.CaptureFixture[str]
):
    assert main(["load", "--store", str(store), *BUCKET]) == 0
    names = {"vectorBucketName": VECTOR_BUCKET, "indexName": index_name(live(store).model.sha256)}
    s3vectors.client().delete_vectors(**names, keys=["000a"])
    s3vectors.client().put_vectors(**names, vectors=[{"key": "stranger", "data": {"float32": [1.0] * 16}}])
    assert main(["check", "--store", str(store), *BUCKET]) == 1
    said = capsys.readouterr().err
    assert "1 items are missing: '000a'" in said
    assert "1 vectors are not items of" in said
    assert "scripts/vectors load --again --store" in said
    assert main(["load", "--again", "--store", str(store), *BUCKET]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", *BUCKET], "was not loaded: scripts/vectors load"),
        (["load", "20200101-000000-00000000", *BUCKET], "holds no release '20200101-000000-00000000'"),
        (["load", "--vector-bucket", "nowhere"], "there is no vector bucket nowhere"),
        (["load", "--vector-bucket", "N"], "LOOKALIKE_VECTOR_BUCKET is 'N'; it takes the name of a vector bucket"),
        (["delete", "items-none", *BUCKET], f"vector bucket {VECTOR_BUCKET} has no index items-none"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    store: FolderStore, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert main([*arguments, "--store", str(store)]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("given", [["--rate", "2500"], ["--rate", "0"], ["--connections", "none"]])
def test_wrong_usage_names_the_limit(store: FolderStore, given: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["load", *given, "--store", str(store), *BUCKET])
    assert ended.value.code == 2
    assert given[1] in capsys.readouterr().err


def test_indexes_of_no_stored_release_are_shown_and_deleted_but_not_the_live_one(
    store: FolderStore, s3vectors: S3VectorsServer, capsys: pytest.CaptureFixture[str]
):
    assert main(["use", "s3vectors", "--store", str(store), *BUCKET]) == 0
    own = index_name(live(store).model.sha256)
    names: dict[str, Any] = {"vectorBucketName": VECTOR_BUCKET, "indexName": "items-" + "f" * 16}
    s3vectors.client().create_index(**names, **index_settings(16))
    capsys.readouterr()
    assert main(["list", "--store", str(store), *BUCKET]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.partition("  of ")[0] for line in lines) == sorted([own, names["indexName"]])
    assert f"{names['indexName']}  of no stored release" in lines
    assert main(["delete", own, "--store", str(store), *BUCKET]) == 1
    assert "is the index of the live release" in capsys.readouterr().err
    assert main(["delete", names["indexName"], "--store", str(store), *BUCKET]) == 0
    assert main(["use", "faiss", "--store", str(store)]) == 0
    assert main(["delete", own, "--store", str(store), *BUCKET]) == 1
    assert "--yes deletes it nevertheless" in capsys.readouterr().err
    assert main(["delete", own, "--yes", "--store", str(store), *BUCKET]) == 0
    assert (
        list(store.keys("vectors/")),
        s3vectors.client().list_indexes(vectorBucketName=VECTOR_BUCKET)["indexes"],
    ) == (
        [],
        [],
    )


def test_progress_is_a_line_every_five_seconds():
    now = [0.0]
    lines: list[str] = []
    done = printed(lines.append, lambda: now[0])(10_000, 2_000)
    for _ in range(8):
        now[0] += 2.0
        done(500)
    assert lines == [
        "10,000 vectors to put or delete, 2,000 of them done before",
        "3,500 of 10,000 (35 %), 250 a second, 26 s left",
        "5,000 of 10,000 (50 %), 250 a second, 20 s left",
    ]
    printed(lines.append)(0, 0)
    assert len(lines) == 3
