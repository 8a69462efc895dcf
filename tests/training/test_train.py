import json
import os
import re
import shutil
from pathlib import Path

import pytest

from lambda_app.errors import RefusedReleaseError
from lambda_app.promotion.floor import check_floor
from lambda_app.promotion.stored import manifest_key
from lambda_app.release.manifest import Manifest, Pointer, read_manifest, sha256_of, verify_file
from lambda_app.store.folder import FolderStore
from tests.releases import CREATED_AT
from training import train
from training.dataset import Dataset
from training.errors import DataError, WeightsError
from training.evaluate.summary import summarise
from training.network.weights import load_weights
from training.pipeline.commands import report_errors
from training.prepare.stage import prepare
from training.train import Places, parse

TINY = ["--size", "32", "--backbone", "resnet10_half", "--weights", "none", "--epochs", "1", "--batch", "16"]


@pytest.fixture
def outside(monkeypatch):
    """An environment without the variables of SageMaker."""
    for name in [name for name in os.environ if name.startswith("SM_")]:
        monkeypatch.delenv(name)


def test_a_rerun_without_changes_keeps_the_archive_and_prints_its_path(trained_copy, sample_data, outside, capsys):
    before = trained_copy.archive.stat().st_mtime_ns
    train.main(["--data", str(sample_data), "--out", str(trained_copy.root), *TINY])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == str(trained_copy.archive)
    assert "accuracy 0." in lines[-5]
    assert "recall@4 by embedding 0." in lines[-5]
    assert lines[-4].startswith("category precision@10 by embedding 0.")
    assert "(category weight 0, recall@4 " in lines[-4]  # too few photos to choose one
    assert lines[-3].startswith("no baseline on frozen features: ")
    assert "(by the embedding alone): quarter turn 1.000 (0." in lines[-2]
    assert trained_copy.archive.stat().st_mtime_ns == before


def test_the_run_says_what_of_the_data_was_kept(trained_copy, sample_data, outside, capsys):
    train.main(["--data", str(sample_data), "--out", str(trained_copy.root), *TINY])
    summary = Dataset.open(trained_copy.dataset).summary
    shown = capsys.readouterr().out
    assert f"kept {summary['kept']['images']:,} of {summary['rows_in']['images']:,} images" in shown
    assert (str(trained_copy.dataset / "rejected.csv") in shown) == bool(summary["rejected"])


def test_the_table_is_read_before_weights_are_looked_for(write_listings, tmp_path, outside):
    data = write_listings([{"id": "p"}], [("i", "p")])
    options = ["--data", str(data), "--out", str(tmp_path / "out"), *TINY, "--weights", str(tmp_path / "missing.pt")]
    with pytest.raises(WeightsError, match=r"missing\.pt"):
        train.main(options)
    table = data / "Images.csv"
    table.write_text(table.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="no usable photo"):
        train.main(options)
    assert not (tmp_path / "out" / "dataset").exists()


@pytest.mark.slow
def test_several_processes_make_one_release(sample_data, processes, tmp_path, outside):
    options = ["--data", str(sample_data), "--out", str(tmp_path / "out"), *TINY]
    (first, output), (second, silence) = [
        process.wait() for process in processes.start_several(2, "training.train", options)
    ]
    assert (first, second) == (0, 0), output + silence
    assert output.endswith(f"{tmp_path / 'out' / 'release.tar'}\n")
    assert silence == ""
    assert json.loads((tmp_path / "out" / "fit" / "fit.json").read_bytes())["processes"] == 2
    assert len(read_manifest((tmp_path / "out" / "release" / "manifest.json").read_bytes()).categories) == 13


@pytest.mark.slow
def test_if_the_first_process_fails_the_others_end_and_its_error_is_visible(processes, tmp_path, outside):
    (tmp_path / "data").mkdir()
    environ = {"SM_OUTPUT_DIR": str(tmp_path)}
    options = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *TINY]
    (first, output), (second, other) = [
        process.wait() for process in processes.start_several(2, "training.train", options, **environ)
    ]
    assert (first, second) == (2, 2)
    assert "holds neither" in output
    assert "error: process 1 of 2 stops" in other
    assert "holds neither" in (tmp_path / "failure").read_text(encoding="utf-8")


