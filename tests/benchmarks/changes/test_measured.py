"""Tests of `benchmarks.changes`."""

from itertools import pairwise

import pytest

from benchmarks.changes import drops, measured
from benchmarks.changes.base import large_release
from benchmarks.changes.drops import Sizes
from lambda_app.catalogue.changes import Remove, Update
from lambda_app.catalogue.dropped import read_lines

SIZES = Sizes(photos=3, prices=20, removals=5)


@pytest.mark.slow
def test_changes_are_counted_and_take_no_forward_pass_but_for_new_photos(release, tmp_path):
    report = measured.measure(large_release(release, 120, tmp_path / "large"), SIZES)
    rows = [(row.measure, row.ours.median) for row in report.rows]
    photos = [value for name, value in rows if name == "  photos through the network"]
    assert photos == 2 * [3, 0, 0, 0]
    assert {value for name, value in rows if name == "  changes that were rejected"} == {0}
    assert {value for name, value in rows if name.startswith("    over photos")} == {0}
    assert [row.measure for row in report.rows if row.met is False and " s" not in row.measure] == []
    # The new photo needs the network, which the bucket's process has to fetch first.
    fetched = [value for name, value in rows if name == "  fetched beside photos, MB"]
    assert all(fetched[0] > later for later in fetched[1:])


def test_a_release_is_made_once(release, tmp_path):
    first = large_release(release, 60, tmp_path / "large")
    again = large_release(release, 60, tmp_path / "large")
    assert again.manifest == first.manifest
    assert (first.manifest.count, len(first.manifest.smoke)) == (60, 5)


def test_the_kinds_take_items_of_their_own():
    lines = [
        read_lines(drops.prices(20), "prices"),
        read_lines(drops.removals(5, first=20), "removals"),
        read_lines(drops.prices(1, first=25), "price"),
    ]
    ids = [{change.image_id for change in changes if isinstance(change, Update | Remove)} for changes in lines]
    assert [len(found) for found in ids] == [20, 5, 1]
    assert all(not one & other for one, other in pairwise(ids))
