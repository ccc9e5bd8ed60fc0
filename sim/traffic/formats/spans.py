"""Spans of OpenTelemetry that are calls of a model: agent sessions and OTLP JSON.

Source: semantic conventions for generative AI (opentelemetry.io/docs/specs/semconv/gen-ai) and the
JSON form of OTLP (opentelemetry.io/docs/specs/otlp), in which 64-bit numbers are strings.

A row is one call of a model. A span of an agent, a workflow or a tool that sums up the calls below
it, by its operation or because a call lies below it, is left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import (
    Record,
    Row,
    json_documents,
    json_records,
    number,
    raw_rows,
    unix_s,
)
from sim.traffic.formats.rows import BadRows, RawRows

_FAILED = (2, "STATUS_CODE_ERROR")
_AGGREGATES = ("invoke_agent", "create_agent", "execute_tool", "invoke_workflow")
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Span:
    """One span, whatever the file calls its parts.

    Attributes:
        start: as the file has it.
        start_s: start since 1970, NaN if it is none [s].
        end_s: likewise.
        attributes: by name.
        failed: its status is an error.
        key: its id, empty if it has none.
        parent: id of the span above it, empty if there is none.
    """

    start: Any
    start_s: float
    end_s: float
    attributes: Mapping[str, Any]
    failed: bool
    key: str
    parent: str

    @property
    def usage(self) -> tuple[Any, Any]:
        """Tokens of prompt and answer as the file has them."""
        return _first(self.attributes, _INPUT), _first(self.attributes, _OUTPUT)


@TRACE_FORMATS.register("agent-spans")
class AgentSpans(FileFormat):
    """OpenTelemetry spans of agent sessions (Exgentic): one session per line."""

    ordered: ClassVar[bool] = False
    absolute: ClassVar[bool] = True

    def sniff(self, head: str) -> bool:
        """Tell whether the first line has spans with usage of a model."""
        return '"spans"' in head and "gen_ai.usage" in head and '"resourceSpans"' not in head

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the model calls of all sessions."""
        for records in json_records(path, bad):
            rows = [row for line, record in records for row in _session(line, record, bad)]
            if rows:
                yield raw_rows(rows)


@TRACE_FORMATS.register("otlp-json")
class OtlpJson(FileFormat):
    """OTLP in JSON as collectors write it: an export per line, or one document."""

    ordered: ClassVar[bool] = False
    absolute: ClassVar[bool] = True

    def sniff(self, head: str) -> bool:
        """Tell whether the file begins with spans of resources."""
        return head.lstrip().startswith("{") and '"resourceSpans"' in head[:4000]

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the model calls of all exports."""
        for records in json_documents(path, bad):
            rows = [row for line, record in records for row in _export(line, record, bad)]
            if rows:
                yield raw_rows(rows)


def _session(line: int, record: Record, bad: BadRows) -> Iterator[Row]:
    spans = [
        _plain(s) for s in _list(record.get("spans")) if s.get("type", "llm_call") == "llm_call"
    ]
    yield from _calls(line, spans, bad, str(record.get("session_id", line)))


def _export(line: int, record: Record, bad: BadRows) -> Iterator[Row]:
    spans = [
        _otlp(span)
        for resource in _list(record.get("resourceSpans"))
        for scope in _list(resource.get("scopeSpans"))
        for span in _list(scope.get("spans"))
    ]
    yield from _calls(line, spans, bad, "")


def _calls(line: int, spans: Sequence[Span], bad: BadRows, session: str) -> Iterator[Row]:
    """Yield the calls among spans; spans without tokens are none of them."""
    above = _summed_up(spans)
    turn, ended_s = 0, math.nan
    for span in spans:
        prompt, answer = span.usage
        if prompt is None and answer is None and not session:
            continue
        if span.failed:
            bad.dropped("failed call", [line])
            continue
        operation = span.attributes.get("gen_ai.operation.name")
        if operation in _AGGREGATES or (span.key and span.key in above):
            bad.dropped("span that sums up calls below it", [line])
            continue
        previous_s, ended_s = ended_s, span.end_s
        yield Row(
            line,
            span.start_s,
            _count(prompt),
            _count(answer),
            {
                "arrival_s": ("start time of the span", repr(span.start)[:80]),
                "input_tokens": (_INPUT[0], repr(prompt)[:80]),
                "output_tokens": (_OUTPUT[0], repr(answer)[:80]),
            },
            {
                "turn": turn,
                "think_s": max(span.start_s - previous_s, 0.0),
                "e2e_s": span.end_s - span.start_s,
            },
            {
                "session": session or str(span.attributes.get("gen_ai.conversation.id", "")),
                "model": str(span.attributes.get("gen_ai.request.model", "")),
            },
        )
        turn += 1


def _summed_up(spans: Sequence[Span]) -> set[str]:
    """Return the ids of the spans that have a call with tokens somewhere below them."""
    parents = {span.key: span.parent for span in spans if span.key}
    found: set[str] = set()
    for span in spans:
        key = span.parent if span.usage != (None, None) else ""
        while key and key not in found:
            found.add(key)
            key = parents.get(key, "")
    return found


def _plain(span: Record) -> Span:
    attributes, status = span.get("attributes"), span.get("status")
    return Span(
        span.get("start_time"),
        unix_s(span.get("start_time")),
        unix_s(span.get("end_time")),
        attributes if isinstance(attributes, dict) else {},
        isinstance(status, dict) and status.get("code") in _FAILED,
        str(span.get("span_id", "") or ""),
        str(span.get("parent_span_id", "") or ""),
    )


def _otlp(span: Record) -> Span:
    status = span.get("status")
    return Span(
        span.get("startTimeUnixNano"),
        _count(span.get("startTimeUnixNano")) / _NS_PER_S,
        _count(span.get("endTimeUnixNano")) / _NS_PER_S,
        {str(a.get("key")): _value(a.get("value")) for a in _list(span.get("attributes"))},
        isinstance(status, dict) and status.get("code") in _FAILED,
        str(span.get("spanId", "") or ""),
        str(span.get("parentSpanId", "") or ""),
    )


def _value(value: Any) -> Any:
    """Return what an OTLP value holds; its only key says the type."""
    return next(iter(value.values()), None) if isinstance(value, dict) else None


def _count(value: Any) -> float:
    """Return a whole number that JSON may hold as text, NaN for anything else."""
    if isinstance(value, str):
        return float(value) if value.isascii() and value.isdigit() and len(value) < 20 else math.nan
    return number(value)


def _first(of: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((of[name] for name in names if name in of), None)


def _list(value: Any) -> list[Record]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
