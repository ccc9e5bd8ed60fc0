"""Reads a study file: `extends` resolved, checked, every problem at its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.document.document import Document, Place, from_mapping
from sim.document.validate import validated
from sim.document.yaml_reader import read_document
from sim.errors import ScenarioError
from sim.experiment.study.data import plain_data, written_scenario
from sim.registry import nearest_hint
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.study import Study
from sim.scenario.shipped import looks_like_path, shipped


@dataclass(frozen=True, slots=True)
class LoadedStudy:
    """A study and where its parts were written.

    Attributes:
        study: what the file says.
        base: the base scenario's file.
        document: the file with positions, for messages about values.
    """

    study: Study
    base: Path
    document: Document


def load_study(source: str | Path | Mapping[str, Any]) -> LoadedStudy:
    """Return a study from its file, or from a mapping with the same keys.

    Args:
        source: path of the file; paths in a mapping are relative to the working directory. In a
            mapping the base may be a `Scenario`, and a list of points a data frame.

    Raises:
        ScenarioError: the file, one that it extends, or the base is missing or wrong.
    """
    if isinstance(source, Mapping):
        folder, document = Path(), from_mapping(plain_data(source))
        _extend(document, folder, ())
    else:
        folder, document = Path(source).parent, _read(Path(source), ())
    study = validated(Study, document)
    return LoadedStudy(study, _located(study.base, folder, document, ("base",)), document)


def _read(path: Path, seen: tuple[Path, ...]) -> Document:
    document = read_document(path)
    _extend(document, path.parent, (*seen, path.resolve()))
    return document


def _extend(document: Document, folder: Path, seen: tuple[Path, ...]) -> None:
    """Add the keys that a document leaves to the study that it extends."""
    parent_name = document.data.get("extends") if isinstance(document.data, dict) else None
    if not isinstance(parent_name, str):
        return
    path = folder / parent_name
    if path.resolve() in seen:
        expected = "a study that does not extend this one in turn"
        raise ScenarioError([document.problem(("extends",), repr(parent_name), expected)])
    if not path.is_file():
        raise ScenarioError([document.problem(("extends",), repr(parent_name), "a study file")])
    parent = _read(path, seen)
    for key, value in (parent.data if isinstance(parent.data, dict) else {}).items():
        if key not in document.data:
            # Its paths are relative to its own folder, not to the file that extends it.
            is_path = key == "base" and looks_like_path(str(value))
            document.data[key] = str((path.parent / value).resolve()) if is_path else value
            _adopt(document, parent, key)


def _adopt(document: Document, parent: Document, key: str) -> None:
    document.values |= {at: where for at, where in parent.values.items() if at[:1] == (key,)}
    document.keys |= {at: where for at, where in parent.keys.items() if at[:1] == (key,)}


def find_scenario(reference: str | Path | Scenario) -> Path:
    """Return the file of a scenario: a path, the name of a shipped experiment, or an object.

    An object is written to a folder of this process, so that workers on this machine can read it.

    Raises:
        ScenarioError: there is no such file and no such name.
    """
    if isinstance(reference, Scenario):
        return written_scenario(reference)
    return _located(str(reference), Path(), from_mapping({}), ())


def _located(reference: str, folder: Path, document: Document, place: Place) -> Path:
    if looks_like_path(reference):
        path = folder / reference
        if path.is_file():
            return path
        expected, hint = "a scenario file", f"looked at {path}"
        raise ScenarioError([document.problem(place, repr(reference), expected, hint)])
    known = shipped("experiments")
    if reference in known:
        return known[reference]
    hint = nearest_hint(reference, list(known))
    expected = "a path such as ./scenario.yaml, or a shipped experiment: " + ", ".join(known)
    raise ScenarioError([document.problem(place, repr(reference), expected, hint)])
