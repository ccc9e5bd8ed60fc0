"""Which kind of file a user named: scenario or topology."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.document.yaml_reader import read_document
from sim.errors import ScenarioError
from sim.scenario.shipped import looks_like_path, shipped


def describes_topology(source: str | Path | Mapping[str, Any]) -> bool:
    """Return whether a source is a topology by itself rather than a scenario.

    A file that cannot be read counts as a scenario: loading it says what is wrong.
    """
    if isinstance(source, Mapping):
        return is_topology(source)
    if isinstance(source, str) and not looks_like_path(source):
        return source not in shipped("experiments") and source in shipped("topologies")
    try:
        return is_topology(read_document(Path(source)).get(()))
    except ScenarioError:
        return False


def is_topology(data: Any) -> bool:
    """Return whether the data of a document are those of a topology."""
    return isinstance(data, Mapping) and "sites" in data and "pools" not in data
