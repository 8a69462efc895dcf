from typing import Any

from training.evaluate.report.tables import category_rows, headline, retrieval_rows, run_rows, spoken

MEASURED = {"n": 3, "recall@4": 0.5, "recall@4_interval": [0.1, 0.9], "category_precision@4": 1.0}
NOT_MEASURED = dict.fromkeys(MEASURED) | {"n": 0}


def row(f1, count, retrieval):
    interval = [0.2, 0.8] if count else None
    figures = {"precision": f1, "recall": f1, "f1": f1, "count": count}
    return figures | {"recall_interval": interval, "retrieval": retrieval}


def test_categories_stand_lowest_f1_first_and_those_without_a_photo_last():
    per_category = {
        "good": row(0.9, 5, MEASURED),
        "new": row(0.0, 0, NOT_MEASURED),
        "bad": row(0.25, 4, NOT_MEASURED),
    }
    rows = list(category_rows({"test": {"per_category": per_category}}))
    assert [found[0] for found in rows] == ["bad", "good", "new"]
    assert len({len(found) for found in rows}) == 1
    assert rows[0][3] == "25.0 % <small>20.0–80.0</small>"
    assert rows[0][6] == "n/a"
    assert rows[1][5:] == [3, "50.0 % <small>10.0–90.0</small>", "100.0 %"]


def test_each_ranking_is_a_row_of_shares_with_intervals():
    entry = {"n": 7, "recall@4": 0.5, "map@r": None, "intervals": {"recall@4": [0.25, 0.75], "map@r": None}}
    rows = list(retrieval_rows({"test": {"retrieval": {"embedding": entry, "pooled": entry}}}))
    assert rows[0] == ["embedding", 7, "50.0 % <small>25.0–75.0</small>", "n/a"]
    assert rows[1][0] == "pooled features"


def test_names_are_written_as_people_do():
    assert [spoken(name) for name in ("map@r", "category_precision@4")] == ["mAP@R", "category precision@4"]


def test_a_run_outside_of_a_checkout_has_no_commit():
    figures: dict[str, Any] = {"code": {"version": "1.2", "commit": None}, "device": "cpu", "versions": {"torch": "2"}}
    figures |= {"dataset": "d1", "weights": "w1"}
    run = {"epochs": 3, "best_epoch": 2, "seconds": 1234.5, "device": "gpu", "metric_labels": "product"}
    prepared = {"data": "shop", "layout": "listings", "seed": 5, "preprocessing": {"size": 64, "fit": "letterbox"}}
    prepared |= {"splits": {"train": 2000}, "split_products": {"train": 1000}}
    rows = dict(run_rows(figures, run, prepared))
    assert rows["code"] == "lookalike 1.2"
    assert rows["photos"] == "train 2,000 of 1,000 products"
    assert rows["epochs"] == "3, kept: 2"
    figures["code"]["commit"] = "abc"
    assert dict(run_rows(figures, run, prepared))["code"] == "lookalike 1.2, commit abc"


def test_the_first_figure_is_by_product_where_there_is_one():
    assert headline({"embedding": {"recall@4": 0.0}}) == "recall@4"
    assert headline({"embedding": {"recall@4": None}}) == "category_precision@4"
