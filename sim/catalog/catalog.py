"""The catalogue of hardware, models and regions: shipped entries, and those of users' files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from sim.catalog.build import build
from sim.catalog.entries import (
    Accelerator,
    Efficiency,
    Entry,
    Model,
    NodeType,
    Owner,
    RackType,
    Region,
    Source,
    Sourced,
)
from sim.catalog.fields import SECTIONS
from sim.catalog.marks import Mark
from sim.catalog.reader import Layer, read_layer, read_sources
from sim.document.document import Document, from_mapping
from sim.document.yaml_reader import read_document
from sim.errors import Problem, ScenarioError
from sim.registry import nearest_hint

if TYPE_CHECKING:
    from sim.scenario.schema.scenario import Scenario

__all__ = [
    "SECTIONS",
    "Accelerator",
    "Catalog",
    "Efficiency",
    "Entry",
    "Model",
    "NodeType",
    "Owner",
    "RackType",
    "Region",
    "Source",
    "Sourced",
    "catalog_of",
    "load_catalog",
]

USER: Final = "user"  # source of the numbers that a scenario sets
CONSTANTS: Final = "constants"  # key of a scenario under which it does
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
    owners: Mapping[str, Owner]
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


def load_catalog(extra: Sequence[Path] = (), constants: Document | None = None) -> Catalog:
    """Return the shipped catalogue with the entries of users' files added or put over it.

    Args:
        extra: users' files, the last one goes first. Numbers without a mark in them count as a
            guess, with the file as their source.
        constants: a scenario whose ``constants`` go before all files; their source is `USER`.

    Raises:
        ScenarioError: something is wrong in the files or constants; all problems at once.
    """
    return _read(tuple(extra), constants) if extra or constants else _shipped()


def catalog_of(scenario: Scenario) -> Catalog:
    """Return the catalogue as a scenario has it: with its files and its own constants."""
    files = [scenario.base_dir / file for file in scenario.catalog]
    given = scenario.constants.model_dump(exclude_defaults=True) if scenario.constants else {}
    return load_catalog(files, from_mapping({CONSTANTS: given}) if given else None)


@cache
def _shipped() -> Catalog:
    """Return the catalogue without users' files, read once: it is nine tenths of a scenario's load.

    Entries are frozen and the mappings are never written to, so runs may share it.
    """
    return _read((), None)


@cache
def _shipped_layers() -> tuple[Mapping[str, Source], tuple[Layer, ...]]:
    documents = [
        read_document(_SHIPPED / f"{name}.yaml", f"{name}.yaml") for name in _SHIPPED_FILES
    ]
    sources: dict[str, Source] = {}
    for document in documents:
        sources |= read_sources(document)
    layers = tuple(read_layer(document, sources, None) for document in documents)
    _raise(documents, [])
    return sources, layers


def _read(extra: tuple[Path, ...], constants: Document | None) -> Catalog:
    shipped_sources, shipped_layers = _shipped_layers()
    sources, layers = dict(shipped_sources), list(shipped_layers)
    own = [read_document(path) for path in extra]
    for document in own:
        sources |= read_sources(document)
    for document in own:
        sources[document.file] = Source(document.file, "Given by the user", document.file, "")
        layers.append(read_layer(document, sources, Mark("guess", document.file)))
    files = list(own)
    if constants is not None:
        sources[USER] = Source(USER, "Set in the scenario", CONSTANTS, "")
        files.append(replace(constants, problems=[]))
        layers.append(_constants_layer(files[-1], sources, layers))
    entries, problems = build(layers)
    _raise(files, problems)
    return Catalog(
        accelerators=_only(Accelerator, entries),
        models=_only(Model, entries),
        nodes=_only(NodeType, entries),
        racks=_only(RackType, entries),
        regions=_only(Region, entries),
        owners=_only(Owner, entries),
        sources=sources,
    )


def _constants_layer(
    document: Document, sources: Mapping[str, Source], below: Sequence[Layer]
) -> Layer:
    """Return what the constants of a scenario say; they may change entries, but add none."""
    layer = read_layer(document, sources, Mark("guess", USER), (CONSTANTS,))
    for section, entries in layer.entries.items():
        known = list(
            dict.fromkeys(name for each in below for name in each.entries.get(section, ()))
        )
        for name in entries.keys() - set(known):
            hint = nearest_hint(name, known) or "a file under 'catalog' can add an entry"
            place, expected = (CONSTANTS, section, name), f"one of the {section} in the catalogue"
            document.problems.append(
                document.problem(place, f"unknown name {name!r}", expected, hint, of_key=True)
            )
    return layer


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
        raise ScenarioError([*found, *problems])
