"""What has to be right for a run as a whole: that it ends, and that its series fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from sim import units
from sim.document.document import Place, dotted
from sim.document.findings import Finding
from sim.errors import Problem, ScenarioError
from sim.scenario.schema.scenario import Scenario

MOST_SERIES_ROWS = 10_000_000
MOST_REQUESTS = 10**10  # days of work; a slip of a unit asks for years
MOST_LOOKS = 10**9


def check_run(scenario: Scenario) -> Iterator[Finding]:
    """Yield a finding if nothing ends the run, or if its series have too many bins."""
    duration_s = scenario.run.duration_s
    endless = [name for name, load in scenario.traffic.items() if load.is_endless]
    if duration_s is not None:
        yield from _series(scenario, duration_s)
        yield from _work(scenario, duration_s)
    elif endless:
        expected = f"a duration, because the requests of {endless[0]!r} never end"
        yield Finding(("run", "duration"), "nothing", expected)


def _work(scenario: Scenario, duration_s: float) -> Iterator[Finding]:
    """Yield a finding for what would keep a run busy for longer than anybody waits."""
    for name, workload in scenario.traffic.items():
        rate_per_s = getattr(workload.arrivals, "rate_per_s", None) or 0.0
        if rate_per_s * duration_s > MOST_REQUESTS:
            got = f"{rate_per_s * duration_s:.3g} requests in {_time(duration_s)}"
            expected = f"at most {MOST_REQUESTS:.0e} in a run: a lower rate or a shorter run"
            yield Finding(("traffic", name, "arrivals", "rate"), got, expected)
    looks: dict[Place, float] = {
        ("pools", name, "autoscaling", "interval"): pool.autoscaling.interval_s
        for name, pool in scenario.pools.items()
        if pool.autoscaling is not None
    }
    if scenario.facility is not None:
        looks["facility", "interval"] = scenario.facility.interval_s
    for place, interval_s in looks.items():
        if duration_s > MOST_LOOKS * interval_s:
            got = f"{duration_s / interval_s:.3g} looks in {_time(duration_s)}"
            expected = f"at most {MOST_LOOKS:.0e} in a run: rarer looks or a shorter run"
            yield Finding(place, got, expected)


def _time(value_s: float) -> str:
    return units.render(value_s, units.TIME, 3)


def refuse_fine_series(scenario: Scenario, length_s: float) -> None:
    """Refuse the series of a run whose length [s] only its traces decide.

    Raises:
        ScenarioError: they would have too many rows.
    """
    found = list(_series(scenario, length_s)) if isfinite(length_s) else []
    if found:
        raise ScenarioError(Problem(dotted(it.place), it.got, it.expected) for it in found)


def _series(scenario: Scenario, length_s: float) -> Iterator[Finding]:
    """Yield a finding if a run of a length [s] would have more than `MOST_SERIES_ROWS` rows."""
    width_s = scenario.output.series_interval_s
    if width_s is None:
        return
    metered = len(scenario.pools)
    for site in scenario.topology.sites.values():
        groups = list(site.rack_groups())
        rows = {(hall, row) for (hall, row, _), _ in groups}
        metered += 1 + len(rows) + sum(group.count for _, group in groups)
    if metered * length_s <= MOST_SERIES_ROWS * width_s:
        return
    least_s = metered * length_s / MOST_SERIES_ROWS
    got = f"{units.render(width_s, units.TIME)} in {units.render(length_s, units.TIME, 3)}"
    got += f" for {metered} racks, rows, sites and pools"
    expected = f"at least {units.render(1.005 * least_s, units.TIME, 3)}"
    expected += f": at most {MOST_SERIES_ROWS:,} rows of series"
    yield Finding(("output", "series_interval"), got, expected)
