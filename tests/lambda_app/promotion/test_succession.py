"""Every order of drops, repeated and late ones, and of what operators decide in between; wrong clocks."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lambda_app.errors import PointerConflictError, RefusedReleaseError
from lambda_app.promotion.promotion import Promotion, go_live, promote_archive, promote_stored, rollback
from lambda_app.promotion.stored import manifest_key
from lambda_app.promotion.succession import AHEAD, HISTORY
from lambda_app.release.manifest import Manifest, Pointer
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.archives import build_archive
from tests.releases import CREATED_AT, move_pointer

pytestmark = pytest.mark.slow  # each promotion starts a process that tries the release

SETTINGS = Settings(store="unused", threads=1)
NOON = CREATED_AT
FAR = datetime(2099, 1, 1, tzinfo=UTC)


class Shop:
    """A store, and the clock of whoever changes it; every change takes a minute."""

    def __init__(self, root: Path, archives: dict[str, tuple[Path, Manifest]]) -> None:
        self.store = FolderStore(root)
        self.archives = archives
        self.moment = NOON + timedelta(days=1)

    def now(self) -> datetime:
        self.moment += timedelta(minutes=1)
        return self.moment

    def drop(self, name: str) -> Promotion:
        """Promotion after the trial, which decides nothing here and takes half a second."""
        archive, manifest = self.archives[name]
        return go_live(self.store, archive.parent, manifest, self.now)

    def promote_archive(self, name: str) -> Promotion:
        return promote_archive(self.store, self.archives[name][0], SETTINGS, now=self.now)

    def promote(self, name: str) -> Promotion:
        return promote_stored(self.store, self.release(name), SETTINGS, self.now)

    def rollback(self) -> Promotion:
        return rollback(self.store, SETTINGS, self.now)

    def release(self, name: str) -> str:
        return self.archives[name][1].release

    @property
    def pointer(self) -> Pointer:
        live = self.store.read_pointer()
        assert live is not None
        return live.pointer

    @property
    def live(self) -> str:
        """The name of the live release's archive."""
        return next(name for name in self.archives if self.release(name) == self.pointer.release)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Manifest]]:
    """Releases A, B, C, D of four hours; one of the day after tomorrow; one that a wrong clock dates in 2099."""
    times = {name: NOON + timedelta(hours=hour) for hour, name in enumerate("ABCD")}
    times |= {"after": NOON + timedelta(days=2), "2099": FAR}
    folder = tmp_path_factory.mktemp("archives")
    return {
        name: build_archive(folder / name, seed=seed, created_at=created_at, accuracy=0.9 + seed / 1000)
        for seed, (name, created_at) in enumerate(times.items())
    }


@pytest.fixture
def shop(tmp_path: Path, archives: dict[str, tuple[Path, Manifest]]) -> Shop:
    return Shop(tmp_path / "store", archives)


@pytest.mark.parametrize("order", sorted(set(itertools.permutations("AABBC", 5))), ids="".join)
def test_in_every_order_of_drops_the_latest_is_live_at_the_end(shop, order):
    for name in order:
        shop.drop(name)
    assert shop.live == "C"
    assert shop.pointer.high_water == shop.archives["C"][1].created_at


DECISIONS: dict[str, Callable[[Shop], Promotion]] = {
    "rollback": Shop.rollback,
    "promote A": lambda shop: shop.promote("A"),
    "promote and rollback": lambda shop: (shop.promote("A"), shop.rollback(), shop.promote("A"))[-1],
}


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("before", ["AB", "BA"])
def test_repeated_and_late_drops_cannot_undo_what_an_operator_decided(shop, before, decision):
    for name in before:
        shop.drop(name)
    if shop.pointer.previous is None and decision == "rollback":
        shop.promote("A")  # A came late and was never live
        shop.promote("B")
        assert shop.rollback().release == shop.release("A")
    else:
        DECISIONS[decision](shop)
    assert (shop.live, shop.pointer.high_water) == ("A", shop.pointer.promoted_at)
    orders = itertools.chain.from_iterable(itertools.permutations("ABC", 3))
    for name in orders:  # C is late: it was made before the decision
        assert shop.drop(name).outcome == ("already live" if name == "A" else "superseded")
    assert shop.live == "A"
    shop.moment = NOON + timedelta(days=2)
    assert shop.drop("after").outcome == "live"
    for name in "ABC":
        assert shop.drop(name).outcome == "superseded"
    assert shop.rollback().release == shop.release("A")


def test_a_release_from_the_future_is_refused(shop):
    shop.moment = shop.archives["A"][1].created_at - AHEAD - timedelta(minutes=1)
    assert shop.promote_archive("A").outcome == "live"  # a minute later it is an hour ahead
    shop.moment = shop.archives["B"][1].created_at - AHEAD - timedelta(minutes=1, seconds=1)
    with pytest.raises(
        RefusedReleaseError, match=r"created at 2026-11-01T13:00:00\+00:00; now it is 2026-11-01T11:59:59"
    ):
        shop.promote_archive("B")
    with pytest.raises(RefusedReleaseError, match="2099"):
        shop.promote_archive("2099")
    assert not shop.store.exists(manifest_key(shop.release("2099")))


