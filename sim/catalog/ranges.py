"""The numbers of a catalogue entry that may be off, and other values for them within their range.

What an entry says of its numbers is by attribute and in SI units; here it becomes a change that a
scenario can make under ``constants``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sim import units
from sim.catalog.catalog import Catalog
from sim.catalog.entries import Entry, NodeType, Sourced
from sim.catalog.fields import FIELDS, Field, QuantityReader, billions, group_size

DIGITS = 6  # of values between the ends; nobody knows a range better
BELIEVED: Final = ("guess", "analyst", "vendor")  # kinds of numbers that nobody here measured


@dataclass(frozen=True, slots=True)
class Spread:
    """One number and how far it may be off, in its SI unit.

    Attributes:
        member: its key within a table, such as ``tp8``; empty for a plain number.
    """

    member: str
    low: float
    value: float
    high: float

    def at(self, u: float) -> float:
        """Return the value at ``u`` in [0, 1]: 0 the lowest, 0.5 the one of the catalogue.

        Either side of it is as likely, and equal steps on one side are.
        """
        if u == 0.5:
            return self.value
        side = self.low if u < 0.5 else self.high
        value = self.value + abs(2.0 * u - 1.0) * (side - self.value)
        return float(f"{value:.{DIGITS}g}")


@dataclass(frozen=True, slots=True)
class UncertainConstant:
    """A number of the catalogue with a range, or a table of them that moves as one.

    Attributes:
        path: what a scenario sets to change it, such as ``constants.racks.hgx-h100-air.base``.
        kind: guess, analyst, vendor, ...
        note: reasoning behind it (may be empty).
        item: the field.
        spreads: its numbers.
    """

    path: str
    kind: str
    note: str
    item: Field
    spreads: tuple[Spread, ...]

    def at(self, u: float) -> Any:
        """Return the value at ``u`` in [0, 1], as a scenario says it."""
        written = {spread.member: _written(self.item, spread.at(u)) for spread in self.spreads}
        return written if self.item.member else written[""]


def uncertain_constants(
    catalog: Catalog, section: str, name: str, kinds: Collection[str] = BELIEVED
) -> Iterator[UncertainConstant]:
    """Yield the numbers of an entry that have a range and are of one of these kinds.

    Args:
        catalog: the catalogue.
        section: such as ``accelerators``.
        name: of the entry.
        kinds: as in `sim.catalog.entries.KINDS`.
    """
    entry = catalog.entries(section)[name]
    quoted = f'"{name}"' if "." in name else name
    for item in FIELDS[section]:
        if not item.numeric:
            continue
        marks = _marks(entry, item, kinds)
        if marks:
            spreads = tuple(_spread(entry, item, member, mark) for member, mark in marks.items())
            mark = next(iter(marks.values()))
            path = f"constants.{section}.{quoted}.{item.key}"
            yield UncertainConstant(path, mark.kind, mark.note, item, spreads)


def _marks(entry: Entry, item: Field, kinds: Collection[str]) -> dict[str, Sourced]:
    """Return the marks of a field's numbers that may be off, by member of its table."""
    found = {}
    for name, mark in entry.sources.items():
        inside = name == item.name if item.member is None else name.startswith(f"{item.name}.")
        wide = mark.low is not None and mark.high is not None and mark.low < mark.high
        if inside and wide and mark.kind in kinds and _is_continuous(item):
            found[name.removeprefix(item.name).removeprefix(".")] = mark
    return found


def _is_continuous(item: Field) -> bool:
    return isinstance(item.read, QuantityReader) or item.read is billions or _at_most_one(item)


def _at_most_one(item: Field) -> bool:
    return item.key.endswith(("efficiency", "_share")) or item.key.startswith("efficiency.")


def _spread(entry: Entry, item: Field, member: str, mark: Sourced) -> Spread:
    value, low, high = _value(entry, item, member), mark.low or 0.0, mark.high or 0.0
    if not isinstance(item.read, QuantityReader) and _at_most_one(item):
        high = min(high, 1.0)
    return Spread(_key(item, member), low, value, high)


def _value(entry: Entry, item: Field, member: str) -> float:
    if isinstance(entry, NodeType) and item.name == "psu_efficiency":
        return dict(zip(entry.psu_load, entry.psu_efficiency, strict=True))[float(member)]
    found: Any = entry
    for step in item.name.split("."):
        found = getattr(found, step)
    if item.member is None:
        return float(found)
    return float(found[int(member) if item.member is group_size else member])


def _key(item: Field, member: str) -> str:
    """Return the key of a table's member as a file has it."""
    if item.member is group_size:
        return f"tp{member}"
    if item.key == "psu.efficiency":
        return units.render(float(member), units.SHARE)
    return member


def _written(item: Field, value: float) -> Any:
    if isinstance(item.read, QuantityReader):
        return item.read.write(value)
    return value / 1e9 if item.read is billions else value
