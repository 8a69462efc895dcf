import json
import signal

import numpy as np
import pytest

from lambda_app.model.session import ModelOutput
from tests.training.index.embedding_together import BATCH, COUNT, SHAPE, answers
from training.errors import TrainingError
from training.index.embedding import EMBEDDINGS, LOGITS, PROGRESS, embed_rows


class Stopped(Exception):  # noqa: N818
    """Simulates a kill."""


@pytest.fixture
def expected():
    return answers()


@pytest.fixture
def embed(expected, tmp_path):
    """Embed into one folder, or stop at a number of rows; returns the rows that were embedded."""

    def run(identity="model and dataset", until=COUNT):
        asked: list[int] = []

        def answer(rows):
            if len(asked) >= until:
                raise Stopped
            asked.extend(range(rows.start, rows.stop))
            return ModelOutput(expected.logits[rows], expected.embedding[rows])

        try:
            found = embed_rows(answer, COUNT, SHAPE, tmp_path, identity, batch=BATCH)
        except Stopped:
            return asked
        assert found is not None
        assert np.array_equal(found.logits, expected.logits)
        assert np.array_equal(found.embedding, expected.embedding)
        return asked

    return run


def test_every_row_is_embedded_once_and_written_to_the_files(embed, expected, tmp_path):
    assert embed() == list(range(COUNT))
    assert np.array_equal(np.load(tmp_path / LOGITS), expected.logits)
    assert np.array_equal(np.load(tmp_path / EMBEDDINGS), expected.embedding)


@pytest.mark.parametrize(("until", "kept"), [(10, 0), (64, 64), (70, 64), (100, 96)])
def test_a_rerun_resumes_after_the_last_complete_block(embed, until, kept):
    assert embed(until=until) == list(range(until))
    assert embed() == list(range(kept, COUNT))
    assert embed() == []


def test_another_model_or_dataset_starts_from_the_first_row(embed):
    embed()
    assert embed("another model") == list(range(COUNT))


@pytest.mark.parametrize("name", [LOGITS, EMBEDDINGS, PROGRESS])
def test_a_missing_file_starts_from_the_first_row(embed, tmp_path, name):
    embed(until=70)
    (tmp_path / name).unlink()
    assert embed() == list(range(COUNT))


@pytest.mark.parametrize("name", [LOGITS, EMBEDDINGS])
def test_files_of_another_shape_are_written_again(embed, tmp_path, name):
    embed(until=70)
    np.save(tmp_path / name, np.zeros((COUNT, 7), np.float32))
    assert embed() == list(range(COUNT))


def test_the_progress_is_deleted_before_its_files_are_overwritten(embed, tmp_path):
    embed()
    embed("another model", until=10)
    assert not (tmp_path / PROGRESS).exists()
    embed(until=33 + 1)
    assert json.loads((tmp_path / PROGRESS).read_bytes()) == {"identity": "model and dataset", "rows": 32}


@pytest.mark.slow
@pytest.mark.parametrize("dies", [0, 1])
def test_a_process_that_dies_ends_the_others_and_loses_only_its_last_block(dies, processes, embed, tmp_path):
    options = [str(tmp_path), str(dies), "64"]  # the second block of two processes
    ended = [
        process.wait() for process in processes.start_several(2, "tests.training.index.embedding_together", options)
    ]
    assert ended[dies][0] == -signal.SIGKILL
    status, output = ended[1 - dies]
    assert status == 2
    assert f"error: process {1 - dies} of 2 stops: another process has ended" in output
    assert embed() == list(range(64, COUNT))


def test_a_full_disk_is_an_error_with_the_file_name_and_loses_one_block(embed, expected, tmp_path):
    embed(until=40)
    full, aside = tmp_path / LOGITS, tmp_path / "aside"

    def answer(rows):
        if not aside.exists():
            full.rename(aside)
            full.symlink_to("/dev/full")
        return ModelOutput(expected.logits[rows], expected.embedding[rows])

    with pytest.raises(TrainingError, match=f"{LOGITS} cannot be written: .* No space left on device; run again"):
        embed_rows(answer, COUNT, SHAPE, tmp_path, "model and dataset", batch=BATCH)
    aside.replace(full)
    assert embed() == list(range(32, COUNT))
