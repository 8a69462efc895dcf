from datetime import UTC, datetime

import pytest

from lambda_app.catalogue.changes import Change, Entry, Remove, Revert, read_entry, write_entry
from lambda_app.catalogue.draft import effective


def entry(number: int, change: Change) -> Entry:
    return read_entry(number, write_entry([change], "test", f"b{number}", datetime(2026, 11, 26, tzinfo=UTC)))


@pytest.mark.parametrize("undone", [6, 10**15])
def test_a_revert_undoes_entries_between_its_release_and_itself_whatever_numbers_it_names(undone: int):
    entries = [entry(number, Remove(image_id="1a")) for number in range(4, 9)]
    entries[3] = entry(7, Revert(release="20261126-050000-0123abcd", through=4, undone=undone))
    assert [one.number for one in effective(entries)] == [4, 8]
    assert [one.number for one in effective(entries[2:])] == [8]
    assert list(effective([])) == []
