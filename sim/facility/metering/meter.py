"""The power meter: the exact sum of accelerator power over node, rack, row, hall and site.

Power is piecewise constant between the events of the activity log, so nothing is sampled: every
peak, every second above a limit and every joule comes out of the events themselves. The levels
start anew from the replicas' state at each reading, so rounding does not add up over a run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.binning import Bins
from sim.facility.metering.grouping import Grouped, grouped
from sim.facility.metering.levels import Level, MeterPoints, meter_points
from sim.facility.metering.nodes import NodeLoads
from sim.facility.power.bank import BreakerBank
from sim.interfaces import FloatArray, IntArray
from sim.plant.plant import Plant

_ROUNDING = 1.0 + 1e-9  # a limit counts as exceeded by more than what a sum can be off


class PowerMeter:
    """Meters every rack, row, hall and site of a plant.

    The results of the measuring window are arrays by metered point, in the order of
    ``points.names``; ``points.spans[level]`` selects the points of one level.

    Attributes:
        points: what is metered, and the limits.
        now_s: time up to which everything is metered [s].
        energy_j: energy in the measuring window [J].
        peak_w: highest power in the measuring window [W].
        above_s: time in the measuring window above the limit [s].
        total_j: energy since time 0, warm-up included [J].
        power_w: power at ``now_s`` [W].
        replica_j: energy of one accelerator of each replica since time 0 [J].
        on_s: time in the measuring window for which each rack had power [s].
        breakers: told of every stretch of constant power, or None.

    Args:
        plant: what stands where.
        warmup_s: start of the measuring window [s].
        interval_s: width of the bins of the series [s]; None for bins that widen themselves.
    """

    def __init__(
        self, plant: Plant, warmup_s: float = 0.0, interval_s: float | None = None
    ) -> None:
        self.points: MeterPoints = meter_points(plant)
        self.now_s = 0.0
        self.warmup_s = warmup_s
        self._loads = NodeLoads(plant)
        self._node_rack = np.asarray(plant.node_rack, dtype=np.int64)
        self._base_w = np.asarray(plant.rack_base_w, dtype=np.float64)
        self._energised = np.ones(len(self._base_w), dtype=np.bool_)
        self._alarm_w = self.points.limit_w * _ROUNDING
        self._bins = Bins(len(self.points), width_s=interval_s)
        self._replica_w = np.zeros(self._loads.replicas)
        self._node_w = np.zeros(self._loads.nodes)  # accelerators of each node
        self._wall_w = np.zeros(self._loads.nodes)
        size = len(self.points)
        self.energy_j, self.peak_w, self.above_s = np.zeros(size), np.zeros(size), np.zeros(size)
        self.total_j = np.zeros(size)
        self.power_w = np.zeros(size)
        self.replica_j = np.zeros(self._loads.replicas)
        self._warmup_j = np.zeros(self._loads.replicas)  # the part of it before the window
        self.on_s = np.zeros(len(self._base_w))
        self.breakers: BreakerBank | None = None
        self._evaluate_nodes()

    def advance(self, rows: FloatArray, until_s: float) -> None:
        """Meter what happened since the last call.

        Args:
            rows: activity since then, shape (n, 8), columns `sim.interfaces.ACTIVITY_COLUMNS`;
                the rows of a replica are contiguous and in order of time.
            until_s: time up to which the rows cover every replica [s].
        """
        if until_s <= self.now_s:
            self._replica_w[rows[:, 0].astype(np.int64)] = rows[:, 3]
            self._evaluate_nodes()
            return
        replica, spent_j = rows[:, 0].astype(np.int64), rows[:, 3] * (rows[:, 2] - rows[:, 1])
        self.replica_j += np.bincount(replica, spent_j, minlength=len(self.replica_j))
        if self.now_s < self.warmup_s:
            early_s = np.maximum(np.minimum(rows[:, 2], self.warmup_s) - rows[:, 1], 0.0)
            early_j = rows[:, 3] * early_s
            self._warmup_j += np.bincount(replica, early_j, minlength=len(self._warmup_j))
        self.on_s += self._energised * max(until_s - max(self.now_s, self.warmup_s), 0.0)
        node, time_s, change_w = self._wall_changes(rows)
        point, start_s, level_w, end_s = self._levels(node, time_s, change_w, until_s)
        self._account(point, start_s, level_w, end_s)
        self.now_s = until_s
        self._node_w = self._loads.accelerators_w(self._replica_w)
        self._add_up()

    def accelerator_j(self) -> FloatArray:
        """Return the energy of all accelerators of each rack in the measuring window [J]."""
        replica_j = self.replica_j - self._warmup_j
        node_j = self._loads.accelerators_j(replica_j, self.on_s[self._node_rack])
        racks_j = np.bincount(self._node_rack, node_j, minlength=len(self._base_w))
        return np.asarray(racks_j, dtype=np.float64)

    def rack_floor_w(self, idle_w: FloatArray) -> FloatArray:
        """Return what each rack draws while its replicas idle [W].

        Args:
            idle_w: idle power of one accelerator of each replica [W].
        """
        nodes_w = self._loads.wall_w(
            np.arange(self._loads.nodes), self._loads.accelerators_w(idle_w)
        )
        racks_w = np.bincount(self._node_rack, nodes_w, minlength=len(self._base_w))
        return np.asarray(racks_w + self._base_w * self._energised)

    def set_energised(self, racks: IntArray, on: bool) -> None:
        """Switch racks off or on at `now_s`; without power a rack draws nothing."""
        self._energised[racks] = on
        self._loads.energised = self._energised[self._node_rack]
        self._evaluate_nodes()

    def probe(self, level: Level) -> Probe:
        """Return an instrument that reads the mean power of the points of one level."""
        return Probe(self, self.points.spans[level])

    def series(self) -> MeterSeries:
        """Return mean and highest power of every point in each bin."""
        rack_j = self._bins.integrals()[: len(self._base_w)]
        integral_j = np.zeros((len(self.points), rack_j.shape[1]))
        for chain in self.points.chains:
            np.add.at(integral_j, chain, rack_j)
        lengths_s = self._bins.lengths_s(self.now_s)
        mean_w = integral_j / np.where(lengths_s > 0.0, lengths_s, 1.0)
        return MeterSeries(self._bins.starts_s(), lengths_s, mean_w, self._bins.maxima())

    def _wall_changes(self, rows: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return node, time [s] and change of wall power [W] of all events, in order of time."""
        time_s = rows[:, 1]
        order = np.argsort(time_s, kind="stable")
        replica = rows[order, 0].astype(np.int64)
        by_replica = grouped(replica, self._loads.replicas)
        power_w = rows[order[by_replica.order], 3]
        change_w = np.empty(len(rows))
        change_w[by_replica.order] = power_w - by_replica.before(power_w, self._replica_w)
        ends = by_replica.last()
        self._replica_w[by_replica.group[ends]] = power_w[ends]
        event, node, count = self._loads.spread(replica)
        by_node = grouped(node, self._loads.nodes)
        node_w = by_node.sums((change_w[event] * count)[by_node.order], self._node_w)
        wall_w = self._loads.wall_w(by_node.group, node_w)
        before_w = by_node.before(wall_w, self._wall_w)
        ends = by_node.last()
        self._wall_w[by_node.group[ends]] = wall_w[ends]
        change_wall_w = np.empty(len(event))
        change_wall_w[by_node.order] = wall_w - before_w
        return node, time_s[order][event], change_wall_w

    def _levels(
        self, node: IntArray, time_s: FloatArray, change_w: FloatArray, until_s: float
    ) -> tuple[Grouped, FloatArray, FloatArray, FloatArray]:
        """Return the constant stretches of every point: grouping, start, power and end."""
        size = len(self.points)
        above = self.points.chains[:, self._node_rack[node]]
        # Each point opens with its present power; all levels are summed in one go.
        point = np.concatenate([np.arange(size), above.ravel()])
        by_point = grouped(point, size)
        opening, again = np.full(size, self.now_s), np.zeros(size)
        start_s = np.concatenate([opening, *[time_s] * len(above)])[by_point.order]
        change_w = np.concatenate([again, *[change_w] * len(above)])[by_point.order]
        level_w = by_point.sums(change_w, self.power_w)
        end_s = np.empty_like(start_s)
        end_s[:-1] = start_s[1:]
        end_s[by_point.last()] = until_s
        return by_point, start_s, level_w, end_s

    def _account(
        self, by_point: Grouped, start_s: FloatArray, level_w: FloatArray, end_s: FloatArray
    ) -> None:
        """Add constant stretches to energies, peaks, times above the limit, and bins."""
        point, size = by_point.group, len(self.points)
        energy_j = np.bincount(point, level_w * (end_s - start_s), minlength=size)
        self.total_j += energy_j
        if self.breakers is not None:
            self.breakers.carry(point, start_s, end_s, level_w)
        # Levels between two changes at the same instant never existed.
        lasting = end_s > start_s
        racks = by_point.first[len(self._base_w)]  # racks come first; the rest is their sum
        self._bins.add(point[:racks], start_s[:racks], end_s[:racks], level_w[:racks])
        self._bins.add_max(point, start_s, end_s, level_w)
        if self.now_s < self.warmup_s:
            start_s = np.maximum(start_s, self.warmup_s)
            lasting = end_s > start_s
            inside_j = np.where(lasting, level_w * (end_s - start_s), 0.0)
            energy_j = np.bincount(point, inside_j, minlength=size)
        self.energy_j += energy_j
        peak_w = np.maximum.reduceat(np.where(lasting, level_w, 0.0), by_point.first)
        np.maximum(self.peak_w, peak_w, out=self.peak_w)
        over = lasting & (level_w > self._alarm_w[point])
        if over.any():
            above_s = (end_s - start_s)[over]
            self.above_s += np.bincount(point[over], above_s, minlength=size)

    def _evaluate_nodes(self) -> None:
        """Compute all powers at `now_s` from the state of the replicas."""
        self._node_w = self._loads.accelerators_w(self._replica_w)
        self._wall_w = self._loads.wall_w(np.arange(self._loads.nodes), self._node_w)
        self._add_up()

    def _add_up(self) -> None:
        """Add up the power at `now_s` from the state of nodes and racks."""
        nodes_w = np.bincount(self._node_rack, self._wall_w, minlength=len(self._base_w))
        rack_w = nodes_w + self._base_w * self._energised
        self.power_w = self.points.sums(rack_w)


class Probe:
    """Reads mean power: the exact average since its own previous reading.

    Args:
        meter: the meter to read.
        span: the points to read.
    """

    def __init__(self, meter: PowerMeter, span: slice) -> None:
        self._meter, self._span = meter, span
        self._since_s, self._since_j = meter.now_s, meter.total_j[span].copy()

    def mean_w(self) -> FloatArray:
        """Return the mean power of each point since the last reading [W].

        The meter has to be up to date. Two readings at the same time give the power at that time.
        """
        meter, span = self._meter, self._span
        passed_s = meter.now_s - self._since_s
        if passed_s <= 0.0:
            return np.asarray(meter.power_w[span].copy())
        energy_j = meter.total_j[span] - self._since_j
        self._since_s, self._since_j = meter.now_s, meter.total_j[span].copy()
        return np.asarray(energy_j / passed_s)


@dataclass(frozen=True, slots=True)
class MeterSeries:
    """Power over time in bins.

    Attributes:
        start_s: start of each bin [s].
        length_s: how much of each bin the run covers [s].
        mean_w: mean power by point and bin [W].
        peak_w: highest power by point and bin [W].
    """

    start_s: FloatArray
    length_s: FloatArray
    mean_w: FloatArray
    peak_w: FloatArray
