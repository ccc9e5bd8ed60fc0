"""The sections of a run's page, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.latency import METRICS, latency_charts
from sim.report.charts.map import topology_map
from sim.report.charts.over_time import over_time
from sim.report.charts.pools import pool_charts
from sim.report.charts.power import site_power_charts
from sim.report.charts.racks import rack_heat_map
from sim.report.charts.view import as_float, at, tier_names
from sim.report.html.datatable import fact_list, folded, table
from sim.report.html.facility_sections import facility_sections, has_facility
from sim.report.html.fleet_sections import fleet_section
from sim.report.html.live import live_figures
from sim.report.html.markup import Markup, join, tag
from sim.report.html.section import Section
from sim.report.notices import source_tables
from sim.report.terminal.plant_tables import limit_table, row_table
from sim.report.terminal.pool_tables import pool_tables
from sim.report.verdict.readings import site_powers

if TYPE_CHECKING:
    from sim.result import Result

MOST_SITES = 20
QUANTILES = {
    "mean": "Mean",
    "p50": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p99_9": "p99.9",
}
LATENCIES = {
    **{key: title for key, (title, _) in METRICS.items()},
    "queue_s": "Queue wait",
    "network_s": "Network",
}


def run_sections(result: Result) -> list[Section]:
    """Return the sections that have something to show."""
    before: tuple[Callable[[Result], Section], ...] = (_over_time, _latency, _power)
    after = (_pools, fleet_section, _sites, _topology, _sources, _performance)
    sections = [
        *(build(result) for build in before),
        *facility_sections(result),
        *(build(result) for build in after),
    ]
    return [section for section in sections if section.content]


def _grid(charts: Markup) -> Markup:
    return tag("div", charts, class_="charts") if charts else charts


def _left_out(count: int, noun: str, kept: str) -> Markup:
    text = f"{formats.plural(count, f'more {noun}')} not drawn: {kept}. All are in series.parquet."
    return tag("p", text, class_="note") if count else Markup()


def _over_time(result: Result) -> Section:
    lead = (
        "Drag over a chart to zoom all of them; names in the legend hide and show lines. Red "
        "marks are incidents, outages and load targets. Arrow keys, + and - work on a chart in "
        "focus. Time is counted from the start of the run."
    )
    return Section("over-time", "Over time", lead, live_figures(over_time(result)))


def _latency(result: Result) -> Section:
    charts = _grid(latency_charts(result))
    lead = (
        "Share of requests that were served within a time. The upper half of each chart "
        "is stretched so that p99 and p99.9 can be read; dashed lines are the SLO of a tier."
    )
    return Section("latency", "Latency", lead, join((charts, _percentile_table(result))))


def _percentile_table(result: Result) -> Markup:
    latency = at(result.summary, "latency") or {}
    groups = [(tier, at(latency, "tiers", tier)) for tier in tier_names(result)]
    groups.append(("all", at(latency, "all")))
    rows: list[list[str]] = []
    for key, title in LATENCIES.items():
        known = [(group, at(values, key)) for group, values in groups if at(values, key)]
        rows += [[title]] if known else []
        rows += [
            [group, *(formats.duration(as_float(values.get(q))) for q in QUANTILES)]
            for group, values in known
        ]
    if not rows:
        return Markup()
    header = ["Tier", *QUANTILES.values()]
    note = tag("p", _percentile_method(result), class_="note")
    return join((tag("h3", "Percentiles"), table("Latency percentiles", header, rows), note))


def _percentile_method(result: Result) -> str:
    """Return which requests the percentiles are of, and how exact they are."""
    warmup_s = as_float(at(result.summary, "window", "start_s"))
    said = "Of the requests that arrived in the measuring window"
    said += f", which starts after {formats.span(warmup_s)} of warm-up" if warmup_s else ""
    error = as_float(at(result.summary, "quantiles", "guaranteed_relative_error"))
    if error:
        return f"{said}. From a histogram, each within {formats.share(error)} of the true value."
    return f"{said}. Exact, with linear interpolation between neighbours."


def _power(result: Result) -> Section:
    charts, left_out = site_power_charts(result)
    note = _left_out(left_out, "site", "the fullest are shown")
    lead = (
        "IT power of every site against its limit over time. "
        "Lines are means, bands reach up to the highest instant."
    )
    parts = [_grid(charts), note, limit_table(result)]
    if not has_facility(result):  # with one, racks and rows have a section of their own
        parts += [rack_heat_map(result), row_table(result)]
    return Section("power", "Power", lead, join(parts))


def _pools(result: Result) -> Section:
    charts, left_out = pool_charts(result)
    note = _left_out(left_out, "pool", "the busiest are shown")
    lead = "What the pools did over time: lines are means, bands reach to the extremes."
    content = join((_grid(charts), note, pool_tables(result)))
    return Section("pools", "Queues and batches", lead, content)


def _sites(result: Result) -> Section:
    power = at(result.summary, "power") or {}
    served = dict(result.request_columns("site")["site"].value_counts().items())
    kinds = at(result.topology or {}, "sites") or {}
    rows = {
        site: [site, at(kinds, site, "kind") or formats.NOTHING, *_site_cells(result, site, served)]
        for site in power
    }
    header = [
        *("Site", "Kind", "Requests", "Mean power", "Peak power", "Limit", "Headroom"),
        *("Time above limit", "Time capped", "Accelerators busy", "KV used", "Mean batch"),
    ]
    if len(rows) <= MOST_SITES:
        content = table("Sites", header, rows.values(), texts=2) if rows else Markup()
        return Section("sites", "Sites", "", content)
    fullest = [site.name for site in site_powers(result.summary)[:MOST_SITES]]
    top = table("The fullest sites", header, [rows[name] for name in fullest], texts=2)
    every = folded(table("All sites", header, rows.values(), texts=2), f"All {len(rows)} sites")
    lead = f"The {MOST_SITES} sites that came closest to their power limit."
    return Section("sites", "Sites", lead, join((top, every)))


def _site_cells(result: Result, site: str, served: Mapping[Any, int]) -> list[str]:
    power = at(result.summary, "power", site)
    use = at(result.summary, "utilisation", site)
    return [
        formats.count(served.get(site, 0)),
        *(
            formats.power_kw(as_float(at(power, key)))
            for key in ("mean_kw", "peak_kw", "limit_kw", "headroom_kw")
        ),
        *(formats.share(as_float(at(power, key))) for key in ("share_above", "capped_share")),
        formats.share(as_float(at(use, "accelerator_busy"))),
        formats.share(as_float(at(use, "kv_used"))),
        formats.number(as_float(at(use, "batch_mean"))),
    ]


def _topology(result: Result) -> Section:
    return Section("topology", "Topology", "", topology_map(result))


def _sources(result: Result) -> Section:
    lead = "Where the numbers come from that the run took from the catalogue."
    return Section("sources", "Sources", lead, source_tables(result))


def _performance(result: Result) -> Section:
    cost: Mapping[str, Any] = at(result.summary, "performance") or {}
    shown = (
        ("Wall time", formats.span(as_float(cost.get("wall_s")))),
        ("CPU time", formats.span(as_float(cost.get("cpu_s")))),
        ("Requests per CPU-second", formats.count(as_float(cost.get("requests_per_cpu_s")))),
        ("Peak memory", f"{formats.number(as_float(cost.get('peak_rss_mb')))} MB"),
        ("SimPy events", formats.count(as_float(cost.get("simpy_events")))),
    )
    content = fact_list(shown) if cost else Markup()
    return Section("performance", "The simulator itself", "", content)
