"""A topology expanded to single racks and nodes, as arrays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.catalog.catalog import Catalog, NodeType, RackType
from sim.interfaces import FloatArray, IntArray
from sim.scenario.schema.topology import RackGroup, Row, Topology

AIR, LIQUID = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Hardware:
    """What stands where.

    Indices refer to the arrays of the level above: ``rack_row[i]`` is the row of rack i. Names are
    full paths such as ``metro-fra/h1/r1/rack-03``. Limits are infinite where none is given.

    Attributes:
        site_names: sites in the order of the topology.
        site_kind: ``metro``, ``remote`` or ``edge`` of each site.
        site_limit_w: power limit of each site's IT load [W].
        hall_names: halls, site by site.
        hall_site: site of each hall.
        hall_limit_w: power limit of each hall [W].
        row_names: rows, hall by hall.
        row_hall: hall of each row.
        row_limit_w: power limit of each row [W].
        rack_names: racks, row by row.
        rack_row: row of each rack.
        rack_limit_w: power limit of each rack [W].
        rack_base_w: what each rack draws beside its nodes [W].
        rack_cooling: 0 air, 1 liquid.
        rack_type: name of each rack's type.
        node_rack: rack of each node.
        node_type: index into ``node_types``.
        node_types: the node types that occur.
    """

    site_names: tuple[str, ...]
    site_kind: tuple[str, ...]
    site_limit_w: FloatArray
    hall_names: tuple[str, ...]
    hall_site: IntArray
    hall_limit_w: FloatArray
    row_names: tuple[str, ...]
    row_hall: IntArray
    row_limit_w: FloatArray
    rack_names: tuple[str, ...]
    rack_row: IntArray
    rack_limit_w: FloatArray
    rack_base_w: FloatArray
    rack_cooling: IntArray
    rack_type: tuple[str, ...]
    node_rack: IntArray
    node_type: IntArray
    node_types: tuple[NodeType, ...]

    @property
    def rack_hall(self) -> IntArray:
        """Hall of each rack."""
        return self.row_hall[self.rack_row]

    @property
    def rack_site(self) -> IntArray:
        """Site of each rack."""
        return self.hall_site[self.rack_hall]

    @property
    def node_accelerators(self) -> IntArray:
        """Accelerators of each node [1]."""
        counts = np.array([kind.count for kind in self.node_types], dtype=np.int64)
        return counts[self.node_type]


@dataclass(frozen=True, slots=True)
class _Rack:
    """One rack before it becomes a column."""

    name: str
    row: int
    kind: RackType
    limit_w: float
    cooling: int


def expand(topology: Topology, catalog: Catalog) -> Hardware:
    """Return every site, hall, row, rack and node of a topology, in its order.

    Args:
        topology: what was written.
        catalog: has every rack type that the topology names.
    """
    sites = list(topology.sites.items())
    halls = [
        (at, f"{site_name}/{name}", hall)
        for at, (site_name, site) in enumerate(sites)
        for name, hall in site.halls.items()
    ]
    rows = [
        (at, f"{hall_name}/{name}", row)
        for at, (_, hall_name, hall) in enumerate(halls)
        for name, row in hall.rows.items()
    ]
    racks = [
        _Rack(f"{row_name}/{name}", at, kind, group.power_limit_w or kind.limit_w, cooling)
        for at, (hall, row_name, row) in enumerate(rows)
        for name, group in _rack_names(row)
        for kind in (catalog.racks[group.type],)
        for cooling in (LIQUID if (kind.cooling or halls[hall][2].cooling) == "liquid" else AIR,)
    ]
    node_names = list(dict.fromkeys(rack.kind.node for rack in racks))
    nodes_of_rack = np.array([rack.kind.nodes for rack in racks], dtype=np.int64)
    type_of_rack = np.array([node_names.index(rack.kind.node) for rack in racks], dtype=np.int64)
    return Hardware(
        site_names=tuple(name for name, _ in sites),
        site_kind=tuple(site.kind for _, site in sites),
        site_limit_w=_limits(site.power_limit_w for _, site in sites),
        hall_names=tuple(name for _, name, _ in halls),
        hall_site=np.array([at for at, _, _ in halls], dtype=np.int64),
        hall_limit_w=_limits(hall.power_limit_w for _, _, hall in halls),
        row_names=tuple(name for _, name, _ in rows),
        row_hall=np.array([at for at, _, _ in rows], dtype=np.int64),
        row_limit_w=_limits(row.power_limit_w for _, _, row in rows),
        rack_names=tuple(rack.name for rack in racks),
        rack_row=np.array([rack.row for rack in racks], dtype=np.int64),
        rack_limit_w=np.array([rack.limit_w for rack in racks]),
        rack_base_w=np.array([rack.kind.base_w for rack in racks]),
        rack_cooling=np.array([rack.cooling for rack in racks], dtype=np.int64),
        rack_type=tuple(rack.kind.name for rack in racks),
        node_rack=np.repeat(np.arange(len(racks)), nodes_of_rack),
        node_type=np.repeat(type_of_rack, nodes_of_rack),
        node_types=tuple(catalog.nodes[name] for name in node_names),
    )


def _limits(limits_w: Iterator[float | None]) -> FloatArray:
    return np.array([math.inf if limit is None else limit for limit in limits_w])


def _rack_names(row: Row) -> Iterator[tuple[str, RackGroup]]:
    """Yield every rack of a row: numbered through, or within its group where that has a name."""
    totals = Counter[str]()
    for group in row.racks:
        totals[group.name or "rack"] += group.count
    used = Counter[str]()
    for group in row.racks:
        prefix = group.name or "rack"
        digits = max(2, len(str(totals[prefix])))
        for number in range(used[prefix] + 1, used[prefix] + group.count + 1):
            yield f"{prefix}-{number:0{digits}d}", group
        used[prefix] += group.count
