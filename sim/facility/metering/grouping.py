"""Running sums of changes within groups: the array form of "add up what happened, in order"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray, IntArray

_SHORT = np.iinfo(np.uint16).max


def stable_order(keys: IntArray, groups: int) -> IntArray:
    """Return the order that sorts keys below ``groups`` and keeps equals as they are."""
    # numpy sorts 16-bit keys by radix, in linear time.
    narrow = keys.astype(np.uint16) if groups <= _SHORT else keys
    return np.argsort(narrow, kind="stable")


@dataclass(frozen=True, slots=True)
class Grouped:
    """Entries sorted by group, in which each group keeps the order of its entries.

    Attributes:
        order: number of the entry at each place of the sorted sequence.
        group: group of each place.
        first: places at which the groups that have entries start.
        lengths: entries of each of these groups.
    """

    order: IntArray
    group: IntArray
    first: IntArray
    lengths: IntArray

    def sums(self, changes: FloatArray, start: FloatArray) -> FloatArray:
        """Return the level after each change, in sorted order.

        Args:
            changes: changes, in sorted order.
            start: level of every group before its first change, by group.
        """
        running = np.cumsum(changes)
        offset = start[self.group[self.first]] - (running[self.first] - changes[self.first])
        return np.asarray(running + np.repeat(offset, self.lengths))

    def before(self, levels: FloatArray, start: FloatArray) -> FloatArray:
        """Return the level ahead of each change: that of the entry before, or the start.

        Args:
            levels: level after each change, in sorted order.
            start: level of every group before its first change, by group.
        """
        earlier = np.empty_like(levels)
        earlier[1:] = levels[:-1]
        earlier[self.first] = start[self.group[self.first]]
        return earlier

    def last(self) -> IntArray:
        """Return the place of the last entry of each group that has any."""
        return self.first + self.lengths - 1


def grouped(keys: IntArray, groups: int) -> Grouped:
    """Sort entries by group.

    Args:
        keys: group of each entry, in the order that each group is to keep.
        groups: number of groups.
    """
    order = stable_order(keys, groups)
    counts = np.bincount(keys, minlength=groups)
    present = np.flatnonzero(counts)
    lengths = counts[present]
    return Grouped(order, keys[order], np.cumsum(lengths) - lengths, lengths)
