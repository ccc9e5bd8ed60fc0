"""What a user's own process sees of a run, and what it can do to it."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, nan

import simpy

from sim.errors import PolicyError, Problem
from sim.facility.facility import Facility
from sim.metrics.recorded import RecordedColumns
from sim.registry import nearest_hint
from sim.serving.queues.pool import Pool
from sim.signals import Constant, Signal
from sim.world import World


class RunControl:
    """The hand of a process on a run, and its eyes.

    Readings are exact and of this moment. What is set stays set until it is set again. Places are
    named as in the results: ``metro``, ``metro/hall-1``, ``metro/hall-1/row-1``; a reading or an
    order for a name that does not exist raises `PolicyError` with the nearest one that does.

    Args:
        world: the run.
        recorded: takes the columns that the process records.

    Attributes:
        env: the clock of the run, a SimPy environment: ``yield control.env.timeout(60.0)``.
    """

    def __init__(self, world: World, recorded: RecordedColumns) -> None:
        self.env: simpy.Environment = world.clock
        self._world, self._recorded = world, recorded
        points = world.meter.points
        self._point_of = {name: at for at, name in enumerate(points.names)}
        self._site_of = {name: at for at, name in enumerate(world.plant.site_names)}
        self._rack_of = {name: at for at, name in enumerate(world.plant.rack_names)}
        self._pool_of = {name: at for at, name in enumerate(world.names.pools)}
        self._tier_of = {name: at for at, name in enumerate(world.names.tiers)}
        self._prices: dict[str, Signal] = {}  # of before, by site

    # --- reading ---------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """Simulated time [s]."""
        return self._world.clock.now

    @property
    def running(self) -> bool:
        """Whether requests are still to come or to end."""
        return self._world.running()

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites."""
        return tuple(self._site_of)

    @property
    def racks(self) -> tuple[str, ...]:
        """Names of the racks."""
        return tuple(self._rack_of)

    @property
    def pools(self) -> tuple[str, ...]:
        """Names of the pools."""
        return tuple(self._pool_of)

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the SLA tiers."""
        return tuple(self._tier_of)

    @property
    def arrived(self) -> int:
        """Requests that have arrived so far."""
        return self._world.source.emitted

    @property
    def ended(self) -> int:
        """Requests that have ended so far, whatever their fate."""
        return self._world.recorder.count

    def outstanding(self, pool: str) -> int:
        """Return the requests that were sent to a pool and have not ended."""
        return self._pool(pool).outstanding

    def waiting(self, pool: str) -> int:
        """Return the requests that wait in the queues of a pool."""
        return self._pool(pool).waiting()

    def in_service(self, pool: str) -> int:
        """Return the replicas of a pool that take requests."""
        return self._pool(pool).in_service

    def power_w(self, place: str) -> float:
        """Return the IT power of a rack, row, hall or site at this moment [W]."""
        self._world.flush()
        return float(self._world.meter.power_w[self._point(place)])

    def energy_j(self, place: str) -> float:
        """Return the IT energy of a rack, row, hall or site since the run began [J].

        Two readings give the exact mean power between them.
        """
        self._world.flush()
        return float(self._world.meter.total_j[self._point(place)])

    def inlet_c(self, rack: str) -> float:
        """Return the temperature of the air that enters a rack, at the facility's last look [degC].

        Raises:
            PolicyError: the scenario has no facility section.
        """
        at = _known(self._rack_of, rack, "rack")
        facility = self._facility("has no temperatures")
        return float(facility.parts.physics.thermals.inlet_c[at])

    def price_usd_per_kwh(self, site: str) -> float | None:
        """Return the price of energy at a site at this moment [USD/kWh], None where unknown."""
        return self._signal(site, "price", "usd_per_kwh")

    def carbon_g_per_kwh(self, site: str) -> float | None:
        """Return the carbon intensity of the grid at a site [g/kWh], None where unknown."""
        return self._signal(site, "carbon", "gco2_per_kwh")

    # --- acting ----------------------------------------------------------------------------------

    def set_power_limit(self, place: str, limit_w: float | None) -> None:
        """Keep the IT power of a rack, row, hall or site under a limit, from the next look on.

        Clocks fall first, the least urgent tier's before the others; where the lowest clock is not
        enough, fewer requests run at the same time. The delays of the scenario's power control
        hold for it, too.

        Args:
            place: what to limit.
            limit_w: most that it may draw [W]; None ends the order.

        Raises:
            PolicyError: the limit is no positive number, or the scenario has no facility section.
        """
        if limit_w is not None and not 0.0 < limit_w < inf:
            raise _wrong("limit_w", repr(limit_w), "a positive number of watts, or None")
        self._point(place)
        facility = self._facility("cannot enforce a power limit")
        facility.order_limit(place, inf if limit_w is None else float(limit_w))

    def set_price(self, site: str, usd_per_kwh: float | None) -> None:
        """Change what energy costs at a site from now on; what was used before keeps its price.

        Args:
            site: name of the site.
            usd_per_kwh: the new price [USD/kWh], below zero if you are paid for it; None returns
                to the scenario's.

        Raises:
            PolicyError: the price is no finite number, or the scenario has no facility section.
        """
        at = _known(self._site_of, site, "site")
        if usd_per_kwh is not None and not isfinite(usd_per_kwh):
            raise _wrong("usd_per_kwh", repr(usd_per_kwh), "a number of USD per kWh, or None")
        facility = self._facility("has no tariff over time")
        facility.update(self.now_s)
        if usd_per_kwh is not None:
            before = facility.set_price(at, Constant(float(usd_per_kwh)))
            self._prices.setdefault(site, before)
        elif site in self._prices:
            facility.set_price(at, self._prices.pop(site))

    def set_routing_weight(self, pool: str, weight: float) -> None:
        """Let routing see a pool as larger or smaller than it is, for requests from now on.

        A policy that goes by load fills a pool of weight 0.5 half as full as one of weight 1; a
        pool of weight 0 gets no new requests. What is there already stays.

        Args:
            pool: name of the pool.
            weight: multiple of its places that routing counts with [1].

        Raises:
            PolicyError: the weight is negative or not finite.
        """
        if not 0.0 <= weight < inf:
            raise _wrong("weight", repr(weight), "a number from 0 up")
        self._pool(pool).set_weight(float(weight))

    def close(self, tier: str) -> None:
        """Reject the requests of a tier that arrive from now on; those inside go on."""
        self._world.router.closed.add(_known(self._tier_of, tier, "tier"))

    def open(self, tier: str) -> None:
        """Accept the requests of a tier again."""
        self._world.router.closed.discard(_known(self._tier_of, tier, "tier"))

    def take_out(self, pool: str, replicas: int = 1) -> list[int]:
        """Let replicas of a pool finish what they run and switch off; those with the highest index.

        Args:
            pool: name of the pool.
            replicas: how many; fewer if it has fewer in service.

        Returns:
            Their indices in the run.
        """
        station = self._pool(pool)
        out = station.serving()[::-1][: max(replicas, 0)]
        for replica in out:
            station.retire(replica)
        return out

    def bring_back(self, pool: str, replicas: int = 1) -> list[int]:
        """Return replicas that were taken out, or that a scaler switched off, to service at once.

        Args:
            pool: name of the pool.
            replicas: how many; fewer if fewer rest.

        Returns:
            Their indices in the run.
        """
        station = self._pool(pool)
        back = station.off()[: max(replicas, 0)]
        for replica in back:
            station.wake(replica)
        return back

    def record(self, name: str, value: float) -> None:
        """Set the value of a column of this name in the run's series, from now on.

        It appears in ``result.series`` as rows of kind ``process``, its mean over each bin in the
        column ``value``. NaN stands for nothing.
        """
        value = float(value)
        if value in (inf, -inf):
            raise _wrong("value", repr(value), "a finite number, or NaN for nothing")
        self._recorded.record(str(name), value, self.now_s)

    # --- names -----------------------------------------------------------------------------------

    def _pool(self, name: str) -> Pool:
        return self._world.pools[_known(self._pool_of, name, "pool")]

    def _point(self, place: str) -> int:
        return _known(self._point_of, place, "rack, row, hall or site")

    def _facility(self, lacks: str) -> Facility:
        facility = self._world.facility
        if facility is None:
            raise PolicyError(f"the scenario {lacks}: give it a section 'facility'")
        return facility

    def _signal(self, site: str, signal: str, constant: str) -> float | None:
        at = _known(self._site_of, site, "site")
        facility, now = self._world.facility, self.now_s
        if facility is not None:
            source: Signal = getattr(facility.parts.physics.sites[at].grid, signal)
            value = source.mean(now, now)
        else:
            region = self._world.scenario.topology.sites[site].region_data
            entry = self._world.catalog.regions[region] if region else None
            value = nan if entry is None else getattr(entry, constant)
        return value if isfinite(value) else None


def _known(numbers: dict[str, int], name: str, kind: str) -> int:
    """Return the number of a name.

    Raises:
        PolicyError: there is no such thing.
    """
    if name not in numbers:
        hint = nearest_hint(str(name), list(numbers))
        raise _wrong(kind, repr(name), f"one of {_some(list(numbers))}", hint)
    return numbers[name]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"


def _wrong(path: str, got: str, expected: str, hint: str = "") -> PolicyError:
    return PolicyError([Problem(path, got, expected, hint=hint)])
