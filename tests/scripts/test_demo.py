from pathlib import Path

import pytest

from scripts.demo import STORE, arguments, is_own_store, training_options
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
