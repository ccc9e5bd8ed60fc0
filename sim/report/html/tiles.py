"""The tiles with the main figures of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.svg import percent
from sim.report.charts.view import as_float, at, joules_between, tier_names
from sim.report.html.markup import Markup, join, tag
from sim.report.verdict.readings import (
    FATES,
    MISSES,
    TierSla,
    misses,
    places_above,
    site_powers,
    tier_slas,
)

if TYPE_CHECKING:
    from sim.result import Result

FATE_LOOKS = {
    "completed": "s0",
    "rejected": "s1",
    "timed_out": "s4",
    "failed": "s3",
    "in_flight": "s6",
}
MISS_LOOKS = {
    "late_ttft": "s1",
    "late_tpot": "s4",
    "late_e2e": "s7",
    "failed": "s3",
    "rejected": "s2",
    "timed_out": "s5",
}


def tiles(result: Result) -> Markup:
    """Return the tiles."""
    summary = result.summary
    shown = [
        _requests_tile(summary),
        _goodput_tile(summary),
        *(_sla_tile(summary, sla) for sla in tier_slas(summary)),
        _ttft_tile(result),
        _power_tile(summary),
        *_energy_tiles(summary),
        *_cost_tiles(summary),
    ]
    found = [tile for tile in shown if tile]
    # the number of columns that leaves the fewest empty places in the last line
    columns = min((4, 5, 6), key=lambda number: -len(found) % number)
    return tag("div", *found, class_=f"tiles columns{columns}")


def _tile(label: str, value: object, *details: object, state: str = "") -> Markup:
    lines = [tag("div", line, class_="detail") for line in details if line]
    look = f"tile {state}".strip()
    name = tag("p", label, class_="label")
    return tag("div", name, tag("p", value, class_="value"), *lines, class_=look)


def _requests_tile(summary: Mapping[str, Any]) -> Markup:
    counts = {fate: as_float(at(summary, "requests", fate)) or 0.0 for fate in FATES}
    arrived = as_float(at(summary, "requests", "arrived"))
    shown = {fate: number for fate, number in counts.items() if number}
    told = _told(shown, FATES, FATE_LOOKS)
    return _tile("Requests", formats.count(arrived), _bar(shown, FATE_LOOKS), told)


def _told(
    counts: Mapping[str, float], names: Mapping[str, str], looks: Mapping[str, str]
) -> Markup:
    """Return numbers with what they count, each behind a dot in the colour of its bar."""
    parts = [
        tag("span", tag("i", class_=f"dot {looks[key]}"), f"{formats.count(number)} {names[key]}")
        for key, number in counts.items()
    ]
    return tag("span", *parts, class_="fates")


def _bar(counts: Mapping[str, float], looks: Mapping[str, str]) -> Markup:
    """Return a bar with a part for each count."""
    total = sum(counts.values())
    if not total:
        return Markup()
    bars, left = [], 0.0
    for key, number in counts.items():
        width = number / total
        look = f"mark {looks[key]}"
        bars.append(tag("rect", class_=look, x=percent(left), width=percent(width), y=0, height=6))
        left += width
    return tag("svg", *bars, width="100%", height=6, aria_hidden="true")


def _goodput_tile(summary: Mapping[str, Any]) -> Markup | None:
    good = as_float(at(summary, "throughput", "goodput_per_s"))
    if good is None:
        return None
    served = as_float(at(summary, "throughput", "requests_per_s"))
    tokens = as_float(at(summary, "throughput", "output_tokens_per_s"))
    return _tile(
        "Goodput",
        _with_unit(formats.number(good), "req/s"),
        f"of {formats.number(served)} req/s completed" if served is not None else None,
        f"{formats.number(tokens)} output tokens/s" if tokens is not None else None,
    )


def _sla_tile(summary: Mapping[str, Any], sla: TierSla) -> Markup:
    value = formats.share(sla.attainment, 2)
    told = _misses(summary, sla.name)
    if sla.target is None:
        return _tile(f"SLA · {sla.name}", value, "within its SLO; no target given", *told)
    value = formats.share_beside(sla.attainment, sla.target)
    gap = formats.points(sla.attainment - sla.target)
    sign = "✓ met" if sla.met else f"✗ missed by {gap}"
    return _tile(
        f"SLA · {sla.name}",
        value,
        tag("span", sign, class_="sign"),
        f"within its SLO, target {formats.share(sla.target, 2)}",
        *told,
        state="good" if sla.met else "bad",
    )


def _misses(summary: Mapping[str, Any], tier: str) -> Iterable[Markup]:
    """Yield a bar of the reasons why requests missed, and their numbers."""
    reasons = misses(summary, tier)
    if reasons:
        yield _bar(reasons, MISS_LOOKS)
        yield _told(reasons, MISSES, MISS_LOOKS)
    undecided = as_float(at(summary, "sla", tier, "undecided"))
    if undecided:
        yield tag("span", f"{formats.count(undecided)} undecided at the end")


def _ttft_tile(result: Result) -> Markup | None:
    by_tier = {
        tier: as_float(at(result.summary, "latency", "tiers", tier, "ttft_s", "p99"))
        for tier in tier_names(result)
    }
    overall = as_float(at(result.summary, "latency", "all", "ttft_s", "p99"))
    if overall is None:
        return None
    details = [f"{tier} {formats.duration(value)}" for tier, value in by_tier.items()]
    return _tile("p99 time to first token", formats.duration(overall), *details)


def _power_tile(summary: Mapping[str, Any]) -> Markup | None:
    sites = site_powers(summary)
    if not sites:
        return None
    over = ", ".join(places.named for places in places_above(summary))
    sign = tag("span", f"✗ above the limit: {over}", class_="sign") if over else None
    state, fullest = "bad" if over else "", sites[0]
    if fullest.limit_kw is None:
        highest = max(sites, key=lambda site: site.peak_kw)
        said = (f"{highest.name}; no limit given for a site", sign)
        return _tile("Peak power", formats.power_kw(highest.peak_kw), *said, state=state)
    return _tile(
        "Peak power against limit",
        formats.share(fullest.fullness),
        f"{fullest.name}: {formats.power_kw(fullest.peak_kw)} of "
        f"{formats.power_kw(fullest.limit_kw)}",
        sign,
        state=state,
    )


def _energy_tiles(summary: Mapping[str, Any]) -> Iterable[Markup]:
    it_kwh = as_float(at(summary, "energy", "it_kwh"))
    facility_kwh = as_float(at(summary, "energy", "facility_kwh"))
    pue = as_float(at(summary, "energy", "pue"))
    per_token = as_float(at(summary, "energy", "j_per_output_token"))
    if it_kwh is not None:
        whole = f"{formats.energy(facility_kwh)} at the meter" if facility_kwh is not None else ""
        yield _tile("IT energy", formats.energy(it_kwh), whole)
        if pue is None:
            yield _tile("PUE", formats.NOTHING, "cooling is not modelled in this run")
    if pue is not None:
        yield _tile("PUE", f"{pue:.2f}", "facility energy / IT energy")
    if per_token is not None:
        value = _with_unit(formats.number(per_token), "J")
        said = "IT energy / output tokens"
        if ends := joules_between(summary):
            said += f"; {formats.number(ends[0])} to {formats.number(ends[1])} J nine times in ten"
        yield _tile("Energy per output token", value, said)


def _cost_tiles(summary: Mapping[str, Any]) -> Iterable[Markup]:
    carbon_kg = as_float(at(summary, "carbon", "kg"))
    if carbon_kg is not None:
        per_token = formats.mass(as_float(at(summary, "carbon", "g_per_mtoken")))
        value = _with_unit(formats.mass(1e3 * carbon_kg), "CO₂")
        yield _tile("Carbon", value, f"{per_token} per million output tokens")
    total_usd = as_float(at(summary, "cost", "total_usd"))
    if total_usd is not None:
        per_token = formats.number(as_float(at(summary, "cost", "usd_per_mtoken")))
        value = _with_unit(formats.number(total_usd), "USD")
        details = f"{per_token}{formats.GAP}USD per million output tokens"
        yield _tile("Energy and egress cost", value, details)


def _with_unit(value: str, unit: str) -> Markup:
    return join((value, tag("small", f"{formats.GAP}{unit}")))
