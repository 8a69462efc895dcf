"""Data-parallel training and embedding over several processes, on one machine or more.

torchrun starts the processes, one per GPU (on CPUs, as many as `--nproc-per-node` says), and identifies each one by the
variables RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE. The process of rank 0 is the leader: only the leader makes
decisions and writes the results. A process that torchrun did not start is `SINGLE_PROCESS`. Every method then returns
at once: it sends nothing and waits for nothing.

Tensors between GPUs are sent with NCCL, all others with Gloo. Control messages use a separate Gloo group with a very
long timeout, because the other processes wait while the leader runs a stage, which may take hours.
"""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lambda_app.errors import SettingsError
from training.errors import LostProcessError, TrainingError

# All processes finish a training step at nearly the same time. A machine that stops responding is detected after this.
_STEP_TIMEOUT = timedelta(minutes=10)
# Longer than any stage. A process that exits is detected at once, because its connections close.
_CONTROL_TIMEOUT = timedelta(days=7)


@dataclass(frozen=True)
class World:
    """The processes of a run, as seen by one of them. All processes must call the collective methods together.

    Attributes:
        rank: rank of this process among all, from 0.
        size: number of processes (the world size).
        local_rank: rank of this process on its machine; also the number of its GPU.
        control_group: the process group for control messages; None for a single process.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    control_group: Any = None

    @property
    def is_leader(self) -> bool:
        """Whether this is the process of rank 0, which makes decisions and writes the results."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """The device of this process: its own GPU, or the CPU on a machine without GPUs."""
        return torch.device("cuda", self.local_rank) if torch.cuda.is_available() else torch.device("cpu")

    def shard(self, count: int) -> slice:
        """The rows of this process out of `count`. Shards are in rank order; their sizes differ by at most one row."""
        return self._shard_of(count, self.rank)

    def data_parallel(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module wrapped in DDP, which copies the weights from rank 0 and averages gradients over processes.

        For a single process: the module itself.
        """
        if self.size == 1:
            return module
        with self.detect_lost_process():
            return DistributedDataParallel(module, device_ids=[device] if device.type == "cuda" else None)

    def sync_batch_norm(self, model: nn.Module, device: torch.device) -> None:
        """Convert the model's batch-norm layers to SyncBatchNorm. Only on GPUs: torch has no CPU version."""
        if self.size > 1 and device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]

    def all_gather(self, own: Tensor, count: int) -> Tensor:
        """All-gather of every process's shard of `count` rows, in row order: (count, ...).

        Gradients flow only into the rows of this process. If every process computes the same loss of all rows, each one
        gets its part of the gradient, and the sum of these parts over all processes is the full gradient.

        Args:
            own: the rows of `shard(count)`.
        """
        if self.size == 1:
            return own
        padded = own.new_zeros((-(-count // self.size), *own.shape[1:]))
        padded[: len(own)] = own.detach()
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with self.detect_lost_process():
            dist.all_gather(parts, padded)
        rows = [part[: _length(self._shard_of(count, rank))] for rank, part in enumerate(parts)]
        rows[self.rank] = own
        return torch.cat(rows)

    def all_reduce_max(self, *values: float) -> tuple[float, ...]:
        """The maximum of each value over all processes (a collective call)."""
        if self.size == 1:
            return values
        maxima = torch.tensor(values, dtype=torch.float64)
        with self.detect_lost_process():
            dist.all_reduce(maxima, dist.ReduceOp.MAX)
        return tuple(maxima.tolist())

    def broadcast(self, *values: float) -> tuple[float, ...]:
        """The values of rank 0. The other processes pass any values of the same number (a collective call)."""
        if self.size == 1:
            return values
        sent = torch.tensor(values, dtype=torch.float64)
        self._broadcast_tensor(sent)
        return tuple(sent.tolist())

    def broadcast_state(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        """The state of rank 0: a dict of CPU tensors and plain values, or None (a collective call)."""
        if self.size == 1:
            return state
        written = io.BytesIO()
        if self.is_leader and state is not None:
            torch.save(state, written)
        sent = self.broadcast_bytes(written.getvalue())
        if self.is_leader or not sent:
            return state if self.is_leader else None
        received: dict[str, Any] = torch.load(io.BytesIO(sent), weights_only=True)
        return received

    def broadcast_tensor(self, tensor: Tensor) -> Tensor:
        """The CPU tensor of rank 0; the other processes pass one of the same shape and type (a collective call)."""
        if self.size > 1:
            self._broadcast_tensor(tensor)
        return tensor

    def broadcast_bytes(self, content: bytes) -> bytes:
        """The bytes of rank 0, for example a file that only its machine has (a collective call)."""
        if self.size == 1:
            return content
        (length,) = self.broadcast(len(content))
        if not length:
            return b""
        sent = torch.empty(int(length), dtype=torch.uint8)
        if self.is_leader:
            sent = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        self._broadcast_tensor(sent)
        return sent.numpy().tobytes()

    def check_same_digest(self, what: str, digest: str) -> None:
        """Check that every process has the same data (a collective call).

        Args:
            what: name of the data, for the error message.
            digest: hexadecimal, of the same length in all processes.

        Raises:
            TrainingError: the digest differs from the digest of rank 0.
        """
        own = [float(byte) for byte in bytes.fromhex(digest)]
        if list(self.broadcast(*own)) != own:
            raise TrainingError(f"process {self.rank} of {self.size} has a different {what} than process 0")

    def barrier(self) -> None:
        """Wait until every process has called this method."""
        if self.size > 1:
            with self.detect_lost_process():
                dist.barrier(group=self.control_group)

    @contextmanager
    def detect_lost_process(self) -> Iterator[None]:
        """Convert the errors that torch raises when another process does not respond into `LostProcessError`.

        Raises:
            LostProcessError: another process has ended or does not respond.
        """
        try:
            yield
        except RuntimeError as exc:
            if self.size == 1 or not (isinstance(exc, dist.DistError) or "gloo" in str(exc).lower()):
                raise
            raise LostProcessError(
                f"process {self.rank} of {self.size} stops: another process has ended or does not respond; "
                f"the last lines of that process's output give the reason ({str(exc).splitlines()[0]})"
            ) from exc

    def _broadcast_tensor(self, tensor: Tensor) -> None:
        with self.detect_lost_process():
            dist.broadcast(tensor, 0, group=self.control_group)

    def _shard_of(self, count: int, rank: int) -> slice:
        return slice(count * rank // self.size, count * (rank + 1) // self.size)


SINGLE_PROCESS = World()


@contextmanager
def process_group(environ: Mapping[str, str]) -> Iterator[World]:
    """Join the process group that torchrun's variables describe; `SINGLE_PROCESS` if there is no other process.

    Raises:
        SettingsError: there are more processes than GPUs on this machine.
        LostProcessError: see `World.detect_lost_process`.
    """
    size = int(environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield SINGLE_PROCESS
        return
    local_rank = int(environ["LOCAL_RANK"])
    backend = "gloo"
    if torch.cuda.is_available():
        if local_rank >= torch.cuda.device_count():
            raise SettingsError(
                f"torchrun started process {local_rank + 1} on a machine with {torch.cuda.device_count()} GPUs; "
                "--nproc-per-node must not be larger than the number of GPUs"
            )
        torch.cuda.set_device(local_rank)
        backend = "cpu:gloo,cuda:nccl"
    torch.set_num_threads(threads_per_process(environ, len(os.sched_getaffinity(0))))
    dist.init_process_group(backend, timeout=_STEP_TIMEOUT)
    yield World(dist.get_rank(), size, local_rank, dist.new_group(backend="gloo", timeout=_CONTROL_TIMEOUT))
    # Skipped after an error: the other processes may never reach this line, and exiting closes all connections anyway.
    dist.destroy_process_group()


def threads_per_process(environ: Mapping[str, str], cores: int) -> int:
    """The number of compute threads of each process: OMP_NUM_THREADS if set, else an equal part of the CPU cores.

    torchrun sets OMP_NUM_THREADS to 1 if the user did not set it, which would leave the other cores unused. Therefore a
    value of 1 counts as not set.
    """
    requested = environ.get("OMP_NUM_THREADS", "1")
    if requested.isdecimal() and int(requested) > 1:
        return int(requested)
    return max(1, cores // int(environ["LOCAL_WORLD_SIZE"]))


def _length(rows: slice) -> int:
    return int(rows.stop) - int(rows.start)
