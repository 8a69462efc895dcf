"""A few writers that are killed, and proof that the audit notices what must not happen."""

from datetime import UTC, datetime

import numpy as np
import pytest

from lambda_app.catalogue.changes import Change, Entry, Header, Item, NewValues, Remove, Update, Upsert
from lambda_app.release.catalog import CatalogItem
from reliability.soak.changes import writers
from reliability.soak.changes.audit import Catalogue, Findings, check_items
from reliability.soak.changes.plan import Expected, expected, rejected_lines, steps
from tests.reliability.soak.quick import counts, missed

WANTED = Expected({"a": 1.0, "b": None}, {}, set())
VECTORS = {"a": np.array([1, 0], np.float32), "b": np.array([0, 1], np.float32)}


@pytest.mark.slow
def test_killed_writers_lose_nothing_and_write_nothing_twice():
    report = writers.run(quick=True)
    assert missed(report) == [], report.notes
    assert all(count > 0 for count in counts(report, "changes rejected with a reason"))


def item(image_id: str, price: float | None) -> CatalogItem:
    return CatalogItem(image_id, f"product-{image_id}", "Sofas", None, price, None, "datasets/x/a.jpg")


@pytest.mark.parametrize(
    ("items", "vectors", "problem"),
    [
        ([item("a", 1.0), item("b", None)], [VECTORS["a"], VECTORS["b"]], None),
        ([item("a", 1.0)], [VECTORS["a"]], "b is not in the catalogue"),
        ([item("a", 1.0), item("b", None), item("b", None)], [*VECTORS.values(), VECTORS["b"]], "b is 2 times"),
        ([item("a", 2.0), item("b", None)], [VECTORS["a"], VECTORS["b"]], "a has the price 2.0; the log says 1.0"),
        ([item("a", 1.0), item("b", None)], [VECTORS["b"], VECTORS["b"]], "a has another photo"),
        ([item("a", 1.0), item("b", None), item("c", 1.0)], [*VECTORS.values(), VECTORS["a"]], "c is in the catalogue"),
    ],
)
def test_items_that_are_not_as_the_log_says_are_found(items, vectors, problem):
    found = Findings()
    check_items(Catalogue(items, np.stack(vectors)), WANTED, VECTORS, found)
    assert (found.problems == []) is (problem is None)
    assert problem is None or problem in found.problems[0]


def test_a_log_is_applied_to_a_dictionary_in_its_order():
    def added(image_id: str, photo: str, category: str = "Sofas") -> Upsert:
        return Upsert(item=Item(image_id=image_id, product_id="p", category=category, photo=f"datasets/x/{photo}"))

    changes: list[Change] = [
        added("new", "good.jpg"),
        added("old", "broken.jpg"),
        Update(image_id="old", set=NewValues(price=5.0)),
        added("other", "good.jpg", "Boats"),
        Remove(image_id="gone"),
        Remove(image_id="gone"),
    ]
    header = Header(batch="b", source="s", written_at=datetime(2026, 11, 1, tzinfo=UTC), changes=len(changes))
    log = [Entry(1, header, tuple(changes))]
    found = expected({"old": 1.0, "gone": 2.0}, log, {"datasets/x/broken.jpg"}, {"datasets/x/good.jpg": 7})
    assert found == Expected({"old": 5.0, "new": None}, {"new": 7}, {(1, 2), (1, 4), (1, 6)})


def test_the_steps_of_a_writer_are_always_the_same_and_of_all_kinds():
    assert steps(3, 25) == steps(3, 25)
    assert steps(3, 25) != steps(4, 25)
    kinds = {type(change) for step in steps(3, 25) for change in step.changes}
    assert kinds == {Upsert, Update, Remove}


def test_a_rejection_without_a_reason_is_an_error():
    assert rejected_lines(b'{"entry": 3, "rejected": [{"line": 2, "reason": "why"}]}') == {(3, 2)}
    with pytest.raises(ValueError, match="entry 3 was rejected without a reason"):
        rejected_lines(b'{"entry": 3, "rejected": [{"line": 2, "reason": ""}]}')
