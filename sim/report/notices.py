"""What a reader should know before trusting a figure: warnings, guesses, sources and versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.view import as_float, at
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join, tag

if TYPE_CHECKING:
    from sim.result import Result

GUESS = "guess"
# from what was observed to what was assumed
KINDS = ("measured", "fitted", "vendor", "analyst", GUESS)
MOST_WARNINGS = 8
MOST_ROWS = 12  # of a table that is not folded away


def notices(result: Result) -> Markup:
    """Return the warnings of the run and how many of its numbers are guesses."""
    warnings = [str(warning) for warning in result.warnings]
    guesses = len(at(result.provenance, "guesses") or ())
    if not warnings and not guesses:
        return Markup()
    shown = [tag("li", warning) for warning in warnings[:MOST_WARNINGS]]
    if len(warnings) > MOST_WARNINGS:
        rest = tag("ul", *(tag("li", warning) for warning in warnings[MOST_WARNINGS:]))
        more = folded(rest, f"{len(warnings) - MOST_WARNINGS} more warnings")
        shown.append(tag("li", more))
    if guesses:
        said = (
            "1 number of this run is a guess"
            if guesses == 1
            else (f"{guesses} numbers of this run are guesses")
        )
        link = tag("a", "see which", href="#sources")
        shown.append(tag("li", f"{said} and may move the result: ", link, "."))
    return tag("aside", tag("h2", "Read this first"), tag("ul", *shown), class_="notices")


def source_tables(result: Result) -> Markup:
    """Return the guesses, the sources with the kind of their numbers, and the versions."""
    parts = (
        _guess_table(at(result.provenance, "guesses") or ()),
        _source_table(result.sources),
        _versions(result),
    )
    return join(part for part in parts if part)


def _guess_table(guesses: Iterable[Mapping[str, Any]]) -> Markup:
    rows = [
        [
            guess.get("entry"),
            guess.get("field"),
            formats.number(as_float(guess.get("low"))),
            formats.number(as_float(guess.get("high"))),
            guess.get("note") or "",
        ]
        for guess in guesses
    ]
    if not rows:
        return Markup()
    header = ["Entry", "Number", "At least", "At most", "Why"]
    note = "No source gives these numbers; the range is what seems plausible."
    made = table("Guesses", header, rows, texts=2, long=4)
    return join((tag("h3", "Guesses"), tag("p", note, class_="note"), _fold(made, rows, "guess")))


def _fold(made: Markup, rows: Sequence[object], noun: str) -> Markup:
    """Return a table as it is, or behind a line where it is long."""
    if len(rows) <= MOST_ROWS:
        return made
    nouns = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return folded(made, f"All {len(rows)} {nouns}")


def _source_table(sources: Iterable[Mapping[str, Any]]) -> Markup:
    rows = [
        [
            source.get("title") or source.get("name"),
            _address(source.get("where")),
            source.get("date") or formats.NOTHING,
            join(_kinds(source.get("numbers") or {}), " "),
        ]
        for source in sources
    ]
    if not rows:
        return Markup()
    header = ["Source", "Where", "Date", "Numbers used"]
    made = table("Sources", header, rows, texts=4, long=1)
    return join((tag("h3", "Sources"), _fold(made, rows, "source")))


def _address(where: Any) -> str:
    """Return an address as text: the page links nowhere, so that it can be read offline."""
    return str(where or formats.NOTHING).replace("https://", "").replace("http://", "")


def _kinds(numbers: Mapping[str, Any]) -> Iterable[Markup]:
    known = [kind for kind in KINDS if kind in numbers]
    for kind in [*known, *(kind for kind in numbers if kind not in KINDS)]:
        label = f"{formats.count(numbers[kind])}{formats.GAP}{kind}"
        yield tag("span", label, class_="tag guess" if kind == GUESS else "tag")


def _versions(result: Result) -> Markup:
    about = result.provenance
    machine = at(about, "machine") or {}
    packages = ", ".join(
        f"{name} {version}" for name, version in (machine.get("packages") or {}).items() if version
    )
    facts = (
        ("Loadbank", about.get("loadbank")),
        ("Scenario, SHA-256", about.get("scenario_sha256")),
        ("Seed", about.get("seed")),
        ("Finished", machine.get("finished_at")),
        ("Python", machine.get("python")),
        ("Platform", machine.get("platform")),
        ("Packages", packages),
    )
    known = [[name, value] for name, value in facts if value not in {None, ""}]
    if not known:
        return Markup()
    return join(
        (tag("h3", "Versions"), table("Versions", ["What", "Which"], known, texts=2, long=1))
    )