def test_only_the_stages_after_a_change_run_again(trained_copy, sample_data, outside):
    stamps = {path.stem: path.stat().st_mtime_ns for path in (trained_copy.root / "stages").iterdir()}
    options = [*TINY, "--name", "autumn"]
    train.main(["--data", str(sample_data), "--out", str(trained_copy.root), *options])
    changed = {
        path.stem for path in (trained_copy.root / "stages").iterdir() if path.stat().st_mtime_ns != stamps[path.stem]
    }
    assert changed == {"index", "pack"}


def test_a_new_price_or_currency_trains_nothing(trained_copy, sample_data, outside, tmp_path):
    data = shutil.copytree(sample_data, tmp_path / sample_data.name)
    table = data / "Products.csv"
    table.write_bytes(re.sub(rb"\xc2\xa3[0-9]+\.00", b"\xc2\xa377.00", table.read_bytes(), count=1))
    stamps = {path.stem: path.stat().st_mtime_ns for path in (trained_copy.root / "stages").iterdir()}
    embedded = (trained_copy.index / "embeddings.npy").stat().st_mtime_ns
    train.main(["--data", str(data), "--out", str(trained_copy.root), *TINY, "--currency", "GBP"])
    changed = {
        path.stem for path in (trained_copy.root / "stages").iterdir() if path.stat().st_mtime_ns != stamps[path.stem]
    }
    assert changed == {"index", "pack"}
    assert (trained_copy.index / "embeddings.npy").stat().st_mtime_ns == embedded
    assert read_manifest((trained_copy.release / "manifest.json").read_bytes()).currency == "GBP"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--backbone", "resnet51"], "no backbone 'resnet51'; try resnet50"),
        (["--weights", "imagnet"], "no weights of resnet10_half with this name; did you mean imagenet?"),
        (["--freeze", "layer9"], "no stage 'layer9' to freeze"),
        (["--out", "file/work"], "cannot be written"),
    ],
)
def test_settings_are_checked_before_a_photo_is_read(
    options, told, sample_data, outside, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    given = ["--data", str(sample_data), *TINY, *(["--out", "out"] if "--out" not in options else []), *options]
    assert report_errors(train.main, given) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert told in shown.err
    assert not Path("out", "dataset").exists()


def test_figures_of_few_test_photos_are_printed_with_their_intervals(trained_copy, sample_data, outside):
    manifest = read_manifest((trained_copy.release / "manifest.json").read_bytes())
    pattern = r"accuracy [01]\.\d{3} \[[01]\.\d\d to [01]\.\d\d\], recall@4 .* \(14 test photos, 95 % intervals\)"
    assert re.search(pattern, summarise(trained_copy, manifest))
    path = trained_copy.report / "metrics.json"
    figures = json.loads(path.read_bytes())
    figures["test"]["n"] = 30
    path.write_text(json.dumps(figures))
    assert "[" not in summarise(trained_copy, manifest)


@pytest.fixture
def sagemaker(trained, sample_data, tmp_path):
    """Folders and variables like those of SageMaker's toolkit, with a run that has reached its archive."""
    base = tmp_path / "ml"
    for name in ("model", "output/data"):
        (base / name).mkdir(parents=True)
    shutil.copytree(trained.root, base / "work")
    return {
        "SM_CHANNEL_DATASET": str(sample_data),
        "SM_MODEL_DIR": str(base / "model"),
        "SM_OUTPUT_DATA_DIR": str(base / "output" / "data"),
    }


def test_a_sagemaker_job_puts_the_release_into_the_model_folder(sagemaker, monkeypatch, outside):
    for name, value in sagemaker.items():
        monkeypatch.setenv(name, value)
    train.main([*TINY, "--force", "True", "--set", "search=s3vectors"])
    model = Path(sagemaker["SM_MODEL_DIR"])
    manifest = read_manifest((model / "manifest.json").read_bytes())
    assert (manifest.force, manifest.engine) == (True, "s3vectors")
    for entry in manifest.files():
        verify_file(model / entry.file, entry)
    report = Path(sagemaker["SM_OUTPUT_DATA_DIR"]) / "report" / "metrics.json"
    assert json.loads(report.read_bytes())["test"]["n"] == manifest.evaluation["test"]["n"]


def test_a_sagemaker_job_keeps_its_checkpoint_in_the_checkpoint_folder(sagemaker):
    assert Places.from_environ(sagemaker).checkpoints == Path(sagemaker["SM_MODEL_DIR"]).parent / "checkpoints"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--lr", "-1"], "lr is -1; it must be at least 0\n"),
        (["--epochs", "many"], "epochs is 'many'; it must be a whole number\n"),
    ],
)
def test_a_failed_sagemaker_job_writes_its_reason_where_sagemaker_reads_it(
    options, reason, outside, monkeypatch, tmp_path
):
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    assert report_errors(train.main, ["--data", "x", "--out", "y", *options]) == 2
    assert (tmp_path / "failure").read_text(encoding="utf-8") == reason


