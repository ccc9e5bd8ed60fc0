"""The head of a page: the headline, what else went wrong, and the answer in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.report.html.markup import Markup, join, tag
from sim.report.verdict.brief import brief
from sim.report.verdict.findings import further, headline, state


def verdict(summary: Mapping[str, Any]) -> Markup:
    """Return the headline of a run, and the lines that answer below it."""
    said = headline(summary)
    if not said:
        return Markup()
    parts = (tag("p", said, class_=f"verdict {state(summary)}"), _also(summary), _brief(summary))
    return join(part for part in parts if part)


def _also(summary: Mapping[str, Any]) -> Markup:
    items = [tag("li", words) for words in further(summary)]
    return tag("ul", *items, class_="also") if items else Markup()


def _brief(summary: Mapping[str, Any]) -> Markup:
    lines = (tag("div", tag("dt", title), tag("dd", words)) for title, words in brief(summary))
    return tag("dl", *lines, class_="brief")
