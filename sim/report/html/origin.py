"""The line that says where a page comes from: scenario, seed, version, date, how to repeat it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sim.provenance import version
from sim.report.html.markup import Markup, join, tag


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a page comes from.

    Attributes:
        scenario: file or name of what was simulated.
        seed: of the random streams.
        command: what repeats it, empty where it was no command.
        date: when its runs ended, as text; empty where unknown.
        facts: more of it, such as how many runs there were.
    """

    scenario: str
    seed: int
    command: str = ""
    date: str = ""
    facts: tuple[str, ...] = ()


def origin_line(origin: Origin) -> Markup:
    """Return the facts in a line, and the command in one of its own."""
    known = version("loadbank")
    facts = [
        f"scenario {origin.scenario}",
        *origin.facts,
        f"seed {origin.seed}",
        f"Loadbank {known}" if known else "",
        origin.date,
    ]
    line = tag("p", " · ".join(fact for fact in facts if fact), class_="facts")
    if not origin.command:
        return line
    return join((line, tag("p", "Repeat with ", tag("code", origin.command), class_="facts")))


def latest(moments: Iterable[str]) -> str:
    """Return the latest of some moments (ISO 8601) as people write it, empty without any."""
    known = max((moment for moment in moments if moment), default="")
    return known[:16].replace("T", " ") + " UTC" if known else ""
