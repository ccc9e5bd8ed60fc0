"""The sections of a run's page that only a modelled facility has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report import formats
from sim.report.charts.constraints import constraint_bands
from sim.report.charts.energy import draw_charts, energy_flow, site_reports
from sim.report.charts.heat import heat_charts
from sim.report.charts.pue import pue_over_weather
from sim.report.charts.rack_states import rack_history
from sim.report.html.markup import Markup, join, tag
from sim.report.html.rack_views import rack_views
from sim.report.html.section import Section
from sim.report.terminal.plant_tables import incident_table, row_table, target_table

if TYPE_CHECKING:
    from sim.result import Result


def has_facility(result: Result) -> bool:
    """Return whether the run modelled power, cooling and the grid."""
    return bool(site_reports(result)) and rack_history(result) is not None


def facility_sections(result: Result) -> list[Section]:
    """Return what held racks back, racks, heat and energy; nothing without a facility."""
    history = rack_history(result)
    if not site_reports(result) or history is None:
        return []
    limits = Section(
        "limits",
        "What held racks back",
        "When racks were slowed by a power cap or by heat, or were switched off by a breaker, by "
        "heat or for want of power; what went wrong, and how load targets were met.",
        join((constraint_bands(history), incident_table(result), target_table(result))),
    )
    racks = Section("racks", "Racks", "", join((rack_views(result, history), row_table(result))))
    charts, left_out = heat_charts(result, history)
    heat = Section(
        "heat",
        "Temperatures",
        "Air at the inlets of racks and cold plates of accelerators against the temperatures at "
        "which they slow down and switch off, and the clock that caps and heat allowed.",
        join((_grid(charts), _left_out(left_out, "the warmest are shown"))),
    )
    return [limits, racks, heat, _energy(result)]


def _energy(result: Result) -> Section:
    drawn, left_out = draw_charts(result)
    lead = (
        "From the feed to the servers and the cooling, in the measuring window; then the power of "
        "each site over time, and PUE by the weather."
    )
    parts = (
        energy_flow(result),
        _grid(join((drawn, pue_over_weather(result)))),
        _left_out(left_out, "the largest are shown"),
    )
    return Section("energy", "Energy", lead, join(parts))


def _grid(charts: Markup) -> Markup:
    return tag("div", charts, class_="charts") if charts else charts


def _left_out(count: int, kept: str) -> Markup:
    text = f"{formats.plural(count, 'more site')} not drawn: {kept}. All are in series.parquet."
    return tag("p", text, class_="note") if count else Markup()
