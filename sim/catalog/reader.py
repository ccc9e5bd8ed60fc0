"""One catalogue file to raw entries: every value read, every number with its mark.

A number stands alone (``tdp: 700 W``) or with what is known about it (``{value, source, range,
note}``). Its mark is its own ``source``, else that of the longest matching key in the entry's
``sources``, else the entry's ``source``, else those of the same file's ``defaults``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sim.catalog.entries import Source, Sourced
from sim.catalog.fields import FIELDS, SECTIONS, Field, Reader, RefusedError
from sim.catalog.marks import (
    Mark,
    Remark,
    mark_for,
    read_marks,
    read_remark,
    refuse,
    refuse_unknown,
    sourced,
)
from sim.document.document import Document, Place

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TOP: Final = ("version", "sources", "defaults", *SECTIONS)
_SELF: Final = ("like", "source", "sources")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that was read, with its mark if it is a number."""

    value: Any
    sourced: Sourced | None


@dataclass(slots=True)
class RawEntry:
    """What one file says about one entry.

    Attributes:
        place: where it stands in ``document``.
        like: name of the entry that it starts from, or None.
        leaves: values by (attribute,), members of a table by (attribute, member).
    """

    document: Document
    place: Place
    like: str | None = None
    leaves: dict[tuple[Any, ...], Leaf] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file says: entries by section and name, defaults by section."""

    entries: Mapping[str, Mapping[str, RawEntry]]
    defaults: Mapping[str, RawEntry]


def read_sources(document: Document) -> dict[str, Source]:
    """Return the sources that a file defines; problems go to the document."""
    found: dict[str, Source] = {}
    data = document.data if isinstance(document.data, dict) else {}
    for name, about in _mapping(document, ("sources",), data.get("sources")).items():
        good = isinstance(about, dict) and set(about) == {"title", "where", "date"}
        if good and all(isinstance(value, str) for value in about.values()):
            found[name] = Source(name, **about)
        else:
            refuse(document, ("sources", name), about, "text for each of title, where and date")
    return found


def read_layer(
    document: Document, known: Mapping[str, Source], unmarked: Mark | None, root: Place = ()
) -> Layer:
    """Return what a file says about entries; problems go to the document.

    Args:
        document: the file.
        known: sources that marks may name.
        unmarked: mark of numbers that carry none; None where that is a mistake.
        root: where the sections stand, for a document that is no catalogue file.
    """
    data = document.get(root)
    if not isinstance(data, dict):
        refuse(document, root, data, "a mapping with " + ", ".join(_TOP))
        return Layer({}, {})
    if not root:
        refuse_unknown(document, (), data, _TOP)
        if data.get("version") != 1:
            refuse(document, ("version",), data.get("version"), "version: 1")
    base = {} if root else _mapping(document, ("defaults",), data.get("defaults"))
    refuse_unknown(document, ("defaults",), base, SECTIONS)
    entries: dict[str, dict[str, RawEntry]] = {}
    defaults: dict[str, RawEntry] = {}
    for section in SECTIONS:
        place = ("defaults", section)
        about = _mapping(document, place, base.get(section))
        reader = _SectionReader(document, FIELDS[section], known, unmarked)
        defaults[section] = reader.entry(place, about)
        reader.fallback = read_marks(document, place, about, known)
        found = _mapping(document, (*root, section), data.get(section))
        for name in found:
            if not _NAME.fullmatch(name):
                expected = "a name of small letters, digits, '.', '-' and '_'"
                refuse(document, (*root, section, name), name, expected)
        entries[section] = {
            name: reader.entry(place, _mapping(document, place, about))
            for name, about in found.items()
            for place in ((*root, section, name),)
        }
    return Layer(entries, defaults)


def _mapping(document: Document, place: Place, raw: Any) -> dict[str, Any]:
    if isinstance(raw, dict):
        return raw
    if raw is not None:
        refuse(document, place, raw, "a mapping")
    return {}


class _SectionReader:
    """Reads the entries of one section of one file.

    Attributes:
        fallback: marks of the section's defaults, for entries that have no ``source``.
    """

    def __init__(
        self,
        document: Document,
        fields: tuple[Field, ...],
        known: Mapping[str, Source],
        unmarked: Mark | None,
    ) -> None:
        self.fallback: Mapping[str, Mark] = {}
        self._document = document
        self._fields = {item.key: item for item in fields}
        self._known = known
        self._unmarked = unmarked

    def entry(self, place: Place, about: dict[str, Any]) -> RawEntry:
        like = about.get("like")
        if like is not None and not isinstance(like, str):
            refuse(self._document, (*place, "like"), like, "the name of another entry")
            like = None
        own = read_marks(self._document, place, about, self._known)
        marks = own if "" in own else {**self.fallback, **own}
        found = RawEntry(self._document, place, like)
        for key, raw in about.items():
            if key not in _SELF:
                self._walk(found.leaves, marks, (*place, key), key, raw)
        return found

    def _walk(
        self,
        leaves: dict[tuple[Any, ...], Leaf],
        marks: Mapping[str, Mark],
        place: Place,
        key: str,
        raw: Any,
    ) -> None:
        item = self._fields.get(key)
        if item is not None and item.member is None:
            self._keep(leaves, (item.name,), self._leaf(item, mark_for(key, marks), place, raw))
        elif item is not None:
            for member, value in _mapping(self._document, place, raw).items():
                at = (*place, member)
                index = self._read(item.member, at, member)
                leaf = self._leaf(item, mark_for(f"{key}.{member}", marks), at, value)
                if index is not None:
                    self._keep(leaves, (item.name, index), leaf)
        elif any(known.startswith(f"{key}.") for known in self._fields):
            for inner, value in _mapping(self._document, place, raw).items():
                self._walk(leaves, marks, (*place, inner), f"{key}.{inner}", value)
        else:
            self._refuse_key(place, key)

    @staticmethod
    def _keep(
        leaves: dict[tuple[Any, ...], Leaf], index: tuple[Any, ...], leaf: Leaf | None
    ) -> None:
        if leaf is not None:
            leaves[index] = leaf

    def _leaf(self, item: Field, mark: Mark | None, place: Place, raw: Any) -> Leaf | None:
        if not item.numeric:
            value = self._read(item.read, place, raw)
            return None if value is None else Leaf(value, None)
        remark = read_remark(self._document, place, raw, self._known)
        value_place = (*place, "value") if isinstance(raw, dict) else place
        value = self._read(item.read, value_place, remark.value)
        mark = remark.mark or mark or self._unmarked
        if value is None:
            return None
        if mark is None:
            expected = "a source for this number: its own, or one of the entry"
            refuse(self._document, place, remark.value, expected)
            return None
        return self._with_range(item, remark, value, mark, place)

    def _with_range(
        self, item: Field, remark: Remark, value: float, mark: Mark, place: Place
    ) -> Leaf | None:
        try:
            return Leaf(value, sourced(remark, value, mark, item.read, self._known))
        except RefusedError as error:
            refuse(self._document, (*place, "range"), remark.bounds, error.expected, error.hint)
            return None

    def _read(self, read: Reader | None, place: Place, raw: Any) -> Any:
        try:
            return read(raw) if read else raw
        except RefusedError as error:
            refuse(self._document, place, raw, error.expected, error.hint)
            return None

    def _refuse_key(self, place: Place, key: str) -> None:
        around = key.rpartition(".")[0]
        inside = f"{around}." if around else ""
        tails = (known.removeprefix(inside) for known in self._fields if known.startswith(inside))
        heads = dict.fromkeys(tail.partition(".")[0] for tail in tails)
        extra = () if around else _SELF
        refuse_unknown(self._document, place[:-1], [place[-1]], (*heads, *extra))
