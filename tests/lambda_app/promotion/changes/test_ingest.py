import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambda_app.catalogue import building, embedding, log
from lambda_app.catalogue.changes import Change, write_entry
from lambda_app.errors import RefusedReleaseError
from lambda_app.model.session import Model
from lambda_app.promotion import ingest, smoke_replay
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import promote_stored
from lambda_app.promotion.succession import move_pointer
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.manifest import Manifest
from lambda_app.release.smoke import SmokeCase
from lambda_app.store.contract import Store
from tests.catalogue_changes import NOW, SETTINGS, change, has, live, logged, now, removed, upserted
from tests.releases import CATEGORIES, DATASET, build_release, publish_directly

BASE = [f"{product:03}{letter}" for product in range(20) for letter in "ab"]


def test_changes_of_all_kinds_are_live_in_one_release(store: Store, made: Manifest, tmp_path: Path):
    logged(
        store,
        upserted(store, tmp_path, "new"),
        change(op="update", image_id="000a", set={"price": 7.5, "title": None}),
        change(op="update", product_id="product-001", set={"location": "Leeds"}),
        removed(image_id="002a"),
        removed(product_id="product-003"),
    )
    done = apply_changes(store, SETTINGS, now)
    assert (done.through, done.applied, done.rejected) == (1, 5, 0)
    after = live(store)
    assert after.manifest.parent == made.release
    assert after.manifest.count == made.count + 1 - 3
    assert (after.item("000a").price, after.item("000a").title) == (7.5, None)
    assert [after.item(image_id).location for image_id in ("001a", "001b")] == ["Leeds", "Leeds"]
    assert [has(after, image_id) for image_id in ("new", "002a", "002b", "003a", "003b")] == [
        True,
        False,
        True,
        False,
        False,
    ]
    photo = store.read(f"{DATASET}photos/new.jpg")
    (nearest,) = after.similar(after.analyse(photo).embedding, SimilarQuery(k=1, rank="cosine"))
    assert (nearest.item.image_id, round(nearest.score, 3)) == ("new", 1.0)


def test_descriptions_are_set_kept_cleared_and_searched(store: Store, made: Manifest, tmp_path: Path):
    logged(
        store,
        upserted(store, tmp_path, "new", description="Of walnut"),
        change(op="update", product_id="product-001", set={"price": 7.5}),
        change(op="update", image_id="003a", set={"description": "Of beech"}),
        change(op="update", product_id="product-005", set={"description": None}),
    )
    apply_changes(store, SETTINGS, now)
    after = live(store)
    names = ("new", "001a", "001b", "003a", "003b", "005a", "007a")
    oak = "Solid oak, hardly used"
    assert [after.item(name).description for name in names] == ["Of walnut", oak, oak, "Of beech", oak, None, oak]

    def found(word: str) -> set[str]:
        matches = after.search(SimilarQuery(k=40, words=word, distinct="image"))
        return {match.item.image_id for match in matches}

    assert (found("walnut"), found("beech")) == ({"new"}, {"003a"})
    assert found("oak") & {*names} == {"001a", "001b", "003b", "007a"}
    # The next segment takes in this one: its rows are copied.
    more = [upserted(store, tmp_path, name) for name in ("newer", "newest", "latest")]
    logged(store, *more, at=NOW + timedelta(seconds=1))
    apply_changes(store, SETTINGS, now)
    again = live(store)
    assert [len(release.manifest.segments) for release in (after, again)] == [1, 1]
    assert [again.item(name).description for name in names] == [after.item(name).description for name in names]


def test_an_updated_item_keeps_its_vector_without_a_forward_pass(
    store: Store, made: Manifest, monkeypatch: pytest.MonkeyPatch
):
    before = live(store)
    expected = before.similar_to("000a", SimilarQuery(k=5))
    monkeypatch.setattr(Model, "run", lambda *_: pytest.fail("a forward pass"))
    logged(store, change(op="update", image_id="000a", set={"price": 1.0}), removed(product_id="product-005"))
    apply_changes(store, SETTINGS, now)
    found = live(store).similar_to("000a", SimilarQuery(k=5))
    kept = [match.item.image_id for match in expected if match.item.product_id != "product-005"]
    assert [match.item.image_id for match in found][: len(kept)] == kept
    assert made.model == live(store).manifest.model