@pytest.fixture
def misdated(shop: Shop) -> Shop:
    """As older code left it: a release of 2099 was promoted over A at `moment`; its date blocks all that follows."""
    shop.drop("A")
    known, moment = shop.pointer, shop.moment
    shop.moment = FAR
    shop.drop("2099")
    shop.moment = moment
    old = {"previous": known.release, "history": (), "promoted_at": moment, "high_water": FAR}
    move_pointer(shop.store, shop.pointer.model_copy(update=old))
    return shop


def test_a_wrong_date_in_the_pointer_does_not_block_what_comes_after(misdated):
    assert misdated.drop("B").outcome == "superseded"  # made before 2099 was promoted
    misdated.moment = NOON + timedelta(days=2)
    assert misdated.drop("after").outcome == "live"
    assert misdated.pointer.high_water == misdated.archives["after"][1].created_at
    with pytest.raises(RefusedReleaseError, match="2099"):
        misdated.promote_archive("2099")
    assert misdated.live == "after"


def test_a_rollback_from_a_wrong_date_heals_the_pointer(misdated):
    assert misdated.rollback().release == misdated.release("A")
    assert misdated.pointer.high_water == misdated.pointer.promoted_at < NOON + timedelta(days=2)
    assert misdated.drop("B").outcome == "superseded"
    misdated.moment = NOON + timedelta(days=2)
    assert misdated.drop("after").outcome == "live"


def test_promoting_a_wrong_date_does_not_block_what_comes_after(misdated):
    misdated.promote("A")
    assert misdated.promote("2099").outcome == "live"
    assert misdated.pointer.high_water == misdated.pointer.promoted_at
    misdated.moment = NOON + timedelta(days=2)
    assert misdated.drop("after").outcome == "live"


def test_a_clock_that_is_wrong_for_whoever_promotes_blocks_nothing(shop):
    shop.drop("A")
    shop.moment = FAR
    shop.drop("B")
    shop.rollback()
    shop.moment = NOON + timedelta(days=1)
    assert shop.drop("C").outcome == "live"


def test_rollback_goes_back_step_by_step_and_says_from_where_to_where(shop):
    for name in "ABC":
        shop.drop(name)
    a, b, c = (shop.release(name) for name in "ABC")
    assert shop.pointer.history == (b, a)
    figures = {name: f"(accuracy {value}, recall@4 {value})" for name, value in (("A", "0.900"), ("B", "0.901"))}
    assert shop.rollback().detail.endswith(f" to {b} {figures['B']}; {b} is live")
    assert (shop.pointer.previous, shop.pointer.history) == (a, (a,))
    assert shop.rollback().detail == f"rolled back from {b} {figures['B']} to {a} {figures['A']}; {a} is live"
    assert (shop.live, shop.pointer.previous) == ("A", None)
    with pytest.raises(RefusedReleaseError, match=f"holds nothing that was live before {a}"):
        shop.rollback()
    assert shop.promote("C").outcome == "live"
    assert shop.pointer.history == (a,)
    assert shop.rollback().release == a
    assert c not in shop.pointer.history


def test_rollback_leaves_out_what_was_pruned(shop):
    for name in "ABC":
        shop.drop(name)
    shop.store.delete(manifest_key(shop.release("B")))
    assert shop.rollback().release == shop.release("A")
    shop.promote("C")
    shop.store.delete(manifest_key(shop.release("A")))
    with pytest.raises(RefusedReleaseError, match=f"pruned: {shop.release('A')}"):
        shop.rollback()
    assert shop.live == "C"


def test_rollback_of_an_empty_store_says_so(shop):
    with pytest.raises(RefusedReleaseError, match="nothing is live"):
        shop.rollback()


def test_rollback_from_a_damaged_release_works(shop):
    shop.drop("A")
    shop.drop("B")
    shop.store.write(manifest_key(shop.release("B")), b"damaged")
    assert shop.rollback().detail.startswith(f"rolled back from {shop.release('B')} (no figures) to")


def test_a_pointer_of_older_code_goes_back_to_its_previous(shop):
    shop.drop("A")
    shop.drop("B")
    raw = shop.pointer.model_dump_json(exclude={"history"})
    move_pointer(shop.store, Pointer.model_validate_json(raw))
    assert shop.pointer.history == ()
    assert shop.rollback().release == shop.release("A")


def test_the_history_is_bounded(shop):
    long = [f"release-{number:02}" for number in range(HISTORY)]
    shop.drop("A")
    move_pointer(shop.store, shop.pointer.model_copy(update={"history": tuple(long), "previous": long[0]}))
    shop.drop("B")
    assert shop.pointer.history == (shop.release("A"), *long[:-1])


class Contested(FolderStore):
    """Another release is live the moment before the pointer is written; or the very write that is sent again."""

    other: Pointer | None = None

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        move_pointer(FolderStore(self.root), self.other or pointer)
        super().write_pointer(pointer, expected)


def test_rollback_does_not_replace_what_went_live_at_the_same_time(shop):
    for name in "ABC":
        shop.drop(name)
    contested = Contested(shop.store.root)
    contested.other = shop.pointer.model_copy(update={"release": shop.release("A")})
    with pytest.raises(PointerConflictError, match="has changed since it was read"):
        rollback(contested, SETTINGS, shop.now)
    assert shop.live == "A"


def test_a_rollback_whose_write_was_sent_twice_goes_back_one_step(shop):
    for name in "ABC":
        shop.drop(name)
    assert rollback(Contested(shop.store.root), SETTINGS, shop.now).release == shop.release("B")
    assert shop.live == "B"
