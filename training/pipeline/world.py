"""Several processes that train as one, on one machine or more: who each is, what it works on, how they agree.

torchrun starts them, one a GPU (or on CPUs as many as it is told to), and names them in RANK, WORLD_SIZE, LOCAL_RANK
and LOCAL_WORLD_SIZE. The first one, of rank 0, leads: it decides, and it alone writes. A process that torchrun did not
start is alone (`ALONE`), and then every method here is trivial: nothing is sent, nothing waits.

Tensors travel by NCCL between GPUs and by Gloo otherwise. Decisions travel by Gloo, in a group of their own whose
processes wait for one another as long as it takes: a stage of the first one may take hours.
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

# Within a step nobody is long behind the others; a machine that vanished without a word is noticed after this time.
_STEP_TIMEOUT = timedelta(minutes=10)
# Longer than any stage: a process that ended is noticed by its closed connections, whatever the time.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class World:
    """The processes of a run, as one of them sees them.

    Attributes:
        rank: of this process among all, from 0.
        size: how many there are.
        local_rank: of this process on its machine: the number of its GPU.
        decisions: the group that waits as long as it takes; None where the process is alone.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    decisions: Any = None

    @property
    def leads(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """What this process computes on: its own GPU, else the CPU."""
        return torch.device("cuda", self.local_rank) if torch.cuda.is_available() else torch.device("cpu")

    def share(self, count: int) -> slice:
        """This process's part of `count` rows: parts lie in the order of the ranks, and differ by a row at most."""
        return self._share(count, self.rank)

    def parallel(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module as the processes train it together: it starts as that of rank 0, gradients are averaged."""
        if self.size == 1:
            return module
        with self.answering():
            return DistributedDataParallel(module, device_ids=[device] if device.type == "cuda" else None)

    def synchronise(self, model: nn.Module, device: torch.device) -> None:
        """Have the model's batch-norm see the photos of all processes, for which torch has it on GPUs only."""
        if self.size > 1 and device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]

    def gather(self, own: Tensor, count: int) -> Tensor:
        """Every process's share of `count` rows, in order, on every process: (count, ...).

        Gradients flow into this process's own rows and no others. Where each process computes the same loss of all
        rows, each so obtains its part of the whole gradient, and the sum over the processes is the whole.

        Args:
            own: the rows of `share(count)`.
        """
        if self.size == 1:
            return own
        padded = own.new_zeros((-(-count // self.size), *own.shape[1:]))
        padded[: len(own)] = own.detach()
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with self.answering():
            dist.all_gather(parts, padded)
        rows = [part[: _length(self._share(count, rank))] for rank, part in enumerate(parts)]
        rows[self.rank] = own
        return torch.cat(rows)

    def largest(self, *values: float) -> tuple[float, ...]:
        """The largest of each value over all processes; all must ask."""
        if self.size == 1:
            return values
        agreed = torch.tensor(values, dtype=torch.float64)
        with self.answering():
            dist.all_reduce(agreed, dist.ReduceOp.MAX)
        return tuple(agreed.tolist())

    def told(self, *values: float) -> tuple[float, ...]:
        """The values of rank 0, whatever those of the others; all must ask."""
        if self.size == 1:
            return values
        sent = torch.tensor(values, dtype=torch.float64)
        self._broadcast(sent)
        return tuple(sent.tolist())

    def told_state(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        """The state of rank 0, of tensors on the CPU and plain values; all must ask."""
        if self.size == 1:
            return state
        written = io.BytesIO()
        if self.leads and state is not None:
            torch.save(state, written)
        sent = self.told_bytes(written.getvalue())
        if self.leads or not sent:
            return state if self.leads else None
        received: dict[str, Any] = torch.load(io.BytesIO(sent), weights_only=True)
        return received

    def told_bytes(self, content: bytes) -> bytes:
        """The bytes of rank 0, whatever those of the others: what they need and only its disk holds; all must ask."""
        if self.size == 1:
            return content
        (length,) = self.told(len(content))
        if not length:
            return b""
        sent = torch.empty(int(length), dtype=torch.uint8)
        if self.leads:
            sent = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        self._broadcast(sent)
        return sent.numpy().tobytes()

    def check_same(self, what: str, digest: str) -> None:
        """Refuse to go on with different data.

        Args:
            digest: hexadecimal, of the same length in all processes.

        Raises:
            TrainingError: it differs from that of rank 0.
        """
        own = [float(byte) for byte in bytes.fromhex(digest)]
        if list(self.told(*own)) != own:
            raise TrainingError(f"process {self.rank} of {self.size} has another {what} than process 0")

    def wait(self) -> None:
        """Wait until every process has come here."""
        if self.size > 1:
            with self.answering():
                dist.barrier(group=self.decisions)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """What torch raises where another process no longer answers, as an error that says so.

        Raises:
            LostProcessError: another process ended, or is silent.
        """
        try:
            yield
        except RuntimeError as exc:
            if self.size == 1 or not (isinstance(exc, dist.DistError) or "gloo" in str(exc).lower()):
                raise
            raise LostProcessError(
                f"process {self.rank} of {self.size} stops: another one has ended or no longer answers; "
                f"what that one wrote last says why ({str(exc).splitlines()[0]})"
            ) from exc

    def _broadcast(self, tensor: Tensor) -> None:
        with self.answering():
            dist.broadcast(tensor, 0, group=self.decisions)

    def _share(self, count: int, rank: int) -> slice:
        return slice(count * rank // self.size, count * (rank + 1) // self.size)


ALONE = World()


@contextmanager
def joined(environ: Mapping[str, str]) -> Iterator[World]:
    """The processes that torchrun started this one with, as its variables say; `ALONE` where there are no others.

    Raises:
        SettingsError: there are more processes than GPUs on this machine.
        LostProcessError: see `World.answering`.
    """
    size = int(environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    local_rank = int(environ["LOCAL_RANK"])
    backend = "gloo"
    if torch.cuda.is_available():
        if local_rank >= torch.cuda.device_count():
            raise SettingsError(
                f"torchrun started process {local_rank + 1} on a machine with {torch.cuda.device_count()} GPUs; "
                "--nproc-per-node must not be larger"
            )
        torch.cuda.set_device(local_rank)
        backend = "cpu:gloo,cuda:nccl"
    torch.set_num_threads(threads(environ, len(os.sched_getaffinity(0))))
    dist.init_process_group(backend, timeout=_STEP_TIMEOUT)
    world = World(dist.get_rank(), size, local_rank, dist.new_group(backend="gloo", timeout=_PATIENCE))
    yield world
    # Not after an error: the others may never come, and the end of the process closes every connection.
    dist.destroy_process_group()


def threads(environ: Mapping[str, str], cores: int) -> int:
    """How many threads each process of a machine computes with: what OMP_NUM_THREADS says, else its part of the cores.

    torchrun sets the variable to 1 where nobody has, which leaves the other cores idle: a 1 is taken for torchrun's.
    """
    told = environ.get("OMP_NUM_THREADS", "1")
    if told.isdecimal() and int(told) > 1:
        return int(told)
    return max(1, cores // int(environ["LOCAL_WORLD_SIZE"]))


def _length(part: slice) -> int:
    return int(part.stop) - int(part.start)
