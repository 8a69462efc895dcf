from pathlib import Path

import pytest

from lambda_app.errors import RefusedReleaseError, ReleaseError
from lambda_app.promotion import trial_process
from lambda_app.promotion.trial_process import tried
from lambda_app.settings import Settings
from tests.crafted import indexes
from tests.lambda_app.conftest import BuiltRelease

SETTINGS = Settings(store="", threads=1)


def files(folder: Path) -> dict[str, Path]:
    return {name: folder / name for name in ("model.onnx", "index.faiss", "catalog.sqlite")}


def test_a_sound_release_is_told_what_it_took(built: BuiltRelease):
    found = tried(built.manifest.to_json(), files(built.folder), SETTINGS, 1000)
    assert set(found) == {"milliseconds", "megabytes"}
    assert found["milliseconds"] > 0


def test_a_manifest_that_cannot_be_read_again_is_unsound(built: BuiltRelease):
    assert "is not JSON" in tried(b"{", files(built.folder), SETTINGS, 1000)["unsound"]


def test_a_damaged_file_is_unsound(tmp_path: Path, built: BuiltRelease):
    for name, path in files(built.folder).items():
        (tmp_path / name).write_bytes(path.read_bytes())
    indexes.cut(tmp_path / "index.faiss", {})
    assert "not a FAISS index" in tried(built.manifest.to_json(), files(tmp_path), SETTINGS, 1000)["unsound"]


def test_wrong_answers_are_refused(built: BuiltRelease):
    case = built.manifest.smoke[0].model_copy(update={"neighbour": "gone"})
    manifest = built.manifest.model_copy(update={"smoke": (case,)})
    found = tried(manifest.to_json(), files(built.folder), SETTINGS, 1000)
    assert found["refused"].startswith("fails its smoke cases: smoke case 1: the release has no item 'gone'")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError(), {"refused": "needed more than 1,000 MB in its trial"}),
        (RuntimeError("std::bad_alloc"), {"refused": "needed more than 1,000 MB in its trial"}),
        (caused(ReleaseError("x"), MemoryError()), {"refused": "needed more than 1,000 MB in its trial"}),
        (caused(RefusedReleaseError("x"), MemoryError()), {"refused": "needed more than 1,000 MB in its trial"}),
        (KeyError("row"), {"refused": "does not load or does not answer: KeyError: 'row'"}),
        (OverflowError("a\nb"), {"refused": "does not load or does not answer: OverflowError: a b"}),
        (AttributeError("y" * 1000), {"refused": "does not load or does not answer: AttributeError: " + "y" * 484}),
    ],
)
def test_any_error_becomes_a_refusal_with_words(
    built: BuiltRelease, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: dict[str, str]
):
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(trial_process, "attempt", fail)
    assert tried(built.manifest.to_json(), files(built.folder), SETTINGS, 1000) == answer
