"""YAML text to a `Document`: every mistake of the text is a message with line and column.

Reads PyYAML's events, not its node tree: there is no recursion, so no depth of nesting can
exhaust the stack, and what aliases expand to is counted while it is expanded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sim.document.document import Document, Place, Position, dotted
from sim.document.scalars import Scalar, ScalarTrapError, read_scalar
from sim.document.yaml_mistakes import mistake
from sim.errors import Problem, ScenarioError
from sim.reasons import unreadable

MAX_BYTES: Final = 8_000_000
MAX_VALUES: Final = 250_000
MAX_DEPTH: Final = 40
_TEXT_TAGS: Final = ("!", "tag:yaml.org,2002:str")
_COLLECTION_TAGS: Final = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def read_document(path: Path, name: str | None = None) -> Document:
    """Read a YAML file.

    Args:
        path: the file.
        name: how messages call it; the path unless given.

    Raises:
        ScenarioError: the file cannot be read, is too large, or is not YAML.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError([unreadable(Path(name), error, "a readable file")]) from None
    if len(content) > MAX_BYTES:
        expected = f"at most {MAX_BYTES // 10**6} MB of YAML"
        raise ScenarioError([Problem("", "a larger file", expected, name)])
    try:
        return parse_document(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"byte 0x{content[error.start]:02x}"
        raise ScenarioError([Problem("", got, "text in UTF-8", name, line)]) from None


def parse_document(text: str, name: str) -> Document:
    """Return the data in YAML text.

    Args:
        text: YAML, one document.
        name: file name for messages.

    Raises:
        ScenarioError: the text is not YAML, holds several documents, or goes beyond the bounds on
            depth and size. Problems that leave the rest readable are kept in the document.
    """
    document = Document(name)
    try:
        _Builder(document).build(_expanded(yaml.parse(text, Loader=yaml.CSafeLoader), name))
    except yaml.YAMLError as error:
        raise ScenarioError([mistake(error, text, name, MAX_DEPTH)]) from None
    return document


def _fatal(event: Any, name: str, got: str, expected: str) -> ScenarioError:
    at = _position(event, name)
    return ScenarioError([Problem("", got, expected, name, at.line, at.column)])


def _position(event: Any, name: str) -> Position:
    return Position(name, event.start_mark.line + 1, event.start_mark.column + 1)


@dataclass(slots=True)
class _Anchor:
    """An anchored value whose end has not been seen yet."""

    name: str
    depth: int
    events: list[Any]


def _expanded(events: Iterator[Any], name: str) -> Iterator[Any]:
    """Yield the events with each alias replaced by the events that it stands for."""
    known: dict[str, list[Any]] = {}
    unfinished: list[_Anchor] = []
    depth = count = 0
    for event in events:
        replay = [event]
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in known:
                expected = "the name of an &anchor that ends further up"
                raise _fatal(event, name, f"*{event.anchor}", expected)
            replay = known[event.anchor]
        elif getattr(event, "anchor", None):
            unfinished.append(_Anchor(event.anchor, depth, []))
        count += len(replay)
        if count > MAX_VALUES:
            raise _fatal(event, name, "more", f"at most {MAX_VALUES} keys and values in a file")
        for anchor in unfinished:
            anchor.events.extend(replay)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        while unfinished and unfinished[-1].depth == depth:
            finished = unfinished.pop()
            known[finished.name] = finished.events
        yield from replay


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being filled; ``key`` is None while a mapping awaits its key."""

    container: dict[str, Any] | list[Any]
    place: Place
    key: str | None = None


class _Builder:
    """Fills a document from events, in one pass with an explicit stack."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._stack: list[_Frame] = []
        self._documents = 0

    def build(self, events: Iterator[Any]) -> None:
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._stack.pop()
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    expected = "one YAML document per file"
                    raise _fatal(event, self._document.file, "a second document", expected)

    def _scalar(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            self._start_key(frame, event)
        else:
            place = self._place()
            self._put(self._read(event, place), place, event)

    def _open(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            raise _fatal(event, self._document.file, "a list or mapping as a key", "a key of text")
        if len(self._stack) == MAX_DEPTH:
            expected = f"at most {MAX_DEPTH} levels"
            raise _fatal(event, self._document.file, "deeper nesting", expected)
        place = self._place()
        if event.tag not in _COLLECTION_TAGS:
            self._refuse(place, f"tag {event.tag}", "plain YAML without tags", event)
        container: dict[str, Any] | list[Any]
        container = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(container, place, event)
        self._stack.append(_Frame(container, place))

    def _place(self) -> Place:
        if not self._stack:
            return ()
        frame = self._stack[-1]
        if isinstance(frame.container, list):
            return (*frame.place, len(frame.container))
        return (*frame.place, frame.key or "")

    def _put(self, value: Any, place: Place, event: Any) -> None:
        self._document.values[place] = _position(event, self._document.file)
        if not self._stack:
            self._document.data = value
            return
        frame = self._stack[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
        else:
            frame.container[frame.key or ""] = value
            frame.key = None

    def _start_key(self, frame: _Frame, event: Any) -> None:
        place = (*frame.place, event.value)
        if not isinstance(self._read(event, place), str) and place not in self._document.spoilt:
            expected = "a key of text; put it in quotes"
            self._refuse(place, event.value or "an empty key", expected, event)
        if event.value in frame.container:
            first = self._document.keys[place].line
            self._refuse(place, "the key a second time", f"it once (first in line {first})", event)
        else:
            self._document.keys[place] = _position(event, self._document.file)
        frame.key = event.value

    def _read(self, event: Any, place: Place) -> Scalar:
        text: str = event.value
        if event.tag is None and event.implicit[0]:
            try:
                return read_scalar(text)
            except ScalarTrapError as trap:
                self._refuse(place, text, str(trap), event, "YAML readers differ on it")
        elif event.tag is not None and event.tag not in _TEXT_TAGS:
            self._refuse(place, f"tag {event.tag}", "plain YAML without tags", event)
        return text

    def _refuse(self, place: Place, got: str, expected: str, event: Any, hint: str = "") -> None:
        at = _position(event, self._document.file)
        problem = Problem(dotted(place), got, expected, at.file, at.line, at.column, hint)
        self._document.problems.append(problem)
        self._document.spoilt.add(place)
