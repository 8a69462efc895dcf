"""`python -m training.train --reuse-model`: a new catalogue for the model of a release."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from lambda_app.release.archive import unpack
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import Manifest, read_manifest, verify_file
from lambda_app.store.folder import FolderStore
from tests.releases import publish_directly
from training import train
from training.pipeline.commands import report_errors


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    """An environment without the variables of SageMaker."""
    for name in [name for name in os.environ if name.startswith("SM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def changed_data(sample_data, tmp_path):
    """The sample catalogue without its first photo, and with another price of its first."""
    data = shutil.copytree(sample_data, tmp_path / "changed" / sample_data.name)
    rows = (data / "Images.csv").read_bytes().splitlines(keepends=True)
    (data / "Images.csv").write_bytes(b"".join(rows[:1] + rows[2:]))
    table = data / "Products.csv"
    table.write_bytes(re.sub(rb"\xc2\xa3[0-9]+\.00", b"\xc2\xa377.00", table.read_bytes(), count=1))
    return data


def manifest_in(folder: Path) -> Manifest:
    return read_manifest((folder / "manifest.json").read_bytes())


def test_a_changed_catalogue_gets_the_model_of_a_release_without_training(trained, changed_data, tmp_path, capsys):
    base = manifest_in(trained.release)
    out = tmp_path / "out"
    train.main(["--data", str(changed_data), "--out", str(out), "--reuse-model", str(trained.archive)])
    archive = out / "reused" / "release.tar"
    made = unpack(archive, tmp_path / "unpacked")
    for entry in made.files():
        verify_file(tmp_path / "unpacked" / entry.file, entry)
    assert (made.model, made.weights, made.ranking) == (base.model, base.weights, base.ranking)
    assert (made.categories, made.preprocessing) == (base.categories, base.preprocessing)
    assert made.evaluation == {**base.evaluation, "reused_from": base.release}
    assert made.catalog.count == made.index.count == base.catalog.count - 1
    assert made.release != base.release
    assert {path.name for path in out.iterdir()} == {"dataset", "reused"}
    assert json.loads((tmp_path / "unpacked" / "report" / "metrics.json").read_bytes())["test"]["n"] > 0
    catalog = Catalog(tmp_path / "unpacked" / "catalog.sqlite")
    assert 77.0 in [item.price for item in catalog.items(range(catalog.count))]
    catalog.close()
    lines = capsys.readouterr().out.splitlines()
    assert f"with the model of {base.release}; nothing was trained" in lines[-3]
    assert f"measured on the test photos of {base.release}, not again" in lines[-2]
    assert lines[-1] == str(archive)


def test_a_rerun_makes_the_archive_only_if_something_changed(trained_copy, changed_data, tmp_path):
    out = tmp_path / "out"
    given = ["--data", str(changed_data), "--out", str(out), "--reuse-model", str(trained_copy.root)]
    train.main(given)
    before = (out / "reused" / "release.tar").read_bytes()
    train.main(given)
    assert (out / "reused" / "release.tar").read_bytes() == before
    train.main([*given, "--currency", "GBP"])
    assert manifest_in(out / "reused" / "release").currency == "GBP"


def test_a_training_run_in_the_same_folder_is_left_as_it_is(trained_copy, sample_data):
    before = {path: path.read_bytes() for path in trained_copy.root.rglob("*") if path.is_file()}
    archive = str(trained_copy.archive)
    train.main(["--data", str(sample_data), "--out", str(trained_copy.root), "--reuse-model", archive])
    kept = {path: data for path, data in before.items() if trained_copy.dataset not in path.parents}
    assert kept == {path: path.read_bytes() for path in kept}
    assert (trained_copy.root / "reused" / "release.tar").is_file()


def test_the_release_may_be_in_a_store(trained, sample_data, tmp_path):
    store, base = FolderStore(tmp_path / "store"), manifest_in(trained.release)
    folder = shutil.copytree(trained.release, tmp_path / "files")
    (folder / "photos").mkdir()
    publish_directly(store, folder, base)
    for number, source in enumerate((str(store.root), f"{store.root}/releases/{base.release}")):
        out = tmp_path / f"out{number}"
        train.main(["--data", str(sample_data), "--out", str(out), "--reuse-model", source])
        assert manifest_in(out / "reused" / "release").model == base.model


def test_the_catalogue_can_be_embedded_by_torch(trained, sample_data, tmp_path):
    given = ["--data", str(sample_data), "--out", str(tmp_path), "--reuse-model", str(trained.release)]
    train.main([*given, "--set", "bulk=torch"])
    made = manifest_in(tmp_path / "reused" / "release")
    assert made.training["bulk"]["refused"] == []
    assert (made.training["bulk"]["way"], made.training["bulk"]["device"]) == ("torch", "cpu")
    assert made.weights is not None
    verify_file(tmp_path / "reused" / "release" / made.weights.file, made.weights)


def test_the_origin_of_the_figures_stays_known_if_a_model_is_used_again_and_again(trained, sample_data, tmp_path):
    source = str(trained.release)
    for out in (tmp_path / "first", tmp_path / "second"):
        train.main(["--data", str(sample_data), "--out", str(out), "--reuse-model", source])
        source = str(out / "reused" / "release.tar")
    made = manifest_in(tmp_path / "second" / "reused" / "release")
    assert made.evaluation["reused_from"] == manifest_in(trained.release).release


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--lr", "0.1"], "lr has no effect with --reuse-model"),
        (["--set", "seed=3"], "seed has no effect with --reuse-model"),
        (["--reuse-model", "nowhere"], "--reuse-model nowhere: no such file or folder"),
        (["--reuse-model", "."], "is not a store"),
        (["--reuse-model", "store/releases/20260101-000000-00000000"], "holds no releases/20260101-000000-00000000/"),
    ],
)
def test_what_cannot_be_used_is_one_line(trained, sample_data, tmp_path, monkeypatch, capsys, options, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").mkdir()
    given = ["--data", str(sample_data), "--out", "out", "--reuse-model", str(trained.archive), *options]
    assert report_errors(train.main, given) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert shown.count("\n") == 1
    assert not Path("out", "dataset").exists()


def test_a_category_that_the_model_does_not_know_is_refused(trained, changed_data, tmp_path, capsys):
    table = changed_data / "Products.csv"
    last = manifest_in(trained.release).categories[-1]
    table.write_text(table.read_text().replace(last, "Boats"))
    given = ["--data", str(changed_data), "--out", str(tmp_path / "out"), "--reuse-model", str(trained.archive)]
    assert report_errors(train.main, given) == 2
    shown = capsys.readouterr().err
    assert "does not know 1 of the categories: 'Boats'. Train without --reuse-model to add them" in shown


def test_a_damaged_model_is_refused(trained, sample_data, tmp_path, capsys):
    folder = shutil.copytree(trained.release, tmp_path / "files")
    (folder / "model.onnx").write_bytes(b"other")
    given = ["--data", str(sample_data), "--out", str(tmp_path / "out"), "--reuse-model", str(folder)]
    assert report_errors(train.main, given) == 2
    assert "model.onnx has 5 bytes" in capsys.readouterr().err
