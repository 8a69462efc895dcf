import io

import pytest
from PIL import Image

from training.evaluate.report.charts import (
    plot_confusion,
    plot_per_category,
    plot_reliability,
    plot_retrieval,
)

BINS = [
    {"low": 0.2, "high": 0.4, "count": 3, "confidence": 0.3, "accuracy": 1 / 3},
    {"low": 0.8, "high": 1.0, "count": 9, "confidence": 0.9, "accuracy": 1.0},
]
FOUND = {"recall@1": 0.5, "intervals": {"recall@1": [0.4, 0.6]}}
NOT_MEASURED = {"recall@1": None, "intervals": {"recall@1": None}}


def colours(picture):
    """The number of colours of the light or the dark drawing, the smaller of the two."""
    counts = []
    for content in (picture.light, picture.dark):
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "PNG"
            found = image.convert("RGB").getcolors(1 << 20)
            assert found is not None
            counts.append(len(found))
    return min(counts)


@pytest.mark.parametrize("categories", [["sofas & chairs", "under $5 or $9^{"], [f"c{i}" for i in range(40)]])
def test_the_confusion_matrix_can_have_empty_unusual_and_many_categories(categories):
    counts = [[0] * len(categories) for _ in categories]
    counts[0][0], counts[0][1] = 3, 1
    found = plot_confusion(counts, categories)
    assert colours(found) > 10
    with Image.open(io.BytesIO(found.light)) as image:
        assert max(image.size) < 2_000


def test_categories_are_drawn_as_dots_unless_they_have_no_photo():
    shoes = {"f1": 0.9, "precision": 0.9, "recall": 0.9, "recall_interval": [0.6, 1.0], "count": 4}
    empty = {"f1": 0.0, "precision": 0.0, "recall": 0.0, "recall_interval": None, "count": 0}
    found = plot_per_category({"shoes": shoes, "new": empty})
    assert colours(found) > 3
    assert found.light == plot_per_category({"shoes": shoes}).light


@pytest.mark.parametrize("bins", [[], BINS[:1], BINS])
def test_reliability_is_drawn_from_any_number_of_bins(bins):
    assert colours(plot_reliability(BINS, bins)) > 3


def test_rankings_are_drawn_as_bars_unless_a_figure_is_none():
    measures = ["recall@1"]
    drawn = plot_retrieval({"embedding": FOUND, "logits": FOUND, "pooled": FOUND}, measures)
    missing = plot_retrieval({"embedding": FOUND, "logits": NOT_MEASURED, "pooled": NOT_MEASURED}, measures)
    assert drawn.light != missing.light
    assert colours(plot_retrieval(dict.fromkeys(("embedding", "logits"), NOT_MEASURED), measures)) > 1
