"""The racks over time as power, inlet temperature or clock, and all of them at one moment.

Without JavaScript the page shows the maps, chosen by radio buttons, and the racks at the moment
that held most of them back; the script lets a slider move that moment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.facility.cooling.protection import INLET
from sim.interfaces import FloatArray
from sim.report.charts.chart import figure
from sim.report.charts.heatmap import (
    LEVELS,
    LIMIT_SCALE,
    HeatScale,
    heat_legend,
    heat_map,
    levels,
    side_class,
    step_class,
)
from sim.report.charts.rack_states import FREE, RackHistory, rack_states
from sim.report.charts.racks import (
    cell_axis,
    heat_groups,
    line_px,
    rack_cells,
    rack_shares,
    rack_table,
)
from sim.report.formats import plural, span
from sim.report.html.datatable import folded
from sim.report.html.markup import Markup, join, tag

if TYPE_CHECKING:
    from sim.result import Result

COLDEST_C = 15.0  # first colour of the map of inlet temperatures
SLOWEST = 0.3  # last colour of the map of clocks
MOST_BOXES = 400
BOX_PX, BOX_GAP_PX = 18, 3
SIGNS = "0123456789a"  # colour steps as one letter each; "-" for nothing known


@dataclass(frozen=True, slots=True)
class View:
    """One quantity of the racks: its name, what is said of it, its colours and their meaning."""

    key: str
    name: str
    subtitle: str
    shares: dict[str, FloatArray]
    scale: HeatScale


def rack_views(result: Result, history: RackHistory) -> Markup:
    """Return the maps with the choice between them, and the racks at one moment."""
    views = _views(result, history)
    radios, labels, panels = [], [], []
    for place, view in enumerate(views):
        name = f"racks-{view.key}"
        checked = "" if place == 0 else None
        radios.append(
            tag("input", type="radio", name_="racks", id=name, class_="pick", checked=checked)
        )
        labels.append(tag("label", view.name, for_=name))
        panels.append(tag("div", _panel(view, history), class_=f"panel panel{place}"))
    choice = tag("div", *labels, class_="choice", role="group", aria_label="Quantity")
    content = tag("div", *radios, choice, *panels, class_="views")
    title = f"{plural(len(history.names), 'rack')} over time and at one moment"
    return figure(title, "", content, (), folded(*rack_table(result)))


def _views(result: Result, history: RackHistory) -> list[View]:
    names = history.names
    reach = (history.inlet_c - COLDEST_C) / (INLET.throttle_c - COLDEST_C)
    off = history.off
    slowed = 0.1 + 0.9 * (1.0 - history.clock) / (1.0 - SLOWEST)
    slowed = np.where(history.clock > 0.9995, 0.0, np.minimum(slowed, 0.999))
    slowed = np.where(off, 1.5, slowed)
    return [
        View(
            "power",
            "Power",
            "mean power as a share of the rack's limit",
            rack_shares(result)[0],
            LIMIT_SCALE,
        ),
        View(
            "inlet",
            "Inlet temperature",
            f"air at the inlet; accelerators slow down above {INLET.throttle_c:g} °C",
            dict(zip(names, reach, strict=True)),
            _inlet_scale(),
        ),
        View(
            "clock",
            "Clock",
            "how far power caps and heat held accelerators below their full clock",
            dict(zip(names, slowed, strict=True)),
            _clock_scale(),
        ),
    ]


def _inlet_scale() -> HeatScale:
    edges = np.linspace(COLDEST_C, INLET.throttle_c, LEVELS + 1)
    steps = [f"{a:g} to {b:g} °C" for a, b in pairwise(edges)]
    steps[0] = f"below {edges[1]:g} °C"
    over = f"above {INLET.throttle_c:g} °C"
    return HeatScale(f"{COLDEST_C:g} °C", f"{INLET.throttle_c:g} °C", over, (*steps, over))


def _clock_scale() -> HeatScale:
    edges = np.linspace(1.0, SLOWEST, LEVELS)
    steps = [f"{100 * b:.0f} to {100 * a:.0f} %" for a, b in pairwise(edges)]
    return HeatScale(
        "full clock", f"{100 * SLOWEST:g} %", "switched off", ("full clock", *steps, "switched off")
    )


def _panel(view: View, history: RackHistory) -> Markup:
    groups = heat_groups(view.shares, history.time_s)
    axis = cell_axis(groups, history.time_s)
    words = f"{view.name} of {plural(len(view.shares), 'rack')} over time: {view.subtitle}."
    return join(
        (
            tag("p", view.subtitle, class_="note"),
            heat_legend(view.scale),
            heat_map(groups, axis, line_px(groups), words, view.scale),
            _moment(view, history, axis.scale.ends, side_class(groups, line_px(groups))),
        )
    )


def _moment(view: View, history: RackHistory, ends: tuple[float, float], side: str) -> Markup:
    """Return all racks as boxes at one moment, with the slider that the script brings to life.

    ``side`` is the class of the map's margin: the slider begins where the map does.
    """
    if len(view.shares) > MOST_BOXES:
        return Markup()
    cells = {name: rack_cells([shares], history.time_s) for name, shares in view.shares.items()}
    count = len(next(iter(cells.values())))
    at = _worst_bin(history) // -(-len(history.time_s) // count)
    rows = groupby(cells, key=lambda name: name.rpartition("/")[0])
    boxes = tag("div", *(_boxes(row, list(racks), cells, at) for row, racks in rows), class_="hall")
    time_s = ends[0] + (at + 0.5) / count * (ends[1] - ends[0])
    slider = tag(
        "input",
        type="range",
        class_="scrub",
        min=0,
        max=count - 1,
        value=at,
        aria_label="Moment that is shown",
        hidden="",
    )
    words = tag("p", "At ", tag("output", span(time_s)), class_="moment")
    return tag(
        "div",
        words,
        slider,
        boxes,
        class_=side.replace("y", "scrubber"),
        data_ends=json.dumps(ends),
        data_steps=json.dumps(view.scale.steps, ensure_ascii=False),
    )


def _worst_bin(history: RackHistory) -> int:
    """Return the bin in which most racks were held back, else that with the most power."""
    held = (rack_states(history) != FREE).sum(axis=0)
    return int(np.argmax(held if held.any() else np.nansum(history.power_w, axis=0)))


def _boxes(row: str, racks: list[str], cells: dict[str, FloatArray], at: int) -> Markup:
    shapes = []
    pitch = BOX_PX + BOX_GAP_PX
    for place, name in enumerate(racks):
        signs = "".join("-" if level < 0 else SIGNS[int(level)] for level in levels(cells[name]))
        now = int(levels(cells[name])[at])
        shapes.append(
            tag(
                "rect",
                class_=f"fill {step_class(now)}" if now >= 0 else "fill none",
                x=place * pitch,
                y=0,
                width=BOX_PX,
                height=BOX_PX,
                rx=3,
                data_levels=signs,
                data_name=name,
            )
        )
    drawn = tag("svg", *shapes, width=pitch * len(racks), height=BOX_PX, aria_hidden="true")
    return tag("div", tag("span", row), drawn, class_="rackrow")
