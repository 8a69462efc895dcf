"""How much an index takes in a second: a token bucket."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Rate:
    """Takes an amount at most so often; what was not used for a second is lost."""

    a_second: float
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        """Begin with a second's worth."""
        self._left, self._at = self.a_second, self.clock()

    def takes(self, amount: float) -> bool:
        """Whether there is room for this amount, which is then used."""
        now = self.clock()
        self._left = min(self.a_second, self._left + (now - self._at) * self.a_second)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
