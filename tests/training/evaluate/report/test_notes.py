import copy
from typing import Any

import pytest

from training.evaluate.report.notes import notes

LEAD = {"difference": 0.1, "interval": [0.05, 0.15]}
QUIET = {
    "test": {
        "n": 40,
        "accuracy": 0.9,
        "ece": 0.02,
        "ece_uncalibrated": 0.1,
        "per_category": {"shoes": {"count": 40}},
        "retrieval": {"embedding": {"recall@4": 0.9}},
    },
    "train": {"accuracy": 0.95},
    "validation": {"n": 50},
    "baseline": {
        "reason": None,
        "kept": "fine-tuned",
        "diverged": None,
        "scores": {"frozen": 0.8, "fine_tuned": 0.9},
        "leads": {"accuracy": LEAD, "recall@4": LEAD, "category_precision@4": LEAD},
    },
    "unseen": {"reason": None, "leads": {"recall@1": LEAD, "map@r": LEAD}},
    "leads": {"pooled": {"recall@4": LEAD, "category_precision@4": LEAD}},
}
RUN = {"epochs": 10, "best_epoch": 7, "settings": {"schedule": "flat"}}


def changed(path, value):
    figures: dict[str, Any] = copy.deepcopy(QUIET)
    place: dict[str, Any] = figures
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return figures


def test_unremarkable_figures_get_no_note():
    assert notes(QUIET, RUN) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("test", "n"), 1, "only 1 photo, so all figures are uncertain"),
        (("test", "n"), 29, "only 29 photos, so all figures are uncertain"),
        (("test", "per_category", "hats"), {"count": 3}, "hats (3)"),
        (("test", "per_category", "hats"), {"count": 0}, "nothing is measured for them: hats"),
        (("test", "retrieval", "embedding", "recall@4"), None, "no figures by product"),
        (("validation", "n"), 0, "no validation photos"),
        (("test", "ece"), 0.2, "does not lower"),
        (("train", "accuracy"), 1.0, ""),
        (("train", "accuracy"), 1.05, "15 percentage points higher"),
        (
            ("leads", "pooled", "recall@4"),
            {"difference": -0.05, "interval": [-0.08, -0.02]},
            "than ranking by the embedding: recall@4 is 5.0 percentage points higher",
        ),
        (("leads", "pooled", "recall@4"), {"difference": -0.05, "interval": [-0.12, 0.02]}, ""),
        (("baseline", "kept"), "frozen", "did not beat the heads on frozen features on the validation photos (90.0 %"),
        (
            ("baseline", "leads", "accuracy"),
            {"difference": 0.01, "interval": [-0.01, 0.03]},
            "do not show that fine-tuning is better than heads on frozen features in accuracy: the difference is +1.0",
        ),
        (
            ("baseline", "diverged"),
            "the loss is nan in epoch 3, batch 2",
            "ended early: the loss is nan in epoch 3, batch 2. The release holds the best epoch until then.",
        ),
        (("baseline", "reason"), "training starts from random weights", ""),
        (
            ("unseen", "leads", "map@r"),
            {"difference": -0.02, "interval": [-0.05, 0.01]},
            "is -2.0 percentage points, 95 % interval -5.0 to +1.0. A larger",
        ),
        (("unseen",), {"reason": "training starts from random weights", "leads": None}, ""),
    ],
)
def test_remarkable_figures_get_a_note(path, value, told):
    found = notes(changed(path, value), RUN)
    assert len(found) == bool(told)
    assert all(told in note for note in found)


def test_a_note_says_that_the_last_epoch_was_the_best():
    assert "longer" in notes(QUIET, RUN | {"best_epoch": 10})[0]
    assert notes(QUIET, RUN | {"best_epoch": 10, "settings": {"schedule": "cosine"}}) == []
    assert notes(QUIET, RUN | {"epochs": 0, "best_epoch": 0}) == []


def test_figures_that_are_none_do_not_stop_the_other_notes():
    figures = changed(("test", "accuracy"), None)
    figures["test"] |= {"ece": None, "ece_uncalibrated": None}
    figures["leads"]["pooled"]["recall@4"] = {"difference": None, "interval": None}
    assert notes(figures, RUN) == []


def test_a_run_that_diverged_before_its_first_epoch_tells_that_the_frozen_heads_are_kept():
    found = changed(("baseline", "kept"), "frozen")
    found["baseline"] |= {"diverged": "the loss is inf in epoch 1", "scores": {"frozen": 0.8, "fine_tuned": None}}
    (note,) = notes(found, RUN)
    assert note.endswith("The release holds the heads on frozen features.")


def test_a_run_of_few_steps_gets_its_note():
    assert notes(QUIET, RUN | {"few_steps": "Fine-tuning has only 3 steps."}) == ["Fine-tuning has only 3 steps."]
