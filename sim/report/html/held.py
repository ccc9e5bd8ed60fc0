"""Tables of what holds: a decision a row, a scenario a column, met and missed told apart."""

from __future__ import annotations

from collections.abc import Iterable

from sim.report.answers.holding import Reading, State
from sim.report.answers.study_answer import Table, met_text
from sim.report.html.datatable import table
from sim.report.html.markup import Markup, join, tag

MOST_COLUMNS, MOST_ROWS = 12, 40
LOOKS = {State.MET: "met", State.LIKELY: "met", State.UNLIKELY: "missed", State.MISSED: "missed"}


def held_tables(tables: Iterable[Table]) -> Markup:
    """Return a table for each promise."""
    return join(_held(each) for each in tables)


def _held(found: Table) -> Markup:
    title = f"{found.promise.words[:1].upper()}{found.promise.words[1:]}"
    shown = [name or "within SLO" for name in found.scenarios[:MOST_COLUMNS]]
    best = found.best if found.score(found.best) else None
    rows = []
    for case in found.cases[:MOST_ROWS]:
        name = tag("strong", case.words) if case is best else case.words
        rows.append([name, *(_cell(reading) for reading in case.readings[:MOST_COLUMNS])])
    left_out = (len(found.scenarios) - len(shown), len(found.cases) - len(rows))
    note = None
    if any(left_out):
        note = tag("p", "More of them stand in results-intervals.csv.", class_="note")
    parts = (tag("h3", title), table(title, ["Decision", *shown], rows), note)
    return join(each for each in parts if each)


def _cell(reading: Reading | None) -> Markup:
    return tag("span", met_text(reading), class_=LOOKS[reading.state] if reading else None)
