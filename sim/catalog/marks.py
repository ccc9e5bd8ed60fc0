"""Marks: where a number of the catalogue comes from and how far off it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sim.catalog.entries import KINDS, Kind, Source, Sourced
from sim.catalog.fields import Reader, RefusedError, text
from sim.document.document import Document, Place
from sim.document.validate import shown
from sim.registry import nearest_hint

_EXPECTED: Final = "a mark such as [vendor, nvidia-datasheets] or [guess, loadbank, 25 %]"
_ABOUT: Final = ("value", "source", "range", "note")


@dataclass(frozen=True, slots=True)
class Mark:
    """Kind and source of numbers, and the share by which they may be off (None: not said)."""

    kind: Kind
    source: str
    spread: float | None = None


def refuse(document: Document, place: Place, got: Any, expected: str, hint: str = "") -> None:
    """Add a problem with the value at ``place``, unless the YAML itself was wrong there."""
    if place not in document.spoilt:
        document.problems.append(document.problem(place, shown(got), expected, hint))


def refuse_unknown(document: Document, place: Place, raw: Any, known: tuple[str, ...]) -> None:
    """Add a problem for each key at ``place`` that is not ``known``."""
    for key in raw:
        if key not in known:
            at = (*place, key)
            hint = nearest_hint(key, list(known))
            expected = "one of " + ", ".join(known)
            problem = document.problem(at, f"unknown key {key!r}", expected, hint, of_key=True)
            document.problems.append(problem)


def read_marks(
    document: Document, place: Place, about: dict[str, Any], known: Mapping[str, Source]
) -> dict[str, Mark]:
    """Return the marks that an entry gives to its keys; that of ``source`` has the key ``""``."""
    each = about.get("sources", {})
    if not isinstance(each, dict):
        refuse(document, (*place, "sources"), each, "a mapping of marks by key")
        each = {}
    raw = [(key, (*place, "sources", key), mark) for key, mark in each.items()]
    if "source" in about:
        raw.append(("", (*place, "source"), about["source"]))
    found = {key: _read_mark(document, at, mark, known) for key, at, mark in raw}
    return {key: mark for key, mark in found.items() if mark}


def _read_mark(
    document: Document, place: Place, raw: Any, known: Mapping[str, Source]
) -> Mark | None:
    if not isinstance(raw, list) or not 2 <= len(raw) <= 3:
        refuse(document, place, raw, _EXPECTED)
        return None
    kind, source, *spread = raw
    if kind not in KINDS:
        hint = nearest_hint(str(kind), list(KINDS))
        refuse(document, (*place, 0), kind, "one of " + ", ".join(KINDS), hint)
    elif source not in known:
        hint = nearest_hint(str(source), list(known))
        refuse(document, (*place, 1), source, "the name of a source", hint)
    else:
        try:
            return Mark(kind, source, _read_spread(spread[0]) if spread else None)
        except RefusedError as error:
            refuse(document, (*place, 2), spread[0], error.expected, error.hint)
    return None


def _read_spread(raw: Any) -> float:
    number = str(raw).removesuffix("%").strip()
    if not str(raw).endswith("%") or not number.replace(".", "", 1).isdigit():
        raise RefusedError("a share, such as 25 %")
    return float(number) / 100.0


def mark_for(key: str, marks: Mapping[str, Mark]) -> Mark | None:
    """Return the mark with the longest key that is ``key`` or leads to it."""
    while key and key not in marks:
        key = key.rpartition(".")[0]
    return marks.get(key)


@dataclass(frozen=True, slots=True)
class Remark:
    """What stands beside a number in ``{value, source, range, note}``; None where it does not."""

    value: Any
    mark: Mark | None = None
    bounds: tuple[Any, Any] | None = None
    note: str = ""


def read_remark(document: Document, place: Place, raw: Any, known: Mapping[str, Source]) -> Remark:
    """Return a number and what is said about it, from ``700 W`` or ``{value: 700 W, ...}``."""
    if not isinstance(raw, dict):
        return Remark(raw)
    refuse_unknown(document, place, raw, _ABOUT)
    mark = None
    if "source" in raw:
        mark = _read_mark(document, (*place, "source"), raw["source"], known)
    bounds = raw.get("range")
    if bounds is not None and (not isinstance(bounds, list) or len(bounds) != 2):
        refuse(document, (*place, "range"), bounds, "the lowest and the highest plausible value")
        bounds = None
    note = raw.get("note", "")
    try:
        note = text(note) if note else ""
    except RefusedError as error:
        refuse(document, (*place, "note"), note, error.expected)
        note = ""
    return Remark(raw.get("value"), mark, tuple(bounds) if bounds else None, note)


def sourced(
    remark: Remark,
    value: float,
    mark: Mark,
    read: Reader,
    known: Mapping[str, Source],
) -> Sourced:
    """Return the mark of a number with its plausible range, in the unit of the value.

    Args:
        remark: what stands beside the number; its range goes before the mark's spread.
        value: the number that was read.
        mark: kind, source and spread that hold for it.
        read: how the number is read, and its range too.
        known: all sources.

    Raises:
        RefusedError: the range cannot be read or does not hold the value.
    """
    low = high = None
    if remark.bounds:
        low, high = read(remark.bounds[0]), read(remark.bounds[1])
        if not low <= value <= high:
            raise RefusedError("a range that holds the value")
    elif mark.spread is not None:
        half = abs(value) * mark.spread
        low, high = value - half, value + half
    return Sourced(mark.kind, mark.source, known[mark.source].date, low, high, remark.note)
