"""Where the energy of a run came from and where it went: as flows, over time, and by site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.report.charts import svg
from sim.report.charts.axes import time_axis, value_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.sankey import Flow, Node, sankey
from sim.report.charts.view import (
    TABLE_STRETCHES,
    as_float,
    at,
    series_by_name,
    stretches,
    time_span_s,
)
from sim.report.formats import count, energy, mass, number, power, span
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join

if TYPE_CHECKING:
    from sim.report.charts.view import Frame
    from sim.result import Result

MOST_SITES = 6
MOST_FLOWS = 6  # sites that get a picture of their own
WHOLE, COOLING, IT = "Facility", "Cooling", "IT"
# What the summary calls it, name and colour: where power comes from, then where it goes.
SOURCES = {
    "grid_kwh": ("Grid", 6),
    "generator_kwh": ("Generator", 7),
    "solar_kwh": ("Solar", 4),
    "discharge_kwh": ("Battery", 3),
    "unserved_kwh": ("Not supplied", 1),
}
USES = {
    "it_kwh": (IT, 0),
    "loss_kwh": ("Electrical losses", 1),
    "charge_kwh": ("Battery charging", 3),
}
IT_USES = {
    "accelerator_kwh": ("Accelerators", 0),
    "server_parts_kwh": ("Fans, PSUs, other", 5),
    "rack_base_kwh": ("Rack equipment", 5),
}
COOLING_USES = {
    "chiller_kwh": ("Chillers", 2),
    "fans_kwh": ("Hall fans", 2),
    "pumps_kwh": ("Pumps", 2),
    "reject_kwh": ("Heat rejection", 2),
}
# Bottom to top of the chart over time: column of the series, name, colour.
LAYERS = (("power_w", "IT", 0), ("loss_w", "Electrical losses", 1), ("cooling_w", "Cooling", 2))


def site_reports(result: Result) -> Mapping[str, Mapping[str, float]]:
    """Return what the facility of each site used, by the summary."""
    return at(result.summary, "facility") or {}


def energy_flow(result: Result) -> Markup:
    """Return the flows of energy in the measuring window: of all sites together, then of each."""
    reports = site_reports(result)
    everything = _flow_figure("all sites" if len(reports) > 1 else next(iter(reports)), reports)
    table_of_sites = folded(_site_table(result))
    if not 1 < len(reports) <= MOST_FLOWS:
        return join((everything, table_of_sites))
    each = join(_flow_figure(site, {site: report}) for site, report in reports.items())
    return join((everything, table_of_sites, folded(each, "Energy flow of each site")))


def _flow_figure(where: str, reports: Mapping[str, Mapping[str, float]]) -> Markup:
    total = {
        key: sum(as_float(report.get(key)) or 0.0 for report in reports.values())
        for key in (*SOURCES, *USES, *IT_USES, *COOLING_USES, "facility_kwh")
    }
    if total["facility_kwh"] <= 0:
        return Markup()
    split = total["accelerator_kwh"] > 0
    nodes = [Node(name, 0, slot) for name, slot in SOURCES.values()]
    nodes += [Node(WHOLE, 1, 6), *([Node(IT, 2, 0)] if split else []), Node(COOLING, 2, 2)]
    leaves = (*(IT_USES.values() if split else ()), *USES.values(), *COOLING_USES.values())
    nodes += [Node(name, 3, slot) for name, slot in leaves if not (split and name == IT)]
    flows = _flows(total, split=split)
    it_kwh = total["it_kwh"]
    pue = f"PUE {total['facility_kwh'] / it_kwh:.3f}" if it_kwh > 0 else ""
    words = "Energy by use: " + ", ".join(
        f"{name} {energy(total[key])}"
        for key, (name, _) in {**USES, **IT_USES, **COOLING_USES}.items()
        if total[key] > 0
    )
    picture = sankey(nodes, flows, energy, words)
    return figure("Energy flow", f"{where}, {pue}", picture, (), Markup())


def _flows(total: Mapping[str, float], *, split: bool) -> list[Flow]:
    """Return the flows; cooling passes its node right below the IT, above losses and charging."""
    cooling = sum(total[key] for key in COOLING_USES)
    flows = [Flow(name, WHOLE, total[key]) for key, (name, _) in SOURCES.items()]
    direct = [Flow(WHOLE, name, total[key]) for key, (name, _) in USES.items()]
    flows += [*direct, Flow(WHOLE, COOLING, cooling)]
    if split:
        flows += [Flow(IT, name, total[key]) for key, (name, _) in IT_USES.items()]
    return flows + [Flow(COOLING, name, total[key]) for key, (name, _) in COOLING_USES.items()]


def _site_table(result: Result) -> Markup:
    columns = {**SOURCES, **USES, **IT_USES, **COOLING_USES}
    reports = site_reports(result)
    used = [key for key in columns if any(report.get(key) for report in reports.values())]
    header = ["Site", *(columns[key][0] for key in used)]
    header += ["PUE", "Water", "Water per IT energy", "Carbon", "Energy cost", "Demand charge"]
    rows = [
        [
            site,
            *(energy(as_float(report.get(key))) for key in used),
            number(as_float(report.get("pue")), 4),
            f"{count(as_float(report.get('water_l')))} L",
            f"{number(as_float(report.get('wue_l_per_kwh')))} L/kWh",
            mass(1e3 * (as_float(report.get("carbon_kg")) or 0.0)),
            f"{number(as_float(report.get('energy_usd')))} USD",
            f"{number(as_float(report.get('demand_usd')))} USD",
        ]
        for site, report in reports.items()
    ]
    return table("Energy, water, carbon and cost by site", header, rows)


def draw_charts(result: Result) -> tuple[Markup, int]:
    """Return what each site drew over time, stacked by use, and the number of sites left out."""
    series = series_by_name(result, "site")
    names = sorted(series, key=lambda name: -float(np.nanmax(series[name]["facility_w"])))
    shown = [name for name in series if name in names[:MOST_SITES]]
    ends = time_span_s(result)
    charts = join(_draw_chart(name, series[name], ends) for name in shown)
    return charts, len(series) - len(shown)


def _draw_chart(site: str, rows: Frame, ends: tuple[float, float]) -> Markup:
    parts = [stretches(rows, column) for column, _, _ in LAYERS]
    whole = stretches(rows, "facility_w")
    x = time_axis(*ends)
    y = value_axis(1.04 * float(np.nanmax(whole.high, initial=0.0)), "power")
    low = np.zeros(2 * len(whole))
    paths = []
    for part, (_, _, slot) in zip(parts, LAYERS, strict=True):
        times, mean = svg.steps(part.start_s, part.end_s, part.mean)
        high = low + np.nan_to_num(mean)
        paths.append(svg.area(x, y, times, low, high, slot, "layer"))
        low = high
    times, mean = svg.steps(whole.start_s, whole.end_s, whole.mean)
    paths.append(svg.line(x, y, times, mean, 6, "facility"))
    subtitle = f"most {power(float(np.nanmax(whole.high)))}"
    entries = [LegendEntry(name, f"s{slot}") for _, name, slot in LAYERS]
    return figure(
        site,
        subtitle,
        frame(Plot(x, y, paths), f"Power of {site} by use over time, {subtitle}."),
        entries,
        folded(_draw_table(site, rows)),
    )


def _draw_table(site: str, rows: Frame) -> Markup:
    parts = [stretches(rows, column, None, TABLE_STRETCHES) for column, _, _ in LAYERS]
    whole = stretches(rows, "facility_w", None, TABLE_STRETCHES)
    cells = [
        [span(start), *(power(float(part.mean[i])) for part in (*parts, whole))]
        for i, start in enumerate(whole.start_s.tolist())
    ]
    header = ["From", *(name for _, name, _ in LAYERS), "Facility"]
    return table(f"Power of {site} by use, means", header, cells)
