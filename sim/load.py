"""Reads a scenario or a topology: file to document to model, with every problem told at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sim.document.document import Document, Place
from sim.document.findings import Finding
from sim.document.partial import SoundPart, sound_part
from sim.document.positions import Positions
from sim.document.validate import validate
from sim.errors import Problem, ScenarioError
from sim.scenario.checks.run import check_run
from sim.scenario.checks.scenario import ScenarioNames, check_names, check_service
from sim.scenario.checks.topology import TopologyNames, check_topology
from sim.scenario.kinds import is_topology
from sim.scenario.overrides import apply_override, parse_overrides
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.topology import Topology
from sim.scenario.sources import Source, include_topology, note_missing_files, open_source

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog

# Steps from the top of a document to one of its named entries, where that is not 1.
_SCENARIO_ENTRIES = {"tiers": 2, "traffic": 2, "pools": 2, "topology": 3}
_TOPOLOGY_ENTRIES = {"regions": 2, "sites": 2, "links": 2}
_GROUND = ("", "topology", "catalog", "constants")  # what pools are placed on


def load_scenario(
    source: Source,
    overrides: Sequence[str] = (),
    *,
    policies: Collection[str] | None = None,
    trace_formats: Collection[str] | None = None,
) -> Scenario:
    """Return the scenario that a file or mapping describes, with its topology read in.

    Args:
        source: a file, the name of a shipped experiment, or a mapping with the same keys. In a
            mapping a value may also be an SI number under the attribute's name, ``latency_s``.
        overrides: changes as ``dotted.path=value``, made before anything is checked.
        policies: names of the routing policies that exist; not checked unless given.
        trace_formats: names of the trace formats that exist; likewise.

    Raises:
        ScenarioError: with every problem of the scenario, its topology and its catalogue files.
    """
    document, base_dir = _changed(source, overrides)
    validation = validate(Scenario, document)
    part = sound_part(Scenario, document, validation, _SCENARIO_ENTRIES)
    problems = validation.problems
    if part.value is not None:
        files = [base_dir / path for path in part.value.catalog]
        sound = not any(problem.path.startswith("constants") for problem in problems)
        constants = document if part.value.constants and sound else None
        catalog, catalog_problems = _catalog([p for p in files if p.is_file()], constants)
        findings = _findings(part.value, document, catalog, policies, trace_formats)
        problems += catalog_problems + _problems(findings, part, document)
        if not problems:
            problems += _problems(check_service(part.value), part, document)
        if problems and catalog is not None:
            problems += _misfits(part.value, document, catalog, problems)
    if validation.value is None or problems:
        raise ScenarioError(problems)
    return validation.value.placed_in(base_dir, Positions.of(document))


def load_topology(source: Source) -> Topology:
    """Return the topology that a file or mapping describes.

    Args:
        source: a file, the name of a shipped topology, or a mapping with the same keys.

    Raises:
        ScenarioError: with every problem of the topology.
    """
    document, _ = open_source("topologies", source)
    validation = validate(Topology, document)
    part = sound_part(Topology, document, validation, _TOPOLOGY_ENTRIES)
    problems = validation.problems
    if part.value is not None:
        catalog, catalog_problems = _catalog([])
        findings = check_topology(part.value, _topology_names(document, (), catalog))
        problems += catalog_problems + _problems(findings, part, document)
    if validation.value is None or problems:
        raise ScenarioError(problems)
    return validation.value


def _changed(source: Source, overrides: Sequence[str]) -> tuple[Document, Path]:
    """Return the document with its topology included and the overrides applied, and its folder."""
    document, base_dir = open_source("experiments", source)
    if is_topology(document.data):
        hint = "try `loadbank show`; a scenario names its topology and has pools and traffic"
        raise ScenarioError([Problem("", "a topology", "a scenario", document.file, hint=hint)])
    changes = parse_overrides(overrides)
    # Another topology comes first, so that other changes can reach into it.
    for change in [change for change in changes if change.steps == ("topology",)]:
        apply_override(document, change, Scenario)
    include_topology(document, base_dir)
    for change in [change for change in changes if change.steps != ("topology",)]:
        apply_override(document, change, Scenario)
    note_missing_files(document, base_dir)
    return document, base_dir


def _catalog(
    files: Sequence[Path], constants: Document | None = None
) -> tuple[Catalog | None, list[Problem]]:
    from sim.catalog.catalog import load_catalog

    try:
        return load_catalog(files, constants), []
    except ScenarioError as error:
        return None, list(error.problems)


def _entries(document: Document, *place: str) -> list[str]:
    entries = document.get(place)
    return list(entries) if isinstance(entries, dict) else []


def _topology_names(
    document: Document, place: tuple[str, ...], catalog: Catalog | None
) -> TopologyNames:
    return TopologyNames(
        regions=_entries(document, *place, "regions"),
        sites=_entries(document, *place, "sites"),
        rack_types=catalog.racks if catalog else None,
        grid_regions=catalog.regions if catalog else None,
    )


def _findings(
    scenario: Scenario,
    document: Document,
    catalog: Catalog | None,
    policies: Collection[str] | None,
    trace_formats: Collection[str] | None,
) -> Iterator[Finding]:
    """Yield what is wrong between the sections of a scenario, or of its sound part."""
    of_topology = _topology_names(document, ("topology",), catalog)
    for finding in check_topology(scenario.topology, of_topology):
        yield replace(finding, place=("topology", *finding.place))
    names = ScenarioNames(
        tiers=_entries(document, "tiers"),
        regions=of_topology.regions,
        sites=of_topology.sites,
        pools=_entries(document, "pools"),
        models=catalog.models if catalog else None,
        rack_cooling={k: rack.cooling for k, rack in catalog.racks.items()} if catalog else None,
        policies=policies,
        trace_formats=trace_formats,
        owners=catalog.owners if catalog else None,
    )
    yield from check_names(scenario, names)
    yield from check_run(scenario)


def _misfits(
    scenario: Scenario, document: Document, catalog: Catalog, problems: Iterable[Problem]
) -> list[Problem]:
    """Return why pools cannot be placed, for a scenario that has other mistakes.

    Without other mistakes whoever builds the plant is told. Pools with mistakes are left out, and
    nothing is said of any pool where the topology or the catalogue may be to blame.
    """
    from sim.plant.plant import build_plant

    wrong = [problem.path for problem in problems]
    if any(re.split(r"[.\[]", path)[0] in _GROUND for path in wrong):
        return []
    pools = {
        name: pool
        for name, pool in scenario.pools.items()
        if not any(f"{path}.".startswith(f"pools.{name}.") for path in wrong)
    }
    if not pools:
        return []
    try:
        build_plant(scenario.model_copy(update={"pools": pools}), catalog)
    except ScenarioError as error:
        return list(map(Positions.of(document).located, error.problems))
    return []


def _problems(
    findings: Iterable[Finding],
    part: SoundPart[Scenario] | SoundPart[Topology],
    document: Document,
) -> list[Problem]:
    """Return findings as problems with a position, without those that follow from others."""
    known = part.cut | document.spoilt
    problems = []
    for finding in findings:
        place = _as_written(document, part.original(finding.place))
        if not any(place[:length] in known for length in range(len(place) + 1)):
            about = (finding.got, finding.expected, finding.hint)
            problems.append(document.problem(place, *about, of_key=finding.of_key))
    return problems


def _as_written(document: Document, place: Place) -> Place:
    """Return a place without the index of a list that the user wrote as a single entry."""
    written: Place = ()
    for step in place:
        if isinstance(step, str) or isinstance(document.get(written), list):
            written = (*written, step)
    return written
