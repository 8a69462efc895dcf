from pathlib import Path

import pytest

from lambda_app.catalogue.vectors.bookkeeping import Progress, held_in_indexes, stored_state, stored_states
from lambda_app.errors import ConflictError, ReleaseError
from lambda_app.search.s3vectors.state import IndexState, Loading
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from tests.catalogue_changes import NOW, now
from tests.s3_server import S3Server

INDEX = "items-0123456789abcdef"
BEGUN = IndexState(
    vector_bucket="shop", loading=Loading(release="20261101-120000-0a1b2c3d", puts=40, loader="a"), updated_at=NOW
)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> Store:
    return FolderStore(tmp_path / "store") if request.param == "folder" else s3.store("shop/", tmp_path / "cache")


def done(store: Store) -> tuple[tuple[int, int], ...]:
    state, _ = stored_state(store, INDEX)
    assert state is not None
    assert state.loading is not None
    return state.loading.done


def test_what_is_done_is_in_the_store_before_the_next_batch(place: Store):
    assert stored_state(place, INDEX) == (None, None)
    progress = Progress(place, INDEX, BEGUN, None, now)
    progress.done(8, 16)
    assert done(place) == ((8, 16),)
    progress.done(0, 8)
    progress.done(24, 32)
    assert done(place) == ((0, 16), (24, 32))
    progress.end(release="20261101-120000-0a1b2c3d", count=40)
    state, _ = stored_state(place, INDEX)
    assert state is not None
    assert (state.loading, state.count) == (None, 40)
    assert stored_states(place) == {INDEX: state}
    assert held_in_indexes(place) == {"20261101-120000-0a1b2c3d"}


def test_the_loader_that_began_first_stops(place: Store):
    first = Progress(place, INDEX, BEGUN, None, now)
    _, version = stored_state(place, INDEX)
    assert BEGUN.loading is not None
    other = BEGUN.model_copy(update={"loading": BEGUN.loading.model_copy(update={"loader": "b"})})
    second = Progress(place, INDEX, other, version, now)
    with pytest.raises(ConflictError, match=f"another loader works on index {INDEX} now, so this one has stopped"):
        first.done(0, 8)
    second.done(0, 8)
    assert done(place) == ((0, 8),)
    with pytest.raises(ConflictError):
        Progress(place, INDEX, BEGUN, None, now)


def test_a_batch_that_was_on_its_way_is_noted_in_the_load_of_another_release(place: Store):
    first = Progress(place, INDEX, BEGUN, None, now)
    first.may_send(0)
    _, version = stored_state(place, INDEX)
    other = BEGUN.model_copy(update={"loading": Loading(release="20261102-120000-0a1b2c3d", puts=9, loader="b")})
    second = Progress(place, INDEX, other, version, now)
    second.done(0, 4)
    with pytest.raises(ConflictError):
        first.done(0, 8)
    with pytest.raises(ConflictError):  # it sends nothing more
        first.may_send(8)
    first.note_late()
    state, _ = stored_state(place, INDEX)
    assert state is not None
    assert state.loading is not None
    # The other load begins again: what it has sent may have been overwritten.
    assert (state.loading.between, state.loading.done) == ((BEGUN.loading.release,), ())  # type: ignore[union-attr]
    with pytest.raises(ConflictError):
        second.done(4, 8)
    second.note_late()
    assert stored_state(place, INDEX)[0] == state


def test_a_load_that_still_has_its_index_notes_nothing(place: Store):
    progress = Progress(place, INDEX, BEGUN, None, now)
    progress.may_send(0)
    before = stored_state(place, INDEX)
    progress.note_late()
    assert stored_state(place, INDEX) == before


def test_a_write_whose_answer_was_lost_is_no_conflict(tmp_path: Path):
    class Losing(FolderStore):
        def replace(self, key: str, data: bytes, expected: str | None) -> None:
            super().replace(key, data, expected)
            raise ConflictError("sent again")

    progress = Progress(Losing(tmp_path), INDEX, BEGUN, None, now)
    progress.done(0, 8)
    assert done(FolderStore(tmp_path)) == ((0, 8),)


def test_a_damaged_state_is_named(tmp_path: Path):
    store = FolderStore(tmp_path)
    store.write(f"vectors/{INDEX}.json", b'{"format": 1}')
    with pytest.raises(ReleaseError, match="state of the index is damaged: vector_bucket"):
        stored_state(store, INDEX)