def test_training_starts_from_the_weights_channel(sagemaker, trained, tmp_path):
    channel = tmp_path / "weights"
    channel.mkdir()
    shutil.copy(trained.release / "weights.safetensors", channel / "weights.safetensors")
    places = Places.from_environ(sagemaker | {"SM_CHANNEL_WEIGHTS": str(channel)})
    data, work, settings = parse([], places)
    assert settings.fit.weights == str(channel / "weights.safetensors")
    assert settings.prepare.base_categories == load_weights(trained.weights)[1]
    assert data == Path(sagemaker["SM_CHANNEL_DATASET"])
    assert settings.prepare.copied
    assert not parse(["--data", str(tmp_path)], places)[2].prepare.copied
    assert work.root == Path(sagemaker["SM_MODEL_DIR"]).parent / "work"


def test_a_job_that_replaces_a_release_keeps_the_order_of_its_categories(sagemaker, trained, tmp_path):
    manifest = json.loads((trained.release / "manifest.json").read_bytes())
    manifest["categories"] = [*reversed(manifest["categories"]), "no longer sold"]
    channel = tmp_path / "release"
    channel.mkdir()
    (channel / "manifest.json").write_text(json.dumps(manifest))
    places = Places.from_environ(sagemaker | {"SM_CHANNEL_RELEASE": str(channel)})
    weights = str(trained.release / "weights.safetensors")
    for argv in ([], ["--weights", weights]):
        settings = parse(argv, places)[2]
        assert list(settings.prepare.leading_categories()) == manifest["categories"]
    names = tmp_path / "names.txt"
    names.write_text("shoes\n")
    assert parse(["--categories", str(names)], places)[2].prepare.leading_categories() == ("shoes",)


def test_listings_in_another_order_make_a_release_that_may_follow_the_live_one_only_if_the_job_knows_it(
    sagemaker, trained, sample_data, tmp_path
):
    live = read_manifest((trained.release / "manifest.json").read_bytes())
    store = FolderStore(tmp_path / "store")
    store.upload(manifest_key(live.release), trained.release / "manifest.json")
    digest = sha256_of(trained.release / "manifest.json")
    pointer = Pointer(release=live.release, manifest_sha256=digest, promoted_at=CREATED_AT, high_water=CREATED_AT)
    store.write_pointer(pointer, None)
    shuffled = tmp_path / "data"
    shutil.copytree(sample_data, shuffled)
    for table in shuffled.glob("*.csv"):
        header, *rows = table.read_text(encoding="utf-8").splitlines()
        table.write_text("\n".join([header, *reversed(rows)]) + "\n", encoding="utf-8")

    def manifest_after(environ: dict[str, str]) -> Manifest:
        settings = parse(["--size", "32"], Places.from_environ(sagemaker | environ))[2]
        folder = tmp_path / f"dataset-{len(environ)}"
        prepare(shuffled, folder, settings.prepare)
        return live.model_copy(update={"categories": tuple(Dataset.open(folder).categories)})

    follows = manifest_after({"SM_CHANNEL_RELEASE": str(trained.release)})
    assert check_floor(store, store.read_pointer(), follows, force=False) is None
    with pytest.raises(RefusedReleaseError, match="category 0 is"):
        check_floor(store, store.read_pointer(), manifest_after({}), force=False)


