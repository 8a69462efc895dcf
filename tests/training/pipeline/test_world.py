import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.training import together
from training.errors import LostProcessError
from training.pipeline.world import ALONE, World, joined, threads


@pytest.mark.parametrize(("count", "size"), [(18, 2), (17, 3), (3, 3), (2, 3), (0, 2)])
def test_shares_are_every_row_once_in_order_and_differ_by_one_at_most(count, size):
    rows = list(range(count))
    shares = [rows[World(rank, size).share(count)] for rank in range(size)]
    assert [row for share in shares for row in share] == rows
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_process_that_torchrun_did_not_start_is_alone():
    for environ in ({}, {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}):
        with joined(environ) as world:
            assert world == ALONE


@pytest.mark.parametrize(
    ("told", "local", "expected"),
    [({}, 4, 4), ({"OMP_NUM_THREADS": "1"}, 4, 4), ({"OMP_NUM_THREADS": "3"}, 4, 3), ({}, 3, 5), ({}, 32, 1)],
)
def test_the_processes_of_a_machine_share_its_cores_unless_told_otherwise(told, local, expected):
    assert threads(told | {"LOCAL_WORLD_SIZE": str(local)}, cores=16) == expected


def test_alone_nothing_is_sent_and_nothing_waits():
    rows, module = torch.ones(3, 2, requires_grad=True), torch.nn.Linear(2, 2)
    assert ALONE.leads
    assert ALONE.share(3) == slice(0, 3)
    assert ALONE.gather(rows, 3) is rows
    assert ALONE.parallel(module, torch.device("cpu")) is module
    assert ALONE.largest(1.0, 2.0) == ALONE.told(1.0, 2.0) == (1.0, 2.0)
    assert ALONE.told_state({"epoch": 3}) == {"epoch": 3}
    assert ALONE.told_bytes(b"model") == b"model"
    ALONE.check_same("dataset", "ab")
    ALONE.wait()


def test_only_what_a_lost_process_does_is_told_as_such():
    pair = World(1, 2)
    with (
        pytest.raises(LostProcessError, match=r"process 1 of 2 stops: .* \(Gloo: Connection closed\)"),
        pair.answering(),
    ):
        raise RuntimeError("Gloo: Connection closed\nand more")
    with pytest.raises(RuntimeError, match="out of memory"), pair.answering():
        raise RuntimeError("out of memory")


@pytest.mark.slow
def test_two_processes_train_and_embed_as_one_does(processes, small_dataset, tmp_path):
    """The metric loss spans both: pairs are parted between them, and 18 photos do not halve into whole pairs."""
    running = processes.start_several(2, "tests.training.together", [str(small_dataset.path), str(tmp_path / "two")])
    together.train(small_dataset, ALONE, tmp_path / "one")
    assert [process.wait()[0] for process in running] == [0, 0]
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(
            two[name], value, rtol=1e-3, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )
    alone, shared = (json.loads((tmp_path / name / "figures.json").read_text()) for name in ("one", "two"))
    for name in ("epoch", "lr", "train_loss", "val_loss", "val_accuracy", "val_recall4"):
        assert [f[name] for f in shared] == pytest.approx([f[name] for f in alone], rel=1e-4), name
    embedded = [np.load(tmp_path / name / "embeddings.npy") for name in ("one", "two")]
    np.testing.assert_allclose(np.linalg.norm(embedded[0], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(embedded[1], embedded[0], atol=1e-3)
