"""The page of a comparison in money: the answer, a table of places and chips for each case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.option import Data, Entry
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.xy import Scale
from sim.report.economics_words import (
    answer_lines,
    basis,
    cheapest,
    headline,
    not_served_lines,
    price,
    where,
)
from sim.report.html.case_sections import case_sections
from sim.report.html.datatable import folded, table
from sim.report.html.live import live_figure
from sim.report.html.markup import Markup, join, tag
from sim.report.html.page import page, write_page
from sim.report.html.section import Section
from sim.report.roadmap_words import fits_lines, roadmap_lines

if TYPE_CHECKING:
    import pandas as pd

    from sim.economics.economics import Economics

MOST_ROWS = 400  # of a table on the page; the CSV has all
_LEAD = (
    "All-in cost of a million output tokens at the load at which the target just holds: capital "
    "over its life at its cost of capital, hall, people, energy with cooling, water, or rent. "
    "Intervals are those of the step times and of the runs."
)
_ASSUMED = (
    "Before tax, nominal. The rest of a fleet is taken to do as what was simulated. Rent includes "
    "energy and does not depend on the place; capital, upkeep and prices of hardware do not "
    "either."
)


def write_economics_report(found: Economics, source: str, path: Path) -> Path:
    """Write the page to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_economics(found, source), path)


def render_economics(found: Economics, source: str) -> str:
    """Return the page as HTML; ``source`` is the file of the study."""
    study = found.study
    header = tag(
        "header",
        tag("p", "Loadbank economics", class_="kicker"),
        tag("h1", study.name),
        tag("p", headline(found), class_="verdict"),
        tag("p", study.description) if study.description else None,
        tag("p", f"seed {study.seed}; again with: loadbank economics {source}", class_="note"),
    )
    sections = [
        *(case_sections(found.case) if found.case is not None else ()),
        *_to_do(found),
        Section("answers", "Answers", _LEAD, _answers(found)),
        *_cases(found),
        Section("assumed", "Assumed", _ASSUMED, _not_served(found)),
    ]
    return page(f"{study.name}: economics · Loadbank", header, Markup(), sections)


def _to_do(found: Economics) -> Iterator[Section]:
    """Yield what to do first, and what a limit holds."""
    if found.roadmap is not None:
        lines = tag("ul", *(tag("li", line) for line in roadmap_lines(found.roadmap)))
        lead = "Every action was simulated on top of those before it, at the same target."
        yield Section("roadmap", "What to do first", lead, lines)
    if found.fitting is not None:
        lines = tag("ul", *(tag("li", line) for line in fits_lines(found)))
        yield Section("fits", "What fits", "In whole replicas.", lines)


def _answers(found: Economics) -> Markup:
    return tag("ul", *(tag("li", line) for line in answer_lines(found)))


def _not_served(found: Economics) -> Markup:
    lines = list(not_served_lines(found))
    if not lines:
        return tag("p", "Every chip serves every model and load.")
    return tag("div", tag("p", "No answer:"), tag("ul", *(tag("li", line) for line in lines)))


def _cases(found: Economics) -> Iterator[Section]:
    for at, ((model, pattern), rows) in enumerate(
        found.table.groupby(["model", "pattern"], sort=False)
    ):
        target = _target(found, str(pattern))
        yield Section(f"case-{at}", f"{model}, {pattern}", target, _case(found, rows))


def _target(found: Economics, pattern: str) -> str:
    slo = found.study.patterns[pattern].slo
    limits = {"TTFT": slo.ttft_s, "TPOT": slo.tpot_s, "E2E": slo.e2e_s}
    said = ", ".join(
        f"{name} within {formats.duration(limit)}"
        for name, limit in limits.items()
        if limit is not None
    )
    return f"Target: {formats.share(slo.share)} of requests with {said}."


def _case(found: Economics, rows: pd.DataFrame) -> Markup:
    parts = [_by_chip(rows)]
    parts += [
        _by_place(rows[rows["ownership"] == how], how)
        for how in found.study.ownership
        if rows[rows["ownership"] == how]["usd_per_mtoken"].notna().any()
    ]
    return join((*parts, folded(_all(rows), "All figures")))


def _by_chip(rows: pd.DataFrame) -> Markup:
    """Return the cheapest way to have each chip, with its interval."""
    best = list({row["chip"]: row for row in reversed(cheapest(rows))}.values())[::-1]
    if not best:
        return tag("p", "No price is known.", class_="note")
    ranges = [
        Range(
            where(row),
            f"{price(row)}, by {basis(row)}",
            row["usd_per_mtoken"],
            row["usd_per_mtoken_low"],
            row["usd_per_mtoken_high"],
        )
        for row in best
    ]
    low = 0.9 * min(max(each.low, each.value / 10.0) for each in ranges)
    most = 1.1 * max(each.high for each in ranges)
    x = Scale("USD per million output tokens", log=True, low=low, high=most)
    header = ["Chip", "USD per Mtoken", "Judged by"]
    cells = [[where(row), price(row), basis(row)] for row in best]
    chart = range_chart(
        "The cheapest way to have each chip",
        "USD per million output tokens, all in",
        ranges,
        x,
        best[0]["usd_per_mtoken"],
        Data("The cheapest way to have each chip", header, cells),
        [Entry("interval of step times and runs", 0)],
    )
    return live_figure(chart)


def _by_place(rows: pd.DataFrame, how: str) -> Markup:
    """Return the cost per token by place and chip, shaded from the cheapest to the dearest."""
    chips, places = list(dict.fromkeys(rows["chip"])), list(dict.fromkeys(rows["region"]))
    cost = rows.set_index(["region", "chip"])["usd_per_mtoken"].to_dict()
    if how == "rented":  # the same everywhere
        cells = [["anywhere", *(formats.number(cost[places[0], chip]) for chip in chips)]]
    else:
        cells = [
            [place, *(formats.number(cost[place, chip]) for chip in chips)] for place in places
        ]
    title = f"{how}: USD per million output tokens"
    return tag("div", tag("h3", title), table(title, ["Place", *chips], cells))


def _all(rows: pd.DataFrame) -> Markup:
    columns: dict[str, tuple[str, Callable[[float | None], str]]] = {
        "usd_per_mtoken": ("USD/Mtoken", formats.number),
        "usd_per_month": ("USD/month", formats.number),
        "gross_margin": ("Margin", formats.share),
        "payback_months": ("Payback, months", formats.number),
        "output_tokens_per_s": ("Tokens/s", formats.number),
        "requests_per_s": ("Requests/s", formats.number),
        "ttft_p99_s": ("TTFT p99", formats.duration),
        "utilisation": ("Utilisation", formats.share),
        "wh_per_request": ("Wh/request", formats.number),
        "j_per_output_token": ("J/token", formats.number),
        "gco2e_per_request": ("gCO2e/request", formats.number),
        "litres_per_request": ("l/request", formats.number),
        "pue": ("PUE", formats.number),
    }
    header = ["Where", *(title for title, _ in columns.values())]
    cells: list[list[Any]] = [
        [where(row), *(write(row[name]) for name, (_, write) in columns.items())]
        for row in cheapest(rows)[:MOST_ROWS]
    ]
    return table("All figures", header, cells)
