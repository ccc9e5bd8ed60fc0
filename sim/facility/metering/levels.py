"""The levels at which power is metered: every rack, row, hall and site as one list of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.interfaces import FloatArray, IntArray
from sim.plant.hardware import Hardware

Level = Literal["rack", "row", "hall", "site"]
LEVELS: tuple[Level, ...] = ("rack", "row", "hall", "site")


@dataclass(frozen=True, slots=True)
class MeterPoints:
    """All metered points of a plant, numbered level by level: racks first, sites last.

    One numbering for all levels lets the meter handle them in the same array operations.

    Attributes:
        names: full name of each point.
        limit_w: power limit of each point [W], infinite where none is given.
        spans: the numbers of each level's points.
        chains: points above each rack, shape (4, racks): rack, row, hall and site.
    """

    names: tuple[str, ...]
    limit_w: FloatArray
    spans: dict[Level, slice]
    chains: IntArray

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.names)

    def sums(self, racks_w: FloatArray) -> FloatArray:
        """Return the power of every point for that of its racks [W]."""
        power_w = np.zeros(len(self))
        for chain in self.chains:
            power_w += np.bincount(chain, racks_w, minlength=len(self))
        return power_w


def meter_points(plant: Hardware) -> MeterPoints:
    """Return the metered points of a plant."""
    by_level = (plant.rack_names, plant.row_names, plant.hall_names, plant.site_names)
    limits = (plant.rack_limit_w, plant.row_limit_w, plant.hall_limit_w, plant.site_limit_w)
    ends = np.cumsum([0, *map(len, by_level)]).tolist()
    spans = {level: slice(ends[at], ends[at + 1]) for at, level in enumerate(LEVELS)}
    row = np.asarray(plant.rack_row, dtype=np.int64)
    hall = np.asarray(plant.row_hall, dtype=np.int64)[row]
    site = np.asarray(plant.hall_site, dtype=np.int64)[hall]
    chains = np.stack([np.arange(len(row)), ends[1] + row, ends[2] + hall, ends[3] + site])
    names = tuple(name for names in by_level for name in names)
    return MeterPoints(names, np.concatenate(limits), spans, chains)
