"""Decompositions of the small matrices of linear heads, on one thread.

Beside other work on the machine, two threads were many times slower than one: they wait for each other. For a symmetric
matrix of 1280 x 1280, torch on one thread also needs a quarter of the processor time of numpy.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch

Wide = npt.NDArray[np.float64]


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def components(moments: Wide, dim: int) -> Wide:
    """The directions with the largest second moments, largest first: (min(dim, width), width), orthonormal.

    Args:
        moments: symmetric (width, width).
    """
    with one_thread():
        _, directions = torch.linalg.eigh(torch.from_numpy(moments))
    found: Wide = directions.numpy()[:, ::-1][:, :dim].T
    return found


def inverse_root(covariance: Wide) -> Wide:
    """The inverse Cholesky factor W of a positive definite matrix C, both (width, width): W C W^T is the identity."""
    with one_thread():
        root = torch.linalg.cholesky(torch.from_numpy(covariance))
        identity = torch.eye(len(root), dtype=root.dtype)
        found: Wide = torch.linalg.solve_triangular(root, identity, upper=False).numpy()
    return found
