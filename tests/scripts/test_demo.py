import json
import socket
import sys
from pathlib import Path

import pytest

from scripts.demo import STORE, VAR, arguments, is_own_store, run, training_options, warning, work_folder
from training.settings.options import parse_values, train_parser
from training.settings.train_settings import TrainSettings

DATA, WORK = Path("data"), Path("work")


def trained_with(*given: str) -> TrainSettings:
    """The settings of the training run that the demo starts with these options."""
    parser = train_parser("train", "what it does")
    for folder in ("--data", "--out"):  # these two are options of the command, not settings
        parser.add_argument(folder)
    _, values = parse_values(parser, training_options(arguments(given), DATA, WORK))
    return TrainSettings.of(values)


@pytest.mark.parametrize(
    ("store", "own"),
    [
        (str(STORE), True),
        (f"{STORE}/../store", True),
        (f"{STORE}-2", False),
        (STORE.as_uri(), False),
        ("s3://bucket", False),
        (f"s3://bucket/{STORE}", False),
    ],
)
def test_the_demo_replaces_a_better_release_in_its_own_folder_only(store, own):
    assert is_own_store(store) == own


def test_what_a_user_says_about_the_tables_reaches_training():
    columns = 'id=Nr,image="Photo file"'
    given = ("--columns", columns, "--encoding", "cp1252", "--category-separator", " - ", "--currency", "EUR")
    prepare = trained_with("--data", "shop", *given).prepare
    assert (prepare.columns, prepare.encoding, prepare.category_separator) == (columns, "cp1252", " - ")
    assert prepare.currency == "EUR"


def test_only_the_prices_of_the_sample_are_in_pounds_unasked():
    assert trained_with().prepare.currency == "GBP"
    assert trained_with("--data", "shop").prepare.currency is None


def folder_of(*given: str) -> Path:
    args = arguments(given)
    return work_folder(args, args.data or VAR / "sample")


def test_runs_with_other_data_or_options_have_work_folders_of_their_own():
    runs = [
        (),
        ("--size", "128"),
        ("--epochs", "128"),
        ("--seconds", "600"),
        ("--backbone", "resnet18"),
        ("--backbone", "timm/vit"),
        ("--backbone", "timm-vit"),
        ("--precision", "float32"),
        ("--data", "shop"),
        ("--data", "elsewhere/shop"),
        ("--data", "shop", "--encoding", "cp1252"),
        ("--data", "shop", "--currency", "EUR"),
        ("--data", "shop", "--columns", "id=Nr"),
        ("--data", "shop", "--category-separator", "/"),
    ]
    folders = [folder_of(*given) for given in runs]
    assert len(set(folders)) == len(runs)
    assert {folder.parent for folder in folders} == {VAR}
    assert folders[0] == VAR / "work-sample"
    assert folders[4].name.startswith("work-sample-resnet18-")


def test_the_same_run_goes_on_in_its_work_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert folder_of("--size", "64", "--store", "s", "--port", "81", "--no-serve") == VAR / "work-sample"
    monkeypatch.chdir(tmp_path)
    assert folder_of("--data", "shop") == folder_of("--data", str(tmp_path / "shop"))


def test_a_port_in_use_is_an_error_before_the_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        monkeypatch.setattr(sys, "argv", ["demo", "--port", port])
        assert run() == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"scripts/demo: cannot listen on 127.0.0.1, port {port}: Address already in use")
    assert printed.err.endswith(". Choose another address with --port\n")  # it has no --host


def test_a_missing_data_folder_is_named_before_a_port_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "empty").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        for name, problem in (("missing", "does not exist"), ("empty", "holds neither a table of listings")):
            data = tmp_path / name
            monkeypatch.setattr(sys, "argv", ["demo", "--port", str(other.getsockname()[1]), "--data", str(data)])
            assert run() == 2
            printed = capsys.readouterr()
            assert printed.out == ""
            assert printed.err.startswith(f"scripts/demo: {data} {problem}")


@pytest.mark.parametrize(("done", "epochs", "warns"), [(1, 90, True), (44, 90, True), (45, 90, False), (0, 0, False)])
def test_a_training_that_is_cut_short_is_said_to_be_poor(tmp_path: Path, done: int, epochs: int, warns: bool):
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "fit.json").write_text(json.dumps({"epochs": done}))
    said = warning(arguments(["--epochs", str(epochs)]), tmp_path)
    assert (said is not None) == warns
    assert said is None or f"only {done} of {epochs} epochs fitted into 160 seconds" in said
