"""Whatever a drop holds, it is refused with words, and the live release goes on answering."""

from pathlib import Path

import pytest

from lambda_app.errors import ReleaseError
from lambda_app.promotion.promotion import promote_archive
from lambda_app.promotion.stored import manifest_key
from lambda_app.recommendation.live import LiveRelease
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.crafted.bases import build_inverted
from tests.crafted.drops import DROPS, Crafted, archive
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import publish_directly

pytestmark = pytest.mark.slow

SETTINGS = Settings(store="unused", threads=1, forward_seconds=1, reload_seconds=0)
RELEASE = "20261102-000000-00000000"


@pytest.fixture(scope="module")
def inverted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound release of 200 photos with an inverted file."""
    folder = tmp_path_factory.mktemp("inverted")
    build_inverted(folder)
    return folder


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, built: BuiltRelease) -> tuple[FolderStore, LiveRelease]:
    """A store whose live release is `built`, and what serves it."""
    store = FolderStore(tmp_path_factory.mktemp("store"))
    publish_directly(store, built.folder, built.manifest)
    serving = LiveRelease(store, SETTINGS)
    serving.current()
    return store, serving


def test_the_sound_releases_that_drops_are_made_of_pass(tmp_path: Path, inverted: Path, built: BuiltRelease):
    for number, base in enumerate((built.folder, inverted)):
        sound = Crafted("sound", None, lambda path, raw: None, "")
        folder = tmp_path / str(number)
        folder.mkdir()
        store = FolderStore(folder / "store")
        assert promote_archive(store, archive(sound, base, folder, RELEASE), SETTINGS).outcome == "live"


@pytest.mark.parametrize("crafted", DROPS, ids=lambda crafted: crafted.name)
def test_a_crafted_drop_is_refused_and_the_live_release_answers(
    tmp_path: Path, live: tuple[FolderStore, LiveRelease], built: BuiltRelease, inverted: Path, crafted: Crafted
):
    store, serving = live
    before = store.read_pointer()
    drop = archive(crafted, inverted if crafted.inverted else built.folder, tmp_path, RELEASE)
    with pytest.raises(ReleaseError, match=crafted.says) as refusal:
        promote_archive(store, drop, SETTINGS)
    assert len(str(refusal.value)) < 1000
    assert store.read_pointer() == before
    assert not store.exists(manifest_key(RELEASE))
    recommender = serving.current().recommender
    assert recommender.manifest.release == built.manifest.release
    assert recommender.analyse(built.photo("003a")).embedding.shape == (16,)


def test_the_drops_cover_what_a_drop_can_hold():
    assert len({crafted.name for crafted in DROPS}) == len(DROPS) >= 70
