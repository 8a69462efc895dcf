import resource

import pytest
import torch

from training.checkpoint import load_checkpoint, save_checkpoint
from training.errors import TrainingError

STATE = {"fingerprint": "abc", "epoch": 3, "weights": {"a": torch.arange(3.0)}, "history": [{"lr": 0.1, "loss": None}]}


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = tmp_path / "deep" / "checkpoint.pt"
    save_checkpoint(path, STATE)
    found = load_checkpoint(path, "abc")
    assert torch.equal(found["weights"].pop("a"), torch.arange(3.0))
    assert found == STATE | {"weights": {}}
    assert [child.name for child in path.parent.iterdir()] == ["checkpoint.pt"]


def test_there_is_none_before_the_first(tmp_path):
    assert load_checkpoint(tmp_path / "checkpoint.pt", "abc") is None


def test_that_of_another_run_is_not_taken(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pt", STATE)
    assert load_checkpoint(tmp_path / "checkpoint.pt", "other") is None


def test_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"checkpoint.pt does not load .* remove it to start anew"):
        load_checkpoint(path, "abc")


@pytest.fixture
def disk_of():
    """Let no file grow over so many bytes: what a full disk does to a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_earlier_one(tmp_path, disk_of):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    disk_of(100_000)
    with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be written"):
        save_checkpoint(path, STATE | {"epoch": 4, "weights": {"a": torch.zeros(1_000_000)}})
    assert load_checkpoint(path, "abc")["epoch"] == 3
    assert [child.name for child in tmp_path.iterdir()] == ["checkpoint.pt"]
