"""The top of the page: a sentence that answers first, and the tiles with the main figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.svg import percent
from sim.report.charts.view import as_float, at, tier_names
from sim.report.html.markup import Markup, join, tag

if TYPE_CHECKING:
    from sim.result import Result

MOST_NAMES = 3
LEVELS = ("site", "hall", "row", "rack")
FATES = {
    "completed": "completed",
    "rejected": "rejected",
    "timed_out": "timed out",
    "failed": "failed",
    "in_flight": "in flight at the end",
}
FATE_LOOKS = {
    "completed": "s0",
    "rejected": "s1",
    "timed_out": "s4",
    "failed": "s3",
    "in_flight": "s6",
}


@dataclass(frozen=True, slots=True)
class TierSla:
    """How a tier did against its target; ``target`` is None where the scenario gives none."""

    name: str
    attainment: float
    target: float | None

    @property
    def met(self) -> bool | None:
        """Return whether the target was met, None without a target."""
        return None if self.target is None else self.attainment >= self.target


@dataclass(frozen=True, slots=True)
class SitePower:
    """Peak power of a site against its limit [kW]."""

    name: str
    peak_kw: float
    limit_kw: float | None

    @property
    def fullness(self) -> float:
        """Return peak over limit, 0 without a limit."""
        return self.peak_kw / self.limit_kw if self.limit_kw else 0.0


@dataclass(frozen=True, slots=True)
class PlacesAbove:
    """The sites, halls, rows or racks that went above their power limit, the worst of them first.

    Attributes:
        level: what they are.
        count: how many there are.
        worst: name, ``limit_w``, ``peak_w`` and ``share_above`` of the worst.
    """

    level: str
    count: int
    worst: Sequence[Mapping[str, Any]]

    @property
    def fullness(self) -> float:
        """Return peak over limit of the worst."""
        return float(self.worst[0]["peak_w"]) / float(self.worst[0]["limit_w"])

    @property
    def named(self) -> str:
        """Return how many there are, in words."""
        return formats.plural(self.count, self.level)


def tier_slas(summary: Mapping[str, Any]) -> list[TierSla]:
    """Return the attainment of every tier that has one."""
    found = []
    for name, entry in (at(summary, "sla") or {}).items():
        attainment = as_float(at(entry, "attainment"))
        if attainment is not None:
            found.append(TierSla(str(name), attainment, as_float(at(entry, "targets", "target"))))
    return found


def site_powers(summary: Mapping[str, Any]) -> list[SitePower]:
    """Return the peak power of every site, the fullest first."""
    found = [
        SitePower(str(name), peak, as_float(at(entry, "limit_kw")))
        for name, entry in (at(summary, "power") or {}).items()
        if (peak := as_float(at(entry, "peak_kw"))) is not None
    ]
    return sorted(found, key=lambda site: -site.fullness)


def places_above(summary: Mapping[str, Any]) -> list[PlacesAbove]:
    """Return the levels at which something went above its power limit, from site to rack."""
    found = at(summary, "above_limit") or {}
    return [
        PlacesAbove(level, int(found[level]["count"]), found[level]["worst"])
        for level in LEVELS
        if level in found
    ]


def verdict(summary: Mapping[str, Any]) -> Markup:
    """Return in a sentence or two what the run says."""
    slas = tier_slas(summary)
    missed = [sla for sla in slas if sla.met is False]
    judged = [sla for sla in slas if sla.met is not None]
    over = places_above(summary)
    said = []
    if missed:
        names = [
            f"{sla.name} ({formats.share(sla.attainment, 2)} against "
            f"{formats.share(sla.target, 2)})"
            for sla in missed
        ]
        said.append(f"{len(missed)} of {len(judged)} service levels missed: {_some(names)}.")
    elif judged:
        every = {1: "The service level is", 2: "Both service levels are"}
        said.append(f"{every.get(len(judged), f'All {len(judged)} service levels are')} met.")
    if over:
        said.append(f"Power above the limit: {'; '.join(map(_above, over))}.")
    elif at(summary, "above_limit") is not None:
        said.append("No site, row or rack went above its power limit.")
    state = "bad" if missed or over else "good"
    return tag("p", " ".join(said), class_=f"verdict {state}") if said else Markup()


def _above(places: PlacesAbove) -> str:
    worst = f"{places.worst[0]['name']} drew up to {formats.share(places.fullness)} of it"
    return f"{places.named}, of which {worst}" if places.count > 1 else f"{places.level} {worst}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


def tiles(result: Result) -> Markup:
    """Return the tiles."""
    summary = result.summary
    shown = [
        _requests_tile(summary),
        _goodput_tile(summary),
        *(_sla_tile(sla) for sla in tier_slas(summary)),
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
    told = [
        tag("span", tag("i", class_=f"dot {FATE_LOOKS[fate]}"), f"{formats.count(n)} {FATES[fate]}")
        for fate, n in counts.items()
        if n
    ]
    return _tile(
        "Requests", formats.count(arrived), _fate_bar(counts), tag("span", *told, class_="fates")
    )


def _fate_bar(counts: Mapping[str, float]) -> Markup:
    total = sum(counts.values())
    if not total:
        return Markup()
    bars, left = [], 0.0
    for fate, number in counts.items():
        width = number / total
        if number:
            look = f"mark {FATE_LOOKS[fate]}"
            bars.append(
                tag("rect", class_=look, x=percent(left), width=percent(width), y=0, height=6)
            )
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


def _sla_tile(sla: TierSla) -> Markup:
    value = formats.share(sla.attainment, 2)
    if sla.target is None:
        return _tile(f"SLA · {sla.name}", value, "within its SLO; no target given")
    gap = formats.points(sla.attainment - sla.target)
    sign = "✓ met" if sla.met else f"✗ missed by {gap}"
    return _tile(
        f"SLA · {sla.name}",
        value,
        tag("span", sign, class_="sign"),
        f"within its SLO, target {formats.share(sla.target, 2)}",
        state="good" if sla.met else "bad",
    )


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
        yield _tile("Energy per output token", value, "IT energy / output tokens")


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
