"""What a plan answers: the fleet in hardware and money, what binds it, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.catalog.catalog import catalog_of
from sim.errors import InputError
from sim.experiment.execution.point import override_texts
from sim.experiment.plan.screen import PRICE
from sim.load import load_scenario
from sim.report import formats
from sim.report.answers.launch import Launch, launch_of
from sim.report.charts.plan import bound_text, writer
from sim.report.charts.view import as_float, at

if TYPE_CHECKING:
    from sim.experiment.plan.answer import Check, PlanResult, Relief

HOURS_PER_MONTH = 730.0


def fleet_text(fleet: Mapping[str, str]) -> str:
    """Return the values of the variables in a line."""
    return ", ".join(f"{name} {value}" for name, value in fleet.items())


def money(name: str, value: float) -> str:
    """Return an objective; a price per hour is told per month."""
    if name == PRICE:
        return f"{formats.usd(HOURS_PER_MONTH * value)} per month"
    return writer(name)(value)


def plan_answers(result: PlanResult) -> list[str]:
    """Return the answer in sentences: the fleet, what binds it, which limit is next, relief."""
    return [each for each in (_fleet(result), _binding(result), *_reliefs(result)) if each]


def _fleet(result: PlanResult) -> str:
    hardware = ", ".join(f"{value} {name}" for name, value in hardware_of(result.summary))
    first = next(iter(result.cost))
    said = f"{fleet_text(result.fleet)}: {hardware + '; ' if hardware else ''}"
    said += money(first, result.objective)
    if not result.settled:
        said += ". The runs ran out: a cheaper fleet may exist"
    return f"{said[:1].upper()}{said[1:]}."


def hardware_of(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a fleet is made of: accelerators in use by kind, racks, sites, power."""
    used: dict[str, int] = {}
    for pool in (at(summary, "pools") or {}).values():
        count = int(pool.get("replicas") or 0) * int(pool.get("tensor_parallel") or 1)
        used[str(pool.get("accelerator"))] = used.get(str(pool.get("accelerator")), 0) + count
    found = [(kind, formats.count(count)) for kind, count in used.items() if count]
    plant = at(summary, "plant") or {}
    for key, one in (("racks", "rack"), ("sites", "site")):
        if plant.get(key):
            found.append((one if plant[key] == 1 else key, formats.count(plant[key])))
    peaks = [as_float(site.get("peak_kw")) for site in (at(summary, "power") or {}).values()]
    known = [peak for peak in peaks if peak is not None]
    if known:
        found.append(("peak IT power", formats.power_kw(sum(known))))
    return found


def costs_of(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a fleet costs, all in: per month and per million output tokens."""
    found = []
    hourly = as_float(at(summary, "ledger", "cost_usd_per_h"))
    if hourly is not None:
        found.append(
            ("All that is installed, all in", f"{formats.usd(HOURS_PER_MONTH * hourly)} per month")
        )
    token = as_float(at(summary, "ledger", "usd_per_mtoken"))
    if token is not None:
        found.append(("Of it per million output tokens", formats.usd(token)))
    return found


def _binding(result: PlanResult) -> str:
    binds = [bound_text(check.bound) for check in result.checks if check.binds]
    said = f"Bound by {' and '.join(binds)}" if binds else "No limit keeps a cheaper fleet out"
    check = next_limit(result)
    if check is not None:
        left = formats.share(check.slack, 0)
        said += f"; the next limit is {bound_text(check.bound)}, of which {left} is left"
    return f"{said}."


def next_limit(result: PlanResult) -> Check | None:
    """Return the limit with the least left of those that do not bind, None without one."""
    free = [check for check in result.checks if not check.binds]
    return min(free, key=lambda check: check.slack, default=None)


def _reliefs(result: PlanResult) -> list[str]:
    first = next(iter(result.cost))
    return [_relief(first, relief) for relief in result.reliefs if relief.saved > 0.0]


def _relief(objective: str, relief: Relief) -> str:
    least = "" if relief.settled else "at least "
    saved = money(objective, relief.saved)
    return f"With {relief_text(relief)} it saves {least}{saved} ({fleet_text(relief.fleet)})."


def relief_text(relief: Relief) -> str:
    """Return what is moved, in words."""
    return bound_text(relief.bound) if relief.bound is not None else relief.change


def launches_of(result: PlanResult) -> list[Launch]:
    """Return how each pool of the fleet is started; none where the base is no scenario."""
    pools = at(result.summary, "pools")
    if not pools:
        return []
    try:
        scenario = load_scenario(result.loaded.base, override_texts(dict(result.changes)))
    except InputError:  # the base has changed since the fleet was found
        return []
    models, found = catalog_of(scenario).models, []
    for name, section in scenario.pools.items():
        hub = models[section.model].hub_id if section.model in models else ""
        found.append(launch_of(name, section, hub, int(pools[name]["replicas"])))
    return found
