"""Training with a teacher: the `trained` run, whose release teaches networks on its own dataset."""

import itertools
import json
import logging

import numpy as np
import onnx
import pytest
import torch

from lambda_app.release.manifest import file_entry
from training.errors import TeacherError
from training.fit import stage as fit
from training.fit.teaching import Teaching, teaching_of
from training.fit.trainer import Trainer
from training.network.forward import forward_rows
from training.network.weights import load_weights
from training.pipeline.work_folder import WorkFolder

CPU = torch.device("cpu")


@pytest.fixture
def work(trained, tmp_path):
    """A work folder that has only the small dataset."""
    work = WorkFolder(tmp_path / "work")
    work.root.mkdir()
    work.dataset.symlink_to(trained.dataset)
    return work


@pytest.fixture
def taught(trained, fit_settings):
    """Settings that follow the teacher and nothing else."""
    return fit_settings.changed(
        teacher=str(trained.archive), metric_weight=0.0, teacher_embedding=10.0, epochs=12, seed=5, ema=0.0
    )


def another_release(trained, folder, **changes):
    """An unpacked release with another model file, and with changes in its manifest."""
    folder.mkdir()
    manifest = json.loads((trained.release / "manifest.json").read_bytes())
    model = onnx.load(trained.model)
    model.doc_string = "another one"
    onnx.save(model, folder / "model.onnx")
    manifest["model"] |= file_entry(folder / "model.onnx")
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder


def about(work):
    return json.loads((work.fit / "fit.json").read_bytes())


def taught_by_release(work, dataset, settings) -> Teaching:
    teaching = teaching_of(work, dataset, settings, None)
    assert teaching is not None
    return teaching


def cosine_to_the_teacher(model, work, dataset):
    """The mean cosine between the embeddings of a network and of its teacher, for the training photos."""
    rows = dataset.rows("train")
    found = forward_rows(model, dataset, rows, 64).embedding
    return float((found * np.load(work.teacher_outputs)[rows][:, 13:]).sum(axis=1).mean())


def test_the_student_moves_towards_the_teacher(work, taught, small_dataset):
    teaching, found = taught_by_release(work, small_dataset, taught), {}
    for weight in (0.0, 10.0):
        settings = taught.changed(teacher_embedding=weight, teacher_logits=0.0, lr=0.005)
        trainer = Trainer(small_dataset, settings, CPU, teaching=teaching)
        before = cosine_to_the_teacher(trainer.eval_model, work, small_dataset)
        for _ in range(12):
            trainer.train_epoch(itertools.repeat(None))
        found[weight] = cosine_to_the_teacher(trainer.eval_model, work, small_dataset)
    assert found[10.0] > before + 0.3
    assert found[10.0] > found[0.0] + 0.3


def test_the_release_of_the_teacher_is_recorded(work, taught, trained):
    fit.run(work, taught.changed(epochs=1))
    manifest = json.loads((trained.release / "manifest.json").read_bytes())
    found = about(work)["teacher"]
    assert (found["release"], found["sha256"]) == (manifest["release"], manifest["model"]["sha256"])
    fit.run(work, taught.changed(epochs=1, teacher=None))
    assert about(work)["teacher"] is None


def test_only_photos_of_the_same_product_follow_the_teachers_embedding(work, taught, small_dataset):
    teaching = taught_by_release(work, small_dataset, taught)
    trainer = Trainer(small_dataset, taught, CPU, teaching=teaching)
    batch = trainer.input.batches(0)[0]
    alike = teaching.of(batch, (0, 0), trainer.input).alike
    assert 0 < int(alike.sum()) < len(batch)
    plain = Trainer(small_dataset, taught.changed(colour=0.0), CPU, teaching=teaching)
    mirrored = ~teaching.of(batch, (0, 0), plain.input).alike
    assert 0 < int(mirrored.sum()) < len(batch)
    views = Trainer(small_dataset, taught.changed(altered=1.0), CPU, teaching=teaching)
    batch = views.input.batches(0)[0]
    repeated = torch.from_numpy(batch == np.roll(batch, 1)) & (torch.arange(len(batch)) % 2 == 1)
    assert int(repeated.sum()) > 0
    assert not bool(teaching.of(batch, (0, 0), views.input).alike[repeated].any())


def test_the_targets_of_a_batch_are_those_of_its_photos(work, taught, small_dataset):
    teaching = taught_by_release(work, small_dataset, taught)
    trainer = Trainer(small_dataset, taught, CPU, teaching=teaching)
    batch = trainer.input.batches(0)[0]
    found, expected = teaching.of(batch, (0, 0), trainer.input), np.load(work.teacher_outputs)
    rows = small_dataset.rows("train")[batch]
    assert torch.equal(torch.cat([found.logits, found.embedding], dim=1), torch.from_numpy(expected[rows]))


def test_a_stopped_run_resumes_with_its_teacher_and_not_with_another(work, taught, trained, tmp_path, caplog):
    whole = taught.changed(epochs=2)
    fit.run(work, whole)
    expected = load_weights(work.weights)[0]
    (work.root / "stages" / "fit.json").unlink()
    with caplog.at_level(logging.INFO):
        fit.run(work, whole)
    assert "fit: resuming after epoch 2" in caplog.text
    assert torch.equal(load_weights(work.weights)[0].embedding.weight, expected.embedding.weight)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        fit.run(work, whole.changed(teacher=str(another_release(trained, tmp_path / "release"))))
    assert "fit: done" in caplog.text
    assert "resuming" not in caplog.text


def test_heads_on_frozen_features_learn_from_the_teacher_too(work, taught, trained, small_dataset):
    frozen = taught.changed(weights=str(trained.weights), freeze="all")
    fit.run(work, frozen)
    found = about(work)
    assert (found["baseline"]["kept"], found["pooled"]["pooled_share"]) == ("frozen", 0.0)
    assert found["teacher"]["release"] == json.loads((trained.release / "manifest.json").read_bytes())["release"]
    assert found["baseline"]["unseen"] == "the teacher has seen all categories"
    after = cosine_to_the_teacher(load_weights(work.weights)[0], work, small_dataset)
    fit.run(work, frozen.changed(teacher=None))
    assert cosine_to_the_teacher(load_weights(work.weights)[0], work, small_dataset) < after - 0.3


def test_a_teacher_with_other_categories_is_refused_before_it_is_run(work, taught, trained, tmp_path):
    categories = ["Kites", *json.loads((trained.release / "manifest.json").read_bytes())["categories"][1:]]
    folder = another_release(trained, tmp_path / "release", categories=categories)
    with pytest.raises(TeacherError, match=r"category 1 is 'Kites' there and '.+' here"):
        fit.run(work, taught.changed(teacher=str(folder)))
    assert not work.teacher_outputs.exists()
