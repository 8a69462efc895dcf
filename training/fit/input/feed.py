"""How training photos come to the device, batch by batch, so that it does not wait for them.

On a GPU that has the room, all of them lie there from the start, as bytes (`DevicePhotos`). Else a thread gathers the
next batches out of the memory-mapped cache while the device computes (`StreamedPhotos`). The batches are the same.
"""

import logging
import math
from collections.abc import Callable, Generator, Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.network.input import copy_to_device
from training.pipeline.in_order import in_order

log = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]
# Of a GPU's memory, what the photos leave to network, gradients and activations.
_RESERVE = 0.5


class Feed(Protocol):
    """Gives the photos of batches."""

    def batches(self, order: Iterable[Rows]) -> Generator[Tensor, None, None]:
        """The photos of each batch, on the device.

        Args:
            order: of each batch the positions in the training split, int64 (batch,).

        Returns:
            uint8 (batch, size, size, 3), one for each batch; not to be changed.
        """


class DevicePhotos:
    """All photos of a split, on the device.

    Args:
        room: uint8 (m, size, size, 3) on the device, to be filled.
        photos: uint8 (n, size, size, 3), the memory-mapped cache.
        rows: of the split, int64 (m,).
        chunk: bytes that are copied at once.
    """

    def __init__(self, room: Tensor, photos: npt.NDArray[np.uint8], rows: Rows, chunk: int = 64 * 2**20) -> None:
        self._photos = room
        step = max(1, chunk // math.prod(room.shape[1:]))
        parts = [np.arange(start, min(start + step, len(rows))) for start in range(0, len(rows), step)]
        for part, filled in zip(parts, StreamedPhotos(photos, rows, room.device).batches(parts), strict=True):
            room[part[0] : part[0] + len(part)] = filled

    def batches(self, order: Iterable[Rows]) -> Generator[Tensor, None, None]:
        """See `Feed.batches`."""
        for positions in order:
            yield self._photos.index_select(0, copy_to_device(torch.from_numpy(positions), self._photos.device))


class StreamedPhotos:
    """Photos of a split that stay in the memory-mapped cache; a thread works a few batches ahead.

    Args:
        photos: uint8 (n, size, size, 3), the memory-mapped cache.
        rows: of the split, int64 (m,).
    """

    def __init__(self, photos: npt.NDArray[np.uint8], rows: Rows, device: torch.device) -> None:
        self._cache, self._rows, self._device = photos, rows, device
        # Copies of their own stream overlap with what the device computes.
        self._copies = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def batches(self, order: Iterable[Rows]) -> Generator[Tensor, None, None]:
        """See `Feed.batches`."""
        for _, gathered in in_order(order, self._gather, workers=1):
            yield self._sent(gathered.result())

    def _gather(self, positions: Rows) -> Tensor:
        """A batch in memory, which a GPU can read without the help of the processor where there is one."""
        shape = (len(positions), *self._cache.shape[1:])
        batch = torch.empty(shape, dtype=torch.uint8, pin_memory=self._copies is not None)
        # Rows of a dataset exist; "raise", the other mode, would gather into a buffer first.
        np.take(self._cache, self._rows[positions], axis=0, out=batch.numpy(), mode="clip")
        return batch

    def _sent(self, batch: Tensor) -> Tensor:
        if self._copies is None:
            return batch
        with torch.cuda.stream(self._copies):
            there = batch.to(self._device, non_blocking=True)
        computing = torch.cuda.current_stream(self._device)
        computing.wait_stream(self._copies)
        # It was allocated for the stream of copies, which must not reuse it before the other is done with it.
        there.record_stream(computing)
        return there


def device_memory(device: torch.device) -> tuple[int, int]:
    """Bytes of the device's own memory, free and in total; 0 of a processor, whose memory the cache is in anyway."""
    return torch.cuda.mem_get_info(device) if device.type == "cuda" else (0, 0)


def feed_of(
    photos: npt.NDArray[np.uint8],
    rows: Rows,
    device: torch.device,
    memory: Callable[[torch.device], tuple[int, int]] = device_memory,
) -> Feed:
    """The photos of a split from the device's memory where they fit beside a training, else streamed.

    Args:
        photos: uint8 (n, size, size, 3), the memory-mapped cache.
        rows: of the split, int64 (m,).
        memory: bytes free and in total.
    """
    shape = (len(rows), *photos.shape[1:])
    free, total = memory(device)
    if math.prod(shape) > free - _RESERVE * total:
        return StreamedPhotos(photos, rows, device)
    try:
        room = torch.empty(shape, dtype=torch.uint8, device=device)
    except RuntimeError as exc:  # of a GPU a torch.OutOfMemoryError: what is free need not be in one piece
        log.info("fit: the photos do not fit on the device and are streamed: %s", str(exc).splitlines()[0])
        return StreamedPhotos(photos, rows, device)
    return DevicePhotos(room, photos, rows)
