"""What operators look up: incidents, load targets and who paid, power limits and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.report.charts.view import as_float, at
from sim.report.formats import NOTHING, duration, plural, power, share, span
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join, tag
from sim.report.verdict.readings import PlacesAbove, places_above

if TYPE_CHECKING:
    from sim.result import Result

MOST_ROWS = 15  # of a table that is not folded away
STRANDED = (
    "Stranded is the part of a row's limit that a tighter constraint keeps from being used; "
    "imbalance the largest deviation of a rack's energy from the mean of its row. What the "
    "network and the SLA strand is not known from a single run."
)
CAUSES = {
    "breaker": "Breaker tripped",
    "overload": "Power stage overloaded",
    "feed": "Row without feed",
    "heat": "Rack switched off, too hot",
    "blackout": "Less power than needed",
    "throttle": "Rack slowed by heat",
}


def incident_table(result: Result) -> Markup:
    """Return what went wrong in the plant: by cause, and one by one."""
    events = at(result.summary, "incidents", "events") or ()
    counts = at(result.summary, "incidents", "counts") or {}
    if not events:
        return Markup()
    rows = [
        [
            span(as_float(event["time_s"])),
            _cause(event["cause"]),
            event["place"],
            _until(as_float(event.get("until_s"))),
        ]
        for event in events
    ]
    said = ", ".join(f"{_cause(cause).lower()} {times} ×" for cause, times in counts.items())
    made = table("Incidents", ["When", "What", "Where", "Over at"], rows, texts=4)
    if len(rows) > MOST_ROWS:
        made = folded(made, f"All {len(rows)} incidents")
    more = sum(counts.values()) - len(rows)
    if more > 0:
        made = join((made, tag("p", f"{plural(more, 'later incident')} left out.", class_="note")))
    return join((tag("h3", "Incidents"), tag("p", f"{said}.", class_="note"), made))


def _cause(name: str) -> str:
    return CAUSES.get(name, f"Fault: {name}")


def _until(seconds: float | None) -> str:
    return "not in this run" if seconds is None else span(seconds)


def target_table(result: Result) -> Markup:
    """Return how load targets were met, and by which factor each tier's latency rose."""
    orders: Mapping[str, Any] = at(result.summary, "curtailment") or {}
    rows = [
        [
            name,
            *(power(as_float(order.get(key))) for key in ("limit_w", "before_w", "mean_w")),
            share(as_float(order.get("depth"))),
            _after(as_float(order.get("comply_s"))),
            span(as_float(order.get("breach_s"))),
            str(order.get("breaches")),
        ]
        for name, order in orders.items()
    ]
    if not rows:
        return Markup()
    header = [
        *("Order", "Limit", "Before", "During", "Less by"),
        *("Complied after", "In breach", "Breaches"),
    ]
    paid = [
        [name, tier, *_latency(figures)]
        for name, order in orders.items()
        for tier, figures in (order.get("tiers") or {}).items()
    ]
    parts = [tag("h3", "Load targets"), table("Load targets", header, rows)]
    if paid:
        latency = ["Order", "Tier", "TTFT p99 before", "during", "TPOT p99 before", "during"]
        parts.append(table("Latency before and during load targets", latency, paid, texts=2))
    return join(parts)


def _after(seconds: float | None) -> str:
    return "never" if seconds is None else span(seconds)


def _latency(figures: Mapping[str, Any]) -> list[str]:
    return [
        duration(as_float(at(figures, when, name, "p99")))
        for name in ("ttft_s", "tpot_s")
        for when in ("before", "during")
    ]


def limit_table(result: Result) -> Markup:
    """Return what went above its power limit, from sites to racks, the worst of each first."""
    over = places_above(result.summary)
    rows: list[list[str]] = []
    for places in over:
        rows.append([_level(places)])
        rows += [
            [
                place["name"],
                *(power(as_float(place[key])) for key in ("limit_w", "peak_w")),
                share(place["peak_w"] / place["limit_w"]),
                share(as_float(place["share_above"])),
            ]
            for place in places.worst
        ]
    if not over:
        return Markup()
    made = table("Above the power limit", ["", "Limit", "Peak", "Peak / limit", "Time above"], rows)
    if len(rows) > MOST_ROWS:
        made = folded(made, "Above the power limit")
    return join((tag("h3", "Above the power limit"), made))


def _level(places: PlacesAbove) -> str:
    left_out = places.count - len(places.worst)
    shown = f"; the worst {len(places.worst)}" if left_out else ""
    return f"{places.named}{shown}"


def row_table(result: Result) -> Markup:
    """Return the power of rows against their limits and, where known, what strands the rest."""
    found: Mapping[str, Any] = at(result.summary, "rows") or {}
    limited = {name: row for name, row in found.items() if as_float(row["limit_w"]) is not None}
    if not limited:
        return Markup()
    stranded = any("stranded_w" in row for row in limited.values())
    rows = [
        [
            name,
            *(power(as_float(row[key])) for key in ("limit_w", "peak_w", "headroom_w")),
            share(as_float(row["share_above"])),
            *(_unused(row) if stranded else ()),
        ]
        for name, row in limited.items()
    ]
    header = ["Row", "Limit", "Peak", "Headroom", "Time above"]
    header += ["Binds first", "Stranded", "Imbalance"] if stranded else []
    made = table("Power by row", header, rows)
    if len(rows) > MOST_ROWS:
        made = folded(made, f"All {len(rows)} rows")
    note = tag("p", STRANDED, class_="note") if stranded else ""
    return join((tag("h3", "Power by row"), note, made))


def _unused(row: Mapping[str, Any]) -> list[str]:
    imbalance = share(as_float(row["imbalance"]))
    return [row["binding"] or NOTHING, _stranded(row["stranded_w"]), imbalance]


def _stranded(by_cause: Mapping[str, float]) -> str:
    parts = [f"{power(watts)} by {cause}" for cause, watts in by_cause.items() if watts]
    return ", ".join(parts) or NOTHING
