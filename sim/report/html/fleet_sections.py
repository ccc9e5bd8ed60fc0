"""The section of a run's page on the fleet: cost, replicas over time, faults, retries, cascade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.palette import SLOTS
from sim.report.charts.pools import PoolMetric, pool_chart
from sim.report.charts.view import as_float, at, series_by_name, time_span_s
from sim.report.html.datatable import fact_list, folded, table
from sim.report.html.markup import Markup, join, tag
from sim.report.html.section import Section

if TYPE_CHECKING:
    from sim.result import Result

IN_SERVICE = PoolMetric("in_service", "Replicas", "in service, by pool", "number", formats.number)
ATTEMPTS = PoolMetric(
    "arrivals_per_s",
    "Attempts",
    "requests per second that reach the pool",
    "number",
    formats.number,
)
CLIENTS = {
    "attempts": "Attempts",
    "retries": "Retries",
    "refused_retries": "Retries refused by the budget",
    "hedges": "Hedges",
    "hedges_won": "Hedges that answered first",
    "wasted_tokens": "Tokens for users who had left",
}


def fleet_section(result: Result) -> Section:
    """Return what the fleet cost and did beside serving."""
    summary = result.summary
    lead = (
        "Cost of the measuring window, all in: capital over its life, energy, upkeep, rent; what "
        "no pool uses is part of the fleet, too. Counts are of the whole run."
    )
    parts = (
        _costs(summary),
        _charts(result),
        _facts("Clients", _clients(summary)),
        _facts("Model cascade", _cascade(summary)),
        _admission(summary),
        _facts("Autoscaling and spares", _scaling(summary)),
        _faults(summary),
    )
    return Section("fleet", "Fleet", lead, join(parts))


def _costs(summary: Mapping[str, Any]) -> Markup:
    cost = at(summary, "cost") or {}
    pools = at(cost, "pools") or {}
    rows = [
        [
            name,
            formats.number(as_float(at(pool, "replica_hours"))),
            formats.share(as_float(at(pool, "token_share"))),
            *(
                formats.number(as_float(at(pool, key)))
                for key in ("accelerators_usd", "energy_usd", "usd", "usd_per_mtoken")
            ),
        ]
        for name, pool in pools.items()
    ]
    if not rows:
        return Markup()
    header = [
        *("Pool", "Replica hours paid", "Share of tokens", "Accelerators USD", "Energy USD"),
        *("Together USD", "USD per million tokens"),
    ]
    known = {
        "Fleet": "fleet_usd",
        "Egress": "egress_usd",
        "Paid by users": "revenue_usd",
        "Credits": "credits_usd",
    }
    facts = [
        (title, f"{formats.number(value)}{formats.GAP}USD")
        for title, key in known.items()
        if (value := as_float(at(cost, key))) is not None
    ]
    network = as_float(at(summary, "network", "ttft_share"))
    if network is not None:
        facts.append(("Network in the mean time to first token", formats.share(network)))
    return join((table("Cost by pool", header, rows), fact_list(facts)))


def _charts(result: Result) -> Markup:
    """Return replicas over time where they change, and attempts where clients may retry."""
    series = series_by_name(result, "pool")
    wanted = []
    if any(_changes(rows) for rows in series.values()):
        wanted.append(IN_SERVICE)
    if at(result.summary, "clients"):
        wanted.append(ATTEMPTS)
    shown = dict(list(series.items())[:SLOTS])
    ends = time_span_s(result)
    charts = [pool_chart(metric, shown, ends) for metric in wanted if shown]
    if not charts:
        return Markup()
    return join((tag("h3", "Over time"), tag("div", join(charts), class_="charts")))


def _changes(rows: Any) -> bool:
    if IN_SERVICE.column not in rows:
        return False
    replicas = rows[IN_SERVICE.column].dropna()
    return bool(len(replicas)) and float(replicas.max() - replicas.min()) > 1e-9


def _facts(title: str, facts: list[tuple[str, str]]) -> Markup:
    return join((tag("h3", title), fact_list(facts))) if facts else Markup()


def _clients(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    clients = at(summary, "clients") or {}
    return [
        (title, formats.count(as_float(clients[key])))
        for key, title in CLIENTS.items()
        if key in clients
    ]


def _cascade(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    cascade = at(summary, "cascade")
    if not cascade:
        return []
    tried, escalated = (
        f"{formats.count(cascade[count])} ({formats.share(cascade[share])})"
        for count, share in (("tried_small", "tried_share"), ("escalated", "escalated_share"))
    )
    return [
        ("Requests for the large model", formats.count(cascade["asked"])),
        ("Tried with the small one", tried),
        ("Of those, answered anew by the large one", escalated),
    ]


def _admission(summary: Mapping[str, Any]) -> Markup:
    admission = at(summary, "admission") or {}
    rows = [
        [tier, formats.count(counts["shed"]), formats.count(counts["over_usage"])]
        for tier, counts in admission.items()
    ]
    if not rows:
        return Markup()
    header = ["Tier", "Turned away for load", "Over the usage cap"]
    return join((tag("h3", "Admission"), table("Requests turned away", header, rows)))


def _scaling(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [*_scalers(summary), *_spares(summary)]


def _scalers(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for pool, found in (at(summary, "autoscaling") or {}).items():
        hours = formats.number(as_float(found["replica_hours"]))
        yield pool, f"{formats.plural(found['starts'], 'start')}, {hours} replica hours on"


def _spares(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for pool, starts in (at(summary, "spares") or {}).items():
        yield f"{pool}, spares", formats.plural(starts, "start")


def _faults(summary: Mapping[str, Any]) -> Markup:
    faults = at(summary, "faults")
    if not faults:
        return Markup()
    facts = [
        *((kind, formats.count(number)) for kind, number in faults["by_kind"].items()),
        ("Requests lost", formats.count(as_float(at(faults, "lost")))),
        ("Requests moved to another replica", formats.count(as_float(faults["failed_over"]))),
        ("Requests that no pool could be reached for", formats.count(at(summary, "unreachable"))),
    ]
    rows = [
        [
            formats.span(as_float(event["at_s"])),
            event["kind"],
            formats.span(as_float(event["until_s"])),
            *(formats.count(event[key]) for key in ("replicas", "links", "lost", "moved")),
        ]
        for event in at(faults, "events") or ()
    ]
    header = ["From", "What", "Until", "Replicas", "Links", "Lost", "Moved"]
    events = folded(table("Faults", header, rows, texts=2), "All faults") if rows else Markup()
    return join((_facts("Faults", facts), events))
