import dataclasses

import numpy as np
import pytest

from lambda_app.photo.preprocessing import load_rgb, normalise
from training.dataset import Dataset
from training.errors import TeacherError
from training.network.teacher import outputs
from training.network.teacher.release import take_over
from training.pipeline.work_folder import WorkFolder
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare


@pytest.fixture
def work(tmp_path):
    work = WorkFolder(tmp_path / "work")
    work.teacher.mkdir(parents=True)
    return work


@pytest.fixture
def teacher(trained, work):
    return take_over(str(trained.archive), work.teacher)


def test_the_outputs_are_those_of_the_release_for_all_photos(teacher, work, small_dataset):
    assert outputs.run(work, small_dataset, teacher, None)
    found = np.load(work.teacher_outputs)
    photos = np.array(small_dataset.photos)
    expected = teacher.open().run(normalise(photos, small_dataset.preprocessing))
    np.testing.assert_allclose(found[:, :13], expected.logits, atol=1e-4)
    np.testing.assert_allclose(found[:, 13:], expected.embedding, atol=1e-5)
    assert not outputs.run(work, small_dataset, teacher, None)


def test_mean_and_std_are_those_of_the_teacher(teacher, work, small_dataset):
    rules = small_dataset.preprocessing.model_copy(update={"mean": (0.5,) * 3, "std": (0.5,) * 3})
    other = dataclasses.replace(teacher, manifest=teacher.manifest.model_copy(update={"preprocessing": rules}))
    outputs.run(work, small_dataset, other, None)
    expected = teacher.open().run(normalise(np.array(small_dataset.photos[:3]), rules))
    np.testing.assert_allclose(np.load(work.teacher_outputs)[:3, :13], expected.logits, atol=1e-4)


def test_a_teacher_of_another_size_sees_the_photos_of_the_data(teacher, work, sample_data, tmp_path):
    prepare(sample_data, tmp_path / "larger", PrepareSettings(size=48))
    dataset = Dataset.open(tmp_path / "larger")
    with pytest.raises(TeacherError, match=r"photos of 32 pixels .* the dataset has 48 .*--data"):
        outputs.run(work, dataset, teacher, None)
    outputs.run(work, dataset, teacher, sample_data)
    rules, last = teacher.manifest.preprocessing, list(dataset.items())[-1]
    photo = load_rgb((sample_data / last.photo).read_bytes(), rules)
    expected = teacher.open().run(normalise(photo[np.newaxis], rules))
    np.testing.assert_allclose(np.load(work.teacher_outputs)[-1, 13:], expected.embedding[0], atol=1e-5)
    with pytest.raises(TeacherError, match=r"the teacher cannot see .*prepare the dataset again"):
        outputs.write(dataset, teacher, tmp_path, tmp_path / "outputs.npy", "")


class Photos:
    """Photos of a dataset, of which one batch is interrupted; it records where each batch begins."""

    def __init__(self, photos, interrupted_at=None):
        self.photos, self.interrupted_at, self.starts = photos, interrupted_at, []

    def __len__(self):
        return len(self.photos)

    def __getitem__(self, rows):
        if rows.start == self.interrupted_at:
            raise KeyboardInterrupt
        self.starts.append(rows.start)
        return self.photos[rows]


def test_an_interrupted_run_goes_on_after_its_last_batch(teacher, work, small_dataset):
    def write(identity, path, interrupted_at=None):
        photos = Photos(small_dataset.photos, interrupted_at)
        dataset = dataclasses.replace(small_dataset, photos=photos)
        if interrupted_at is None:
            outputs.write(dataset, teacher, None, path, identity)
        else:
            with pytest.raises(KeyboardInterrupt):
                outputs.write(dataset, teacher, None, path, identity)
        return photos.starts

    assert write("first", work.teacher_outputs, interrupted_at=64) == [0]
    assert not work.teacher_outputs.exists()
    assert write("first", work.teacher_outputs) == [64, 128]
    other = work.teacher / "other"
    other.mkdir()
    assert write("first", other / "outputs.npy", interrupted_at=64) == [0]
    assert write("second", other / "outputs.npy") == [0, 64, 128]
    assert np.array_equal(np.load(work.teacher_outputs), np.load(other / "outputs.npy"))
