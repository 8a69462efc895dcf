from pathlib import Path

import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.archive import unpack
from reliability.fuzz.drops.archives import ATTACKS, RELEASE, Sound, tar
from tests.releases import build_release

# What is refused later: by the promotion, which compares with the live release and verifies every file.
LATER = {"gzip bomb", "date in the far future", "accuracy that is not a number", "accuracy of 7", "no figures"}
LARGE = {name for name in ATTACKS if name.startswith("huge ")} | {"gzip bomb", "very many members"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    folder = tmp_path_factory.mktemp("release")
    build_release(folder)
    return Sound(folder)


def test_without_an_attack_the_archive_is_sound(sound: Sound, tmp_path: Path):
    (tmp_path / "sound.tar").write_bytes(tar(sound.members()))
    assert unpack(tmp_path / "sound.tar", tmp_path / "out").release == RELEASE


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - LATER - LARGE))
def test_an_attack_does_not_unpack(sound: Sound, tmp_path: Path, name: str):
    (tmp_path / "x.tar").write_bytes(ATTACKS[name](sound))
    with pytest.raises(ReleaseError):
        unpack(tmp_path / "x.tar", tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("name", sorted(LATER - LARGE))
def test_the_others_are_sound_archives(sound: Sound, tmp_path: Path, name: str):
    (tmp_path / "x.tar").write_bytes(ATTACKS[name](sound))
    assert unpack(tmp_path / "x.tar", tmp_path / "out").release == RELEASE


def test_there_are_enough_and_no_two_are_equal(sound: Sound):
    made = [ATTACKS[name](sound) for name in sorted(set(ATTACKS) - LARGE)]
    assert len(set(made)) == len(made)
    assert len(ATTACKS) >= 50
