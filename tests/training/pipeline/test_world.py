import json
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.training import together
from training.errors import LostProcessError
from training.pipeline.world import SINGLE_PROCESS, World, process_group, threads_per_process


@pytest.mark.parametrize(("count", "size"), [(18, 2), (17, 3), (3, 3), (2, 3), (0, 2)])
def test_shards_have_every_row_once_in_order_and_differ_by_at_most_one_row(count, size):
    rows = list(range(count))
    shards = [rows[World(rank, size).shard(count)] for rank in range(size)]
    assert [row for shard in shards for row in shard] == rows
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_a_process_without_torchrun_is_a_single_process():
    for environ in ({}, {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}):
        with process_group(environ) as world:
            assert world == SINGLE_PROCESS


@pytest.mark.parametrize(
    ("environ", "local", "expected"),
    [({}, 4, 4), ({"OMP_NUM_THREADS": "1"}, 4, 4), ({"OMP_NUM_THREADS": "3"}, 4, 3), ({}, 3, 5), ({}, 32, 1)],
)
def test_the_processes_of_a_machine_share_its_cores_unless_omp_num_threads_is_set(environ, local, expected):
    assert threads_per_process(environ | {"LOCAL_WORLD_SIZE": str(local)}, cores=16) == expected


def test_a_single_process_sends_nothing_and_waits_for_nothing():
    rows, module = torch.ones(3, 2, requires_grad=True), torch.nn.Linear(2, 2)
    assert SINGLE_PROCESS.is_leader
    assert SINGLE_PROCESS.shard(3) == slice(0, 3)
    assert SINGLE_PROCESS.all_gather(rows, 3) is rows
    assert SINGLE_PROCESS.data_parallel(module, torch.device("cpu")) is module
    assert SINGLE_PROCESS.all_reduce_max(1.0, 2.0) == SINGLE_PROCESS.broadcast(1.0, 2.0) == (1.0, 2.0)
    assert SINGLE_PROCESS.broadcast_state({"epoch": 3}) == {"epoch": 3}
    assert SINGLE_PROCESS.broadcast_bytes(b"model") == b"model"
    SINGLE_PROCESS.check_same_digest("dataset", "ab")
    SINGLE_PROCESS.barrier()


def test_only_errors_of_a_lost_process_are_reported_as_lost_processes():
    pair = World(1, 2)
    with (
        pytest.raises(LostProcessError, match=r"process 1 of 2 stops: .* \(Gloo: Connection closed\)"),
        pair.detect_lost_process(),
    ):
        raise RuntimeError("Gloo: Connection closed\nand more")
    with pytest.raises(RuntimeError, match="out of memory"), pair.detect_lost_process():
        raise RuntimeError("out of memory")


@pytest.mark.slow
def test_two_processes_give_the_weights_and_embeddings_of_one(processes, small_dataset, tmp_path):
    """The metric loss uses the whole batch: of 18 photos each process gets 9, so that one pair is split."""
    running = processes.start_several(2, "tests.training.together", [str(small_dataset.path), str(tmp_path / "two")])
    together.train(small_dataset, SINGLE_PROCESS, tmp_path / "one")
    assert [process.wait()[0] for process in running] == [0, 0]
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5, msg=partial("{}: {}".format, name))
    alone, shared = (json.loads((tmp_path / name / "figures.json").read_text()) for name in ("one", "two"))
    for name in ("epoch", "lr", "train_loss", "val_loss", "val_accuracy", "val_recall4"):
        assert [f[name] for f in shared] == pytest.approx([f[name] for f in alone], rel=1e-4), name
    embedded = [np.load(tmp_path / name / "embeddings.npy") for name in ("one", "two")]
    np.testing.assert_allclose(np.linalg.norm(embedded[0], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(embedded[1], embedded[0], atol=1e-3)
