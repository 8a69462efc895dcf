"""Load the training photos to the device, batch by batch, without making the device wait.

If a GPU has enough free memory, all photos are copied to it once, as uint8 (`DevicePhotos`). Otherwise a thread reads
the next batches from the memory-mapped cache while the device computes (`StreamedPhotos`). The batches are identical.
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
# Share of the GPU's memory that is reserved for the network, gradients and activations.
_RESERVE = 0.5


class Feed(Protocol):
    """A source of photo batches on the device."""

    def batches(self, order: Iterable[Rows]) -> Generator[Tensor, None, None]:
        """Yield the photos of each batch, on the device.

        Args:
            order: for each batch, the positions in the training split, int64 (batch,).

        Returns:
            uint8 (batch, size, size, 3) for each batch; callers must not modify it.
        """


class DevicePhotos:
    """All photos of a split in device memory.

    Args:
        buffer: uint8 (m, size, size, 3) on the device, which is filled here.
        photos: uint8 (n, size, size, 3), the memory-mapped cache.
        rows: rows of the split, int64 (m,).
        chunk: number of bytes per copy.
    """

    def __init__(self, buffer: Tensor, photos: npt.NDArray[np.uint8], rows: Rows, chunk: int = 64 * 2**20) -> None:
        self._photos = buffer
        step = max(1, chunk // math.prod(buffer.shape[1:]))
        parts = [np.arange(start, min(start + step, len(rows))) for start in range(0, len(rows), step)]
        for part, filled in zip(parts, StreamedPhotos(photos, rows, buffer.device).batches(parts), strict=True):
            buffer[part[0] : part[0] + len(part)] = filled

    def batches(self, order: Iterable[Rows]) -> Generator[Tensor, None, None]:
        """See `Feed.batches`."""
        for positions in order:
            yield self._photos.index_select(0, copy_to_device(torch.from_numpy(positions), self._photos.device))


class StreamedPhotos:
    """Photos of a split read from the memory-mapped cache; a thread reads a few batches ahead.

    Args:
        photos: uint8 (n, size, size, 3), the memory-mapped cache.
        rows: rows of the split, int64 (m,).
    """

    def __init__(self, photos: npt.NDArray[np.uint8], rows: Rows, device: torch.device) -> None:
        self._cache, self._rows, self._device = photos, rows, device
        # Copies in a separate CUDA stream overlap with the computation.
        self._copies = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def batches(self, order: Iterable[Rows]) -> Generator[Tensor, None, None]:
        """See `Feed.batches`."""
        for _, gathered in in_order(order, self._gather, workers=1):
            yield self._to_device(gathered.result())

    def _gather(self, positions: Rows) -> Tensor:
        """A batch in CPU memory; pinned if there is a GPU, so that the copy can be asynchronous."""
        shape = (len(positions), *self._cache.shape[1:])
        batch = torch.empty(shape, dtype=torch.uint8, pin_memory=self._copies is not None)
        # mode="clip" writes directly to `out`; mode="raise" would use a second buffer. All rows are valid anyway.
        np.take(self._cache, self._rows[positions], axis=0, out=batch.numpy(), mode="clip")
        return batch

    def _to_device(self, batch: Tensor) -> Tensor:
        if self._copies is None:
            return batch
        with torch.cuda.stream(self._copies):
            copy = batch.to(self._device, non_blocking=True)
        computing = torch.cuda.current_stream(self._device)
        computing.wait_stream(self._copies)
        # The memory belongs to the copy stream. It must not be reused before the computing stream has finished with it.
        copy.record_stream(computing)
        return copy


def device_memory(device: torch.device) -> tuple[int, int]:
    """Free and total bytes of GPU memory; (0, 0) for a CPU, where a copy of the cache would have no advantage."""
    return torch.cuda.mem_get_info(device) if device.type == "cuda" else (0, 0)


def make_feed(
    photos: npt.NDArray[np.uint8],
    rows: Rows,
    device: torch.device,
    memory: Callable[[torch.device], tuple[int, int]] = device_memory,
) -> Feed:
    """The photos of a split: in device memory if they fit and enough is left for training, else streamed.

    Args:
        photos: uint8 (n, size, size, 3), the memory-mapped cache.
        rows: rows of the split, int64 (m,).
        memory: gives the free and total bytes of a device.
    """
    shape = (len(rows), *photos.shape[1:])
    free, total = memory(device)
    if math.prod(shape) > free - _RESERVE * total:
        return StreamedPhotos(photos, rows, device)
    try:
        buffer = torch.empty(shape, dtype=torch.uint8, device=device)
    except RuntimeError as exc:  # on a GPU a torch.OutOfMemoryError: free memory may be fragmented
        log.info("fit: the photos do not fit in device memory and are streamed: %s", str(exc).splitlines()[0])
        return StreamedPhotos(photos, rows, device)
    return DevicePhotos(buffer, photos, rows)
