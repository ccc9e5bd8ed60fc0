"""The catalogue of hardware, models and regions: shipped entries, and those of users' files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from sim.errors import Problem, ScenarioError
from sim.registry import nearest_hint
from sim.scenario.catalog_build import build
from sim.scenario.catalog_entries import (
    Accelerator,
    Efficiency,
    Entry,
    Model,
    NodeType,
    RackType,
    Region,
    Source,
    Sourced,
)
from sim.scenario.catalog_fields import SECTIONS
from sim.scenario.catalog_marks import Mark
from sim.scenario.catalog_reader import read_layer, read_sources
from sim.scenario.document import Document
from sim.scenario.validate import in_order
from sim.scenario.yaml_reader import read_document

__all__ = [
    "SECTIONS",
    "Accelerator",
    "Catalog",
    "Efficiency",
    "Entry",
    "Model",
    "NodeType",
    "RackType",
    "Region",
    "Source",
    "Sourced",
    "load_catalog",
]

_SHIPPED: Final = Path(__file__).parents[1] / "_data"
_SHIPPED_FILES: Final = ("sources", *SECTIONS)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that scenarios can name, by section and name."""

    accelerators: Mapping[str, Accelerator]
    models: Mapping[str, Model]
    nodes: Mapping[str, NodeType]
    racks: Mapping[str, RackType]
    regions: Mapping[str, Region]
    sources: Mapping[str, Source] = field(repr=False)

    def entries(self, section: str) -> Mapping[str, Entry]:
        """Return the entries of one of `SECTIONS` by name.

        Raises:
            ScenarioError: there is no such section.
        """
        if section not in SECTIONS:
            hint = nearest_hint(section, list(SECTIONS))
            expected = "one of " + ", ".join(SECTIONS)
            raise ScenarioError([Problem("", repr(section), expected, hint=hint)])
        found: Mapping[str, Entry] = getattr(self, section)
        return found


def load_catalog(extra: Sequence[Path] = ()) -> Catalog:
    """Return the shipped catalogue with the entries of users' files added or put over it.

    Args:
        extra: users' files, the last one goes first. Numbers without a mark in them count as a
            guess, with the file as their source.

    Raises:
        ScenarioError: something is wrong in the files; all problems at once.
    """
    return _read(tuple(extra)) if extra else _shipped()


@cache
def _shipped() -> Catalog:
    """Return the catalogue without users' files, read once: it is nine tenths of a scenario's load.

    Entries are frozen and the mappings are never written to, so runs may share it.
    """
    return _read(())


def _read(extra: tuple[Path, ...]) -> Catalog:
    shipped = [read_document(_SHIPPED / f"{name}.yaml", f"{name}.yaml") for name in _SHIPPED_FILES]
    own = [read_document(path) for path in extra]
    sources: dict[str, Source] = {}
    for document in (*shipped, *own):
        sources |= read_sources(document)
    layers = [read_layer(document, sources, None) for document in shipped]
    for document in own:
        sources[document.file] = Source(document.file, "Given by the user", document.file, "")
        layers.append(read_layer(document, sources, Mark("guess", document.file)))
    entries, problems = build(layers)
    _raise(shipped + own, problems)
    return Catalog(
        accelerators=_only(Accelerator, entries),
        models=_only(Model, entries),
        nodes=_only(NodeType, entries),
        racks=_only(RackType, entries),
        regions=_only(Region, entries),
        sources=sources,
    )


T = TypeVar("T", bound=Entry)


def _only(kind: type[T], entries: Mapping[str, Mapping[str, Entry]]) -> dict[str, T]:
    return {
        name: entry
        for section in entries.values()
        for name, entry in section.items()
        if isinstance(entry, kind)
    }


def _raise(documents: Sequence[Document], problems: Sequence[Problem]) -> None:
    found = [problem for document in documents for problem in document.problems]
    if found or problems:
        raise ScenarioError(in_order([*found, *problems]))