@pytest.mark.parametrize(
    ("live", "given", "search"),
    [
        ({"engine": "s3vectors"}, [], "s3vectors"),
        (None, [], "faiss"),
        ({"engine": "s3vectors"}, ["--set", "search=faiss"], "faiss"),
        (None, ["--set", "search=s3vectors"], "s3vectors"),
        ({"engine": "s3vectors"}, ["--reuse-model", "s3://shop"], "s3vectors"),
    ],
)
def test_a_retrained_release_is_searched_where_the_live_one_is_unless_a_setting_says_otherwise(
    sagemaker, trained, tmp_path, live, given, search
):
    manifest = json.loads((trained.release / "manifest.json").read_text()) | {"search": live}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    places = Places.from_environ(sagemaker | {"SM_CHANNEL_RELEASE": str(tmp_path)})
    assert parse(given, places)[2].pack.search == search


def test_a_job_without_the_manifest_of_the_release_that_it_replaces_says_so(sagemaker, tmp_path):
    with pytest.raises(DataError, match=r"should hold the manifest\.json of the live release"):
        Places.from_environ(sagemaker | {"SM_CHANNEL_RELEASE": str(tmp_path)})


@pytest.mark.parametrize("names", [[], ["a.pt", "b.pth"]])
def test_a_weights_channel_without_exactly_one_file_is_refused(names, tmp_path):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(WeightsError, match=f"has {len(names)} files of weights"):
        Places.from_environ({"SM_CHANNEL_WEIGHTS": str(tmp_path)})


def test_without_sagemaker_variables_no_folders_are_set():
    assert Places.from_environ({}) == Places()


def test_the_training_channel_can_also_hold_the_data(tmp_path):
    assert Places.from_environ({"SM_CHANNEL_TRAINING": str(tmp_path)}).data == tmp_path


def test_a_categories_file_has_priority_over_the_categories_of_the_weights(trained, tmp_path):
    names = tmp_path / "categories.txt"
    names.write_text("shoes\n")
    weights = str(trained.release / "weights.safetensors")
    given = ["--data", "x", "--out", "y", "--weights", weights, "--categories", str(names)]
    _, _, settings = parse(given, Places())
    assert settings.prepare.leading_categories() == ("shoes",)


def test_missing_data_is_named_in_the_error(tmp_path):
    with pytest.raises(DataError, match="--data is missing"):
        parse(["--out", str(tmp_path)], Places())


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, outside, capsys):
    argv = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    assert report_errors(train.main, argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_a_wrong_folder_of_data_is_named_before_the_weights_are_looked_up(tmp_path, outside, capsys):
    argv = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out"), "--weights", str(tmp_path / "none.pt")]
    assert report_errors(train.main, argv) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'none'} does not exist\n"


def test_a_run_with_a_teacher_keeps_the_order_of_its_categories_and_names_it(trained, sample_data, tmp_path):
    release = read_manifest((trained.release / "manifest.json").read_bytes())
    other = release.model_copy(update={"categories": release.categories[::-1]})
    folder = tmp_path / "teacher"
    folder.mkdir()
    shutil.copyfile(trained.model, folder / "model.onnx")
    (folder / "manifest.json").write_bytes(other.to_json())
    options = ["--backbone", "resnet10_half", "--weights", "none", "--size", "24", "--epochs", "0"]
    data, work, settings = parse(
        ["--data", str(sample_data), "--out", str(tmp_path / "out"), "--teacher", str(folder), *options], Places()
    )
    made = train.train(data, work, settings)
    assert made.categories == other.categories
    assert made.training["fit"]["teacher"]["release"] == release.release
