import dataclasses
import shutil
import tempfile
from contextlib import closing

import pytest

from lambda_app.release.manifest import MANIFEST, read_manifest, sha256_of
from lambda_app.store.opening import open_store
from tests.lambda_events import BUCKET
from tests.releases import publish_directly
from tests.s3_server import CREDENTIALS, S3Server
from training.errors import TeacherError
from training.network.teacher.release import manifest_of, recorded, take_over
from training.pipeline.work_folder import WorkFolder


@pytest.mark.parametrize("kind", ["archive", "release", "root"])
def test_a_teacher_is_an_archive_a_release_folder_or_a_work_folder(trained, tmp_path, kind):
    teacher = take_over(str(getattr(trained, kind)), tmp_path / "teacher")
    expected = read_manifest((trained.release / MANIFEST).read_bytes())
    assert teacher.manifest == expected == manifest_of(str(getattr(trained, kind)))
    assert sha256_of(teacher.path) == expected.model.sha256 == teacher.about()["sha256"]
    assert teacher.open().embedding_dim == teacher.dim == 256
    assert {path.name for path in (tmp_path / "teacher").iterdir()} == {"manifest.json", "model.onnx", "source.json"}
    assert recorded(tmp_path / "teacher") == teacher


def test_a_teacher_may_be_in_a_bucket(trained, tmp_path, monkeypatch):
    manifest = read_manifest((trained.release / MANIFEST).read_bytes())
    files = shutil.copytree(trained.release, tmp_path / "files")
    (files / "photos").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the store keeps copies of its files there
    with closing(S3Server()) as server:
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(f"AWS_{name.upper()}", str(value))
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        publish_directly(open_store(f"s3://{BUCKET}/shop"), files, manifest)
        for number, source in enumerate((f"s3://{BUCKET}/shop", f"s3://{BUCKET}/shop/releases/{manifest.release}")):
            teacher = take_over(source, tmp_path / str(number))
            assert teacher.manifest == manifest == manifest_of(source)
            assert sha256_of(teacher.path) == manifest.model.sha256
            before = teacher.path.stat().st_ino
            assert take_over(source, tmp_path / str(number)).path.stat().st_ino == before
        with pytest.raises(TeacherError, match=f"--teacher s3://{BUCKET}/none: "):
            take_over(f"s3://{BUCKET}/none", tmp_path / "none")


def test_the_same_file_is_copied_once_and_a_damaged_copy_again(trained, tmp_path):
    copied = take_over(str(trained.archive), tmp_path).path
    before = copied.stat().st_ino
    assert take_over(str(trained.archive), tmp_path).path.stat().st_ino == before
    copied.write_bytes(b"damaged")
    assert recorded(tmp_path) is None
    again = take_over(str(trained.archive), tmp_path)
    assert sha256_of(again.path) == again.manifest.model.sha256


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone.tar", "no such file or folder"),
        ("empty", r"holds no manifest\.json"),
        ("text.tar", "is not a readable tar archive"),
    ],
)
def test_what_is_no_release_is_refused(tmp_path, name, told):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("no tar")
    with pytest.raises(TeacherError, match=f"--teacher .*{name}: .*{told}"):
        take_over(str(tmp_path / name), tmp_path / "copy")
    assert recorded(tmp_path / "copy") is None


def test_a_model_that_is_not_the_one_in_the_manifest_is_refused(trained, tmp_path):
    work = WorkFolder(tmp_path)
    shutil.copytree(trained.release, work.release)
    work.model.write_bytes(work.model.read_bytes()[:-1] + b"x")
    with pytest.raises(TeacherError, match=r"model\.onnx has sha256"):
        take_over(str(tmp_path), tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda names: names, None),
        (lambda names: (*names[:2], "Kites", *names[3:]), r"category 3 is '.+' there and 'Kites' here"),
        (lambda names: (names[1], names[0], *names[2:]), "category 1 is"),
        (lambda names: names[:-1], "is missing here"),
        (lambda names: (*names, "Kites"), "'Kites' is missing there"),
    ],
)
def test_other_categories_are_refused_with_the_first_difference(trained, tmp_path, change, difference):
    teacher = take_over(str(trained.release), tmp_path)
    given = change(teacher.manifest.categories)
    if difference is None:
        teacher.check_categories(given)
        return
    with pytest.raises(TeacherError, match=f"must be the same in the same order: .*{difference}"):
        teacher.check_categories(given)


def test_a_manifest_that_does_not_fit_its_model_is_refused(trained, tmp_path):
    teacher = take_over(str(trained.release), tmp_path)
    fewer = teacher.manifest.model_copy(update={"categories": teacher.manifest.categories[1:]})
    with pytest.raises(TeacherError, match="has 13 classes and 256 dimensions, its manifest 12 and 256"):
        dataclasses.replace(teacher, manifest=fewer).open()
