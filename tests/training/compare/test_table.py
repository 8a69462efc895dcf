import io
import statistics

import pytest
from PIL import Image

from training.compare.charts import charts
from training.compare.recipes import ABLATION, COMPARISON, RECIPES
from training.compare.table import references, rows, table

SETTINGS = {"lr": 0.01, "schedule": "waves", "warmup": 0.0}


def run(recipe, seed, accuracy, recall=0.5):
    """A run of two epochs; the first one has no validation."""
    epochs = [
        {"epoch": epoch, "seconds": 2.0, "train_loss": 3.0 / epoch, "val_accuracy": accuracy if epoch > 1 else None}
        for epoch in (1, 2)
    ]
    found = {"recall@4": recall, "category_precision@4": 0.25}
    return {
        "recipe": recipe,
        "seed": seed,
        "settings": SETTINGS,
        "epochs": 2,
        "photos_per_s": 1234.4,
        "accuracy": accuracy,
        "macro_f1": accuracy / 2,
        "retrieval": {"embedding": found, "logits": found},
        "history": epochs,
    }


@pytest.fixture
def runs():
    accuracies = {"flat": (0.5, 0.6), "cosine": (0.5, 0.5), "default": (0.7, 0.9)}
    return [run(name, seed, accuracy) for name, both in accuracies.items() for seed, accuracy in enumerate(both)]


def test_a_row_has_means_spreads_and_differences_to_both_recipes_of_the_study(runs):
    flat, _, default = rows(COMPARISON, runs)
    assert default["accuracy"] == {"mean": pytest.approx(0.8), "s": pytest.approx(statistics.stdev((0.7, 0.9)))}
    assert default["runs"] == 2
    assert set(default["differences"]) == {"flat", "cosine"}
    assert set(flat["differences"]) == {"cosine"}
    assert set(default["differences"]["flat"]) == {"accuracy"}  # the study has no embedding to compare with
    accuracy = default["differences"]["flat"]["accuracy"]
    assert accuracy["mean"] == pytest.approx(0.25)
    # Differences of 0.2 and 0.3: the half-width is t for one degree of freedom times 0.05.
    assert accuracy["interval"] == pytest.approx((0.25 - 0.6353, 0.25 + 0.6353), abs=1e-4)


def test_differences_pair_runs_of_the_same_seed_whatever_their_order(runs):
    assert rows(COMPARISON, runs[::-1])[2]["differences"] == rows(COMPARISON, runs)[2]["differences"]


def test_the_table_shows_percent_and_percentage_points(runs):
    head, _, _, _, default = table(rows(COMPARISON, runs), references(COMPARISON)).splitlines()
    assert head == (
        "| recipe | accuracy | points over flat | points over cosine | macro-F1 | recall@4 by embedding "
        "| recall@4 by logits | photos/s | epochs |"
    )
    assert default == (
        "| default: the default settings | 80.0 ± 14.1 % | +25.0 (-38.5 to +88.5) | +30.0 (-97.1 to +157.1) "
        "| 40.0 ± 7.1 % | 50.0 ± 0.0 % | 50.0 ± 0.0 % | 1,234 | 2 |"
    )


def test_ranking_has_differences_if_the_reference_learns_an_embedding():
    recipes = (RECIPES["default"], RECIPES["no-crop"])
    runs = [run("default", 0, 0.5, 0.5), run("default", 1, 0.5, 0.6), run("no-crop", 0, 0.5, 0.3)]
    runs.append(run("no-crop", 1, 0.6, 0.4))
    head, _, default, other = table(rows(recipes, runs), references(recipes)).splitlines()
    assert head == (
        "| recipe | accuracy | points over default | macro-F1 | recall@4 by embedding | points over default "
        "| recall@4 by logits | photos/s | epochs |"
    )
    assert default.split(" | ")[5] == ""
    assert other.split(" | ")[2] == "+5.0 (-58.5 to +68.5)"
    assert other.split(" | ")[5] == "-20.0 (-20.0 to -20.0)"


def test_ranking_has_no_figures_or_differences_if_no_test_photo_has_a_match():
    recipes = (RECIPES["default"], RECIPES["no-crop"])
    runs = [run(recipe.name, 0, 0.5) for recipe in recipes]
    for one in runs:
        one["retrieval"] = {name: {"recall@4": None, "category_precision@4": None} for name in one["retrieval"]}
    head, _, _, other = table(rows(recipes, runs), references(recipes)).splitlines()
    assert head.count("points over default") == 1
    assert other.count("n/a") == 2


def test_a_single_seed_has_no_spread_and_no_interval(runs):
    lines = table(rows(COMPARISON, runs[::2]), references(COMPARISON)).splitlines()
    assert lines[-1].startswith("| default: the default settings | 70.0 % | +20.0 | +20.0 | 35.0 % |")


def test_the_first_recipe_is_the_reference_if_no_recipe_of_the_study_ran():
    assert references(ABLATION) == [RECIPES["default"]]
    assert references((RECIPES["no-crop"], RECIPES["sgd"])) == [RECIPES["no-crop"]]


def test_photos_without_products_are_ranked_by_category():
    found = rows(COMPARISON[:1], [run("flat", 0, 0.5, recall=None)])
    assert found[0]["retrieval"]["measure"] == "category_precision@4"
    assert found[0]["retrieval"]["logits"] == {"mean": 0.25, "s": None}


def test_three_charts_are_drawn_with_a_line_for_each_recipe():
    every = tuple(RECIPES.values())
    pictures = charts(every, [run(recipe.name, seed, 0.1 * seed) for recipe in every for seed in (1, 2)])
    names = ["learning_rate.png", "training_loss.png", "validation_accuracy.png"]
    assert [picture.name for picture in pictures] == names
    for picture in pictures:
        assert all(recipe.name in picture.alt for recipe in every)
        with Image.open(io.BytesIO(picture.light)) as image:
            colours = image.convert("RGB").getcolors(1 << 20)
        assert colours is not None
        assert len(colours) > 100


def test_a_run_without_validation_has_no_curve(runs):
    blind = [one | {"history": [epoch | {"val_accuracy": None} for epoch in one["history"]]} for one in runs]
    seen, unseen = (charts(COMPARISON, found) for found in (runs, blind))
    assert seen[1].light == unseen[1].light
    assert seen[2].light != unseen[2].light
