"""Tables of the page: one look for all, and the fold-away table behind every chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sim.report.html.markup import Markup, join, tag

if TYPE_CHECKING:
    import pandas as pd


def table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    texts: int = 1,
    long: int | None = None,
) -> Markup:
    """Return a table that scrolls sideways inside its own box when it is wider than the page.

    Args:
        caption: what the table holds; read aloud and shown to screen readers.
        header: column titles.
        rows: cells, as text or `Markup`; a row of a single cell is a heading across the table.
        texts: number of leading columns that hold text; the others hold right-aligned numbers.
        long: index of a column whose text may take several lines.
    """
    looks = ["text" if place < texts else None for place in range(len(header))]
    if long is not None:
        looks[long] = "text long"
    titles = zip(header, looks, strict=True)
    head = tag("tr", *(_title(title, look) for title, look in titles))
    body = join(_row(row, looks) for row in rows)
    inside = tag(
        "table",
        tag("caption", caption, class_="hidden"),
        tag("thead", head),
        tag("tbody", body),
    )
    return tag("div", inside, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _title(title: str, look: str | None) -> Markup:
    """Return the title of a column; a column without one is no heading to a screen reader."""
    return tag("th", title, scope="col", class_=look) if title else tag("td", class_=look)


def _row(row: Sequence[object], looks: Sequence[str | None]) -> Markup:
    if len(row) == 1:
        heading = tag("th", row[0], class_="text group", scope="rowgroup", colspan=len(looks))
        return tag("tr", heading)
    first, *others = zip(row, looks, strict=True)
    name = tag("th", first[0], scope="row", class_="text")
    return tag("tr", name, *(tag("td", cell, class_=look) for cell, look in others))


def rows_of(frame: pd.DataFrame) -> list[Any]:
    """Return the rows of a data frame with its columns as attributes."""
    return list(frame.itertuples())


def fact_list(facts: Iterable[tuple[str, object]]) -> Markup:
    """Return names with their values, side by side where there is room."""
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts),
        class_="figures",
    )


def folded(content: Markup, summary: str = "Data table", note: str = "") -> Markup:
    """Return ``content`` behind a line that opens it."""
    remark = tag("p", note, class_="note") if note else None
    return tag("details", tag("summary", summary), remark, content, class_="data")
