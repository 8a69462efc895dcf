"""Tokens of pages: they belong to one request and expire."""

import itertools
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.s3vectors.exceptions import ValidationError

# Beyond this many tokens the oldest expires, so that a long load does not fill the memory.
_MOST_TOKENS = 2_000


@dataclass
class Pages:
    """The tokens that were given out.

    Attributes:
        sizes: of the pages of a query, one after the other, from the first again when used up. 0 makes an empty page.
        seconds: for which a token is valid.
        clock: seconds that only grow.
    """

    sizes: Sequence[int]
    seconds: float
    clock: Callable[[], float]
    _given: "OrderedDict[str, tuple[float, str, Any]]" = field(default_factory=OrderedDict)
    _next_size: Iterator[int] = field(default_factory=lambda: iter(()))
    _sizes_used: Sequence[int] = ()

    def size(self) -> int:
        """The size of the next page of a query."""
        if self._sizes_used != self.sizes:
            self._sizes_used, self._next_size = self.sizes, itertools.cycle(self.sizes)
        return next(self._next_size)

    def token(self, request: dict[str, Any], state: Any) -> str:
        """A token for the rest of a request.

        Args:
            request: its parameters; the token of a page is left out.
            state: what `state` gives back.
        """
        name = secrets.token_urlsafe(24)
        self._given[name] = (self.clock(), _identity(request), state)
        if len(self._given) > _MOST_TOKENS:
            self._given.popitem(last=False)
        return name

    def state(self, request: dict[str, Any]) -> Any:
        """What was kept with the token of a request, None if it has no token.

        Raises:
            ValidationError: the token is unknown or has expired, or belongs to another request.
        """
        if (name := request.get("nextToken")) is None:
            return None
        given, identity, state = self._given.get(name, (-self.seconds, "", None))
        if self.clock() - given >= self.seconds or not identity:
            raise ValidationError("The nextToken is invalid or has expired")
        if identity != _identity(request):
            raise ValidationError("The nextToken does not belong to this request")
        return state

    def expire(self) -> None:
        """Make all tokens invalid."""
        self._given.clear()


def _identity(request: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in request.items() if name != "nextToken"}, sort_keys=True)
