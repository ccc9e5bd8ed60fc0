"""A part of a page."""

from __future__ import annotations

from dataclasses import dataclass

from sim.report.html.markup import Markup


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with its own entry in the navigation."""

    anchor: str
    title: str
    lead: str
    content: Markup
