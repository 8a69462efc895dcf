from training.evaluate.report.tables import category_rows, headline, measures, split_rows, spoken


def test_categories_are_ordered_by_f1_with_those_without_a_photo_last():
    per_category = {"good": {"f1": 0.9, "count": 5}, "new": {"f1": 0.0, "count": 0}, "bad": {"f1": 0.25, "count": 4}}
    rows = category_rows(per_category)
    assert [name for name, _ in rows] == ["bad", "good", "new"]
    assert all(figures is per_category[name] for name, figures in rows)


def test_the_rows_of_a_ranking_have_its_figures():
    entry = {"n": 7, "recall@4": 0.5, "map@r": None, "intervals": {"recall@4": [0.25, 0.75], "map@r": None}}
    assert measures({"embedding": entry, "pooled": entry}) == ["recall@4", "map@r"]


def test_each_split_has_its_accuracy_with_its_interval():
    figures = {name: {"n": n, "accuracy": 0.5, "interval": [0.4, 0.6]} for name, n in (("train", 9), ("validation", 5))}
    figures["test"] = {"n": 3, "accuracy": 0.25, "intervals": {"accuracy": [0.1, 0.5], "top3": [0.0, 1.0]}}
    rows = [(name, row["n"], row["accuracy"], row["interval"]) for name, row in split_rows(figures)]
    assert rows == [("train", 9, 0.5, [0.4, 0.6]), ("validation", 5, 0.5, [0.4, 0.6]), ("test", 3, 0.25, [0.1, 0.5])]


def test_names_of_figures_are_readable():
    assert [spoken(name) for name in ("map@r", "category_precision@4")] == ["mAP@R", "category precision@4"]


def test_the_first_figure_is_by_product_if_there_is_one():
    assert headline({"embedding": {"recall@4": 0.0}}) == "recall@4"
    assert headline({"embedding": {"recall@4": None}}) == "category_precision@4"
