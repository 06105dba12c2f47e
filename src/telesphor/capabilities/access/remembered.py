"""What was made lately from a document, by its digest: parsed once, asked often, bounded.

Only what depends on nothing but its key may be kept here. Start at `Remembered`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Made = TypeVar("_Made")


class Remembered(Generic[_Key, _Made]):
    """What was made lately, by key, up to a total weight; safe between threads.

    Args:
        maximum: the total weight; the last that was made is kept whatever it weighs.
        weigh: the weight of one; 1 where nothing is said.
    """

    def __init__(self, maximum: int, weigh: Callable[[_Made], int] = lambda _: 1) -> None:
        self._maximum = maximum
        self._weigh = weigh
        self._weight = 0
        self._made: OrderedDict[_Key, _Made] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key, make: Callable[[], _Made]) -> _Made:
        """Return what is known under `key`, made now if need be; what raises is not remembered."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            if key not in self._made:
                self._made[key] = made
                self._weight += self._weigh(made)
            while self._weight > self._maximum and len(self._made) > 1:
                _, oldest = self._made.popitem(last=False)
                self._weight -= self._weigh(oldest)
        return made