def test_what_cannot_be_applied_is_noted_with_its_reason(store: Store, made: Manifest, tmp_path: Path):
    store.write(f"{DATASET}photos/broken.jpg", b"no photo")
    broken = {
        "image_id": "000a",
        "product_id": "product-000",
        "category": CATEGORIES[0],
        "photo": f"{DATASET}photos/broken.jpg",
    }
    (number,) = logged(
        store,
        removed(image_id="nobody"),
        change(op="upsert", item=broken),
        upserted(store, tmp_path, "boat", category="Boats"),
        change(op="upsert", item={**broken, "image_id": "lost", "photo": f"{DATASET}photos/lost.jpg"}),
        removed(image_id="001a"),
    )
    before = live(store).item("000a")
    done = apply_changes(store, SETTINGS, now)
    assert (done.applied, done.rejected) == (1, 4)
    note = json.loads(store.read(f"rejected/changes/{number:012}.json"))
    reasons = {found["line"]: found["reason"] for found in note["rejected"]}
    assert sorted(reasons) == [1, 2, 3, 4]
    assert "no item has the image_id 'nobody'" in reasons[1]
    assert "cannot be used" in reasons[2]
    assert "'Boats' is unknown" in reasons[3]
    assert "has no photo" in reasons[4]
    after = live(store)
    assert after.item("000a") == before
    assert after.manifest.count == made.count - 1


def test_changes_after_one_whose_photo_is_broken_apply_as_if_it_had_not_come(store: Store, made: Manifest):
    """Whether they are in one release with it or in a later one."""
    store.write(f"{DATASET}photos/broken.jpg", b"no photo")
    item = {"product_id": "p", "category": CATEGORIES[0], "photo": f"{DATASET}photos/broken.jpg", "price": 1.0}
    (number,) = logged(
        store,
        change(op="upsert", item={**item, "image_id": "000a"}),
        change(op="update", image_id="000a", set={"price": 7.0}),
        change(op="upsert", item={**item, "image_id": "new"}),
        change(op="update", image_id="new", set={"price": 7.0}),
        change(op="upsert", item={**item, "image_id": "001a"}),
        removed(image_id="001a"),
    )
    done = apply_changes(store, SETTINGS, now)
    after = live(store)
    assert (after.item("000a").price, after.item("000a").product_id) == (7.0, "product-000")
    assert [has(after, image_id) for image_id in ("new", "001a")] == [False, False]
    assert (done.applied, done.rejected) == (2, 4)
    note = json.loads(store.read(f"rejected/changes/{number:012}.json"))
    assert [found["line"] for found in note["rejected"]] == [1, 3, 4, 5]
    assert "no item has the image_id 'new'" in note["rejected"][2]["reason"]


def test_applying_twice_changes_nothing(store: Store, made: Manifest):
    logged(store, removed(image_id="000a"))
    first = apply_changes(store, SETTINGS, now)
    again = apply_changes(store, SETTINGS, now)
    assert (again.release, again.applied, again.rejected) == (first.release, 0, 0)
    assert first.release != made.release


