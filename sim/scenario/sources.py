"""Where scenarios and topologies come from: files, shipped names, and mappings from Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sim.document.document import Document, Place, from_mapping
from sim.document.yaml_reader import read_document
from sim.errors import Problem, ScenarioError
from sim.registry import nearest_hint
from sim.scenario.schema.traffic import TRACE_KEYS
from sim.scenario.shipped import Shelf, locate, looks_like_path, shipped

Source = str | Path | Mapping[str, Any]


def open_source(shelf: Shelf, source: Source) -> tuple[Document, Path]:
    """Return the document of a source and the folder to which paths in it are relative.

    Args:
        shelf: where names of shipped files are looked up.
        source: a file, a folder with a ``scenario.yaml``, a shipped name, or a mapping.

    Raises:
        ScenarioError: there is no such file, or it holds no mapping.
    """
    if isinstance(source, Mapping):
        return from_mapping(source), Path()
    path = Path(source)
    if isinstance(source, str) and not looks_like_path(source) and not path.exists():
        known = shipped(shelf)
        if source not in known:
            expected, hint = _file_or_name(shelf, source)
            if shelf == "experiments" and source in shipped("topologies"):
                hint = f"{source!r} is a topology: try `loadbank show {source}`"
            raise ScenarioError([Problem("", repr(source), expected, hint=hint)])
        path = known[source]
    if path.is_dir():
        path = path / "scenario.yaml"
    document = read_document(path)
    if not isinstance(document.data, dict):
        got = "an empty file" if document.data is None else "a file without keys"
        raise ScenarioError([document.problem((), got, "a mapping of keys to values")])
    return document, path.parent


def include_topology(document: Document, base_dir: Path) -> None:
    """Put the topology in place of its name or path in a scenario.

    If it cannot be read, that becomes a problem of the document.
    """
    place = ("topology",)
    path = _named_file(document, place, "topologies", base_dir)
    if path is None:
        return
    try:
        document.graft("topology", read_document(path))
    except ScenarioError as error:
        document.problems += error.problems
        document.spoilt.add(place)


def note_missing_files(document: Document, base_dir: Path) -> None:
    """Add a problem for each file that a scenario names and that does not exist."""
    for key in ("catalog", "coefficients"):
        files = document.get((key,))
        for index in range(len(files) if isinstance(files, list) else 0):
            _named_file(document, (key, index), None, base_dir)
    traffic = document.get(("traffic",))
    for place in _named_traces(("traffic",), traffic if isinstance(traffic, dict) else {}):
        _named_file(document, place, "traces", base_dir)


def _named_traces(place: Place, value: Any) -> Iterator[Place]:
    """Yield the places inside a part of the traffic section whose text names a trace."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        if isinstance(inner, (dict, list)):
            yield from _named_traces((*place, key), inner)
        elif key in TRACE_KEYS:
            yield (*place, key)


def _holds_traces(path: Path) -> bool:
    """Tell whether a folder may be a trace: of clients, of sessions, or of captures by hour."""
    return any(next(path.glob(name), None) for name in ("*-trace.csv", "*.json", "**/*.jsonl"))


def _named_file(
    document: Document, place: Place, shelf: Shelf | None, base_dir: Path
) -> Path | None:
    """Return the file that the text at ``place`` names; note the problem if there is none."""
    reference = document.get(place)
    if not isinstance(reference, str) or place in document.spoilt:
        return None
    path = locate(shelf, reference, base_dir) if shelf else base_dir / reference
    if path is not None and (path.is_file() or (shelf == "traces" and _holds_traces(path))):
        return path
    expected, hint = "a file", f"{path} is a folder"
    if path is not None and not path.exists():
        hint = f"there is no {path}"
    elif path is None and shelf:
        expected, hint = _file_or_name(shelf, reference)
    document.problems.append(document.problem(place, repr(reference), expected, hint))
    document.spoilt.add(place)
    return None


def _file_or_name(shelf: Shelf, name: str) -> tuple[str, str]:
    known = list(shipped(shelf))
    expected = f"a path, such as ./mine.yaml, or one of the shipped {shelf}: " + ", ".join(known)
    return expected, nearest_hint(name, known)
