"""What an opened index of an engine does."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from lambda_app.release.row_set import RowSet

K = 10

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Setting = tuple[int, ...]


class Opened(Protocol):
    """An opened index."""

    def search(self, query: Floats, setting: Setting, allowed: RowSet | None) -> Rows:
        """The nearest rows, best first: int64 (at most K,); -1 stands for none.

        Args:
            query: float32 (d,), L2-normalised.
            setting: of the engine; the larger the numbers, the higher recall and time.
            allowed: the rows that may be found; None: all.
        """