def test_a_lost_race_applies_the_changes_to_what_is_live_then(
    store: Store, made: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another writer is faster, with a change of its own. Photos are embedded once."""
    logged(store, upserted(store, tmp_path, "new"))
    forward: list[int] = []
    run, move = embedding._run, move_pointer

    def counted(photos: Sequence[Any], *rest: Any) -> Any:
        forward.append(len(photos))
        return run(photos, *rest)

    def beaten(*call: Any) -> None:
        monkeypatch.setattr(ingest, "move_pointer", move)
        logged(store, removed(image_id="000a"), at=NOW + timedelta(seconds=1))
        apply_changes(store, SETTINGS, now)
        forward.clear()
        move(*call)

    monkeypatch.setattr(embedding, "_run", counted)
    monkeypatch.setattr(ingest, "move_pointer", beaten)
    done = apply_changes(store, SETTINGS, now)
    assert (done.through, forward) == (2, [])
    after = live(store)
    assert (has(after, "new"), has(after, "000a")) == (True, False)


def test_the_last_photo_is_not_removed(store: Store, made: Manifest):
    logged(store, *(removed(product_id=f"product-{number:03}") for number in range(20)))
    done = apply_changes(store, SETTINGS, now)
    assert (done.through, done.applied, done.rejected) == (1, 19, 1)
    assert "would remove the last of 2 photos" in store.read("rejected/changes/000000000001.json").decode()
    assert live(store).manifest.count == 2


def test_photos_that_cannot_be_used_do_not_leave_an_empty_catalogue(store: Store, made: Manifest, tmp_path: Path):
    """The store lacks the photo that is added, so the last one of the others may not be removed."""
    lost = {"image_id": "lost", "product_id": "lost", "category": CATEGORIES[0], "photo": f"{DATASET}photos/lost.jpg"}
    removals = [removed(product_id=f"product-{number:03}") for number in range(20)]
    logged(store, change(op="upsert", item=lost), *removals)
    done = apply_changes(store, SETTINGS, now)
    assert (done.applied, done.rejected, live(store).manifest.count) == (19, 2, 2)


def test_nothing_is_applied_to_a_store_without_a_release(store: Store):
    with pytest.raises(RefusedReleaseError, match="nothing is live"):
        apply_changes(store, SETTINGS, now)


def nearest_by_numpy(recommender: Recommender, case: SmokeCase) -> tuple[str, float]:
    ids = [image_id for image_id in BASE if has(recommender, image_id)]
    embedding = recommender.analyse(base64.b64decode(case.photo)).embedding
    scores = [recommender.cosine(embedding, image_id) for image_id in ids]
    return ids[int(np.argmax(scores))], max(scores)


def test_smoke_cases_name_the_nearest_item_that_is_left(store: Store, made: Manifest, monkeypatch: pytest.MonkeyPatch):
    """Without a forward pass."""
    neighbours = {case.neighbour for case in made.smoke}
    logged(store, *(removed(image_id=image_id) for image_id in neighbours))
    with monkeypatch.context() as patched:
        patched.setattr(Model, "run", lambda *_: pytest.fail("a forward pass"))
        apply_changes(store, SETTINGS, now)
    after = live(store)
    for case in after.manifest.smoke:
        name, score = nearest_by_numpy(after, case)
        assert (case.neighbour, round(case.score, 2)) == (name, round(score, 2))
    assert smoke_replay.replay(after, after.manifest) == []
    assert promote_stored(store, made.release, SETTINGS, now).outcome == "live"  # and it passes its trial


def test_a_smoke_case_follows_when_its_neighbour_gets_another_photo(store: Store, made: Manifest, tmp_path: Path):
    (replaced, *_) = {case.neighbour for case in made.smoke}
    logged(store, upserted(store, tmp_path, "other", image_id=replaced))
    apply_changes(store, SETTINGS, now)
    after = live(store)
    assert replaced not in {case.neighbour for case in after.manifest.smoke}
    assert smoke_replay.replay(after, after.manifest) == []


def test_smoke_cases_of_an_older_release_get_an_embedding_when_their_neighbour_is_removed(store: Store, tmp_path: Path):
    built = build_release(tmp_path / "old")
    cases = [case.model_copy(update={"embedding": None, "cosine": None}) for case in built.smoke]
    old = build_release(tmp_path / "old", smoke=cases)
    publish_directly(store, tmp_path / "old", old)
    logged(store, removed(image_id=cases[0].neighbour))
    apply_changes(store, SETTINGS, now)
    after = live(store).manifest
    assert after.smoke[1:] == old.smoke[1:]
    assert after.smoke[0].neighbour != cases[0].neighbour
    assert after.smoke[0].embedding == built.smoke[0].embedding


@pytest.mark.parametrize("most", [1, 8])
def test_many_small_changes_stay_in_few_segments(
    store: Store, made: Manifest, monkeypatch: pytest.MonkeyPatch, most: int
):
    monkeypatch.setattr(building, "_MOST_ADDED", most)
    for number in range(20):
        logged(
            store, change(op="update", image_id=f"{number:03}a", set={"price": 3.0}), at=NOW + timedelta(seconds=number)
        )
        apply_changes(store, SETTINGS, now)
    after = live(store)
    assert len(after.manifest.segments) <= min(most, 6)
    assert {after.item(f"{number:03}a").price for number in range(20)} == {3.0}
    assert after.manifest.count == made.count


def test_random_changes_equal_a_dictionary(store: Store, made: Manifest, tmp_path: Path):
    """200 changes in entries of random length, applied at random moments. The dictionary holds the prices."""
    random = np.random.default_rng(5)
    stored = {image_id: live(store).item(image_id).price for image_id in BASE}
    expected = dict(stored)
    photos = {name: upserted(store, tmp_path, name, price=2.5) for name in ("n1", "n22", "n333")}
    pending: list[Change] = []

    def update() -> None:
        image_id, price = str(random.choice([*expected, "nobody"])), float(random.integers(1, 99))
        pending.append(change(op="update", image_id=image_id, set={"price": price}))
        if image_id in expected:
            expected[image_id] = price

    def remove() -> None:
        image_id = str(random.choice([*expected, *photos]))
        if len(expected) > 5:
            pending.append(removed(image_id=image_id))
            expected.pop(image_id, None)

    def upsert() -> None:
        name = str(random.choice([*photos]))
        pending.append(photos[name])
        expected[name] = 2.5

    for step in range(200):
        [update, update, remove, upsert][int(random.integers(4))]()
        if pending and random.random() < 0.15:
            logged(store, *pending, at=NOW + timedelta(seconds=step))
            pending.clear()
            if random.random() < 0.5:
                apply_changes(store, SETTINGS, now)
    logged(store, *pending, removed(image_id="nobody"), at=NOW + timedelta(seconds=999))
    apply_changes(store, SETTINGS, now)
    after = live(store)
    assert after.manifest.count == len(expected)
    found = {image_id: after.item(image_id).price for image_id in [*BASE, *photos] if has(after, image_id)}
    assert found == expected


def test_more_entries_than_tries_are_applied(store: Store, made: Manifest, monkeypatch: pytest.MonkeyPatch):
    """Only lost races count as tries: a long log becomes as many releases as it needs."""
    monkeypatch.setattr(log, "MOST_CHANGES_AT_ONCE", 1)
    monkeypatch.setattr(ingest, "_POINTER_TRIES", 2)
    for number in range(4):
        logged(store, removed(image_id=f"{number:03}a"), at=NOW + timedelta(seconds=number))
    assert apply_changes(store, SETTINGS, now).applied == 4


def test_the_reference_follows_the_catalogue(store: Store, tmp_path: Path):
    """It has the new photo, not the removed one, and the figures of a search over what is there now."""
    first = build_release(tmp_path / "referenced", referenced=True)
    publish_directly(store, tmp_path / "referenced", first)
    assert first.reference is not None
    logged(store, upserted(store, tmp_path, "new"), removed(image_id=first.reference.photos[0]))
    apply_changes(store, SETTINGS, now)
    after = live(store)
    found = after.manifest.reference
    assert found is not None
    assert {"new", *first.reference.photos[1:]} == {*found.photos}
    analysis = after.analyse(store.read(f"{DATASET}photos/new.jpg"))
    place = found.photos.index("new")
    assert found.categories[place] == after.top(analysis, 1)[0]
    assert found.cells[place] == found.cell(analysis.embedding)
    (nearest,) = after.similar_to("new", SimilarQuery(k=1, distinct="image"))
    assert found.scores[place] == pytest.approx(nearest.score, abs=1e-4)


def test_a_change_of_prices_leaves_the_reference_as_it_is(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = build_release(tmp_path / "referenced", referenced=True)
    publish_directly(store, tmp_path / "referenced", first)
    monkeypatch.setattr("lambda_app.catalogue.derived.reference.rederived", lambda *_: pytest.fail("a search"))
    logged(store, change(op="update", image_id="000a", set={"price": 1.0}))
    apply_changes(store, SETTINGS, now)
    assert live(store).manifest.reference == first.reference


@pytest.mark.parametrize("name", ["a\x7f.jpg", "a" * 300])
def test_a_photo_that_no_store_can_be_asked_for_does_not_stop_the_log(
    store: Store, made: Manifest, tmp_path: Path, name: str
):
    item = {"image_id": "x", "product_id": "x", "category": CATEGORIES[0], "photo": f"{DATASET}photos/a.jpg"}
    data = write_entry([change(op="upsert", item=item)], "other software", "b1", NOW)
    store.write(log.entry_key(1), data.replace(b"a.jpg", json.dumps(name)[1:-1].encode()))
    logged(store, removed(image_id="000a"))
    done = apply_changes(store, SETTINGS, now)
    assert (done.through, done.applied, done.rejected) == (2, 1, 1)
    assert not has(live(store), "000a")
