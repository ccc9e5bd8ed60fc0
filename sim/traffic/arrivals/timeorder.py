"""Merges sorted streams that come in blocks, with one block of each held at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np

from sim.interfaces import FloatArray, IntArray


class Sorted(Protocol):
    """A block of rows that happen at times."""

    @property
    def arrival_s(self) -> FloatArray:
        """Times [s], non-decreasing."""
        ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...


B = TypeVar("B", bound=Sorted)
Rows = slice | IntArray


def in_time_order(
    streams: Sequence[Iterator[B]],
    take: Callable[[B, Rows], B],
    join: Callable[[list[B]], B],
) -> Iterator[B]:
    """Yield the rows of all streams in order of time; ties keep the order of the streams.

    Args:
        streams: blocks of each stream, finite or endless.
        take: gives the chosen rows of a block.
        join: puts blocks one after the other.
    """
    filled = [(block for block in stream if len(block)) for stream in streams]
    held = {i: block for i, s in enumerate(filled) if (block := next(s, None)) is not None}
    while held:
        # Nothing still to come can happen before the earliest of the held last times.
        horizon_s = min(float(block.arrival_s[-1]) for block in held.values())
        ready = []
        for i, block in list(held.items()):
            count = int(np.searchsorted(block.arrival_s, horizon_s, side="right"))
            ready.append(take(block, slice(0, count)))
            left = take(block, slice(count, None)) if count < len(block) else next(filled[i], None)
            if left is None:
                del held[i]
            else:
                held[i] = left
        joined = join(ready) if len(ready) > 1 else ready[0]
        if len(ready) > 1:
            joined = take(joined, np.argsort(joined.arrival_s, kind="stable"))
        if len(joined):
            yield joined
