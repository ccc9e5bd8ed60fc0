"""Logs of serving platforms as JSON lines: SageMaker data capture and OpenTelemetry spans."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import (
    Record,
    Row,
    json_records,
    number,
    parse_json,
    raw_rows,
    unix_s,
)
from sim.traffic.formats.rows import BadRows, RawRows

_FAILED = 2


@TRACE_FORMATS.register("sagemaker")
class SageMaker(FileFormat):
    """Data capture of chat endpoints; token counts come from the answer's ``usage``."""

    ordered: ClassVar[bool] = False
    absolute: ClassVar[bool] = True

    def sniff(self, head: str) -> bool:
        """Tell whether the first line is a capture."""
        line = head.split("\n", 1)[0]
        return '"captureData"' in line or ('"eventMetadata"' in head and '"captureData"' in head)

    def is_folder(self, path: Path) -> bool:
        """Tell whether the folder has captures, in subfolders by hour as SageMaker writes them."""
        first = min(path.glob("**/*.jsonl"), default=None)
        return first is not None and '"captureData"' in first.read_text("utf-8", "replace")[:4000]

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the captured requests."""
        files = sorted(path.glob("**/*.jsonl")) if path.is_dir() else [path]
        for file in files:
            for records in json_records(file, bad):
                rows = [_capture(line, record) for line, record in records]
                if rows:
                    yield raw_rows(rows)


def _capture(line: int, record: Record) -> Row:
    moment = _inside(record, "eventMetadata").get("inferenceTime")
    usage = _inside(_payload(_inside(_inside(record, "captureData"), "endpointOutput")), "usage")
    prompt, answer = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Row(
        line,
        unix_s(moment),
        number(prompt),
        number(answer),
        {
            "arrival_s": ("eventMetadata.inferenceTime", repr(moment)),
            "input_tokens": ("usage.prompt_tokens", repr(prompt)),
            "output_tokens": ("usage.completion_tokens", repr(answer)),
        },
    )


def _inside(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _payload(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON body of a captured request or answer, empty if it is none."""
    data = part.get("data")
    if not isinstance(data, str):
        return {}
    text = data.encode()
    if part.get("encoding", "BASE64") == "BASE64":
        try:
            text = base64.b64decode(text)
        except (binascii.Error, ValueError):
            return {}
    body = parse_json(text)
    return body if isinstance(body, dict) else {}


@TRACE_FORMATS.register("agent-spans")
class AgentSpans(FileFormat):
    """OpenTelemetry spans of agent sessions (Exgentic): one session per line."""

    ordered: ClassVar[bool] = False
    absolute: ClassVar[bool] = True

    def sniff(self, head: str) -> bool:
        """Tell whether the first line has spans with usage of a model."""
        return '"spans"' in head and "gen_ai.usage" in head

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the model calls of all sessions."""
        for records in json_records(path, bad):
            rows = [row for line, record in records for row in _calls(line, record, bad)]
            if rows:
                yield raw_rows(rows)


def _calls(line: int, record: Record, bad: BadRows) -> Iterator[Row]:
    spans = record.get("spans")
    ended_s = math.nan
    for turn, span in enumerate(spans if isinstance(spans, list) else []):
        if not isinstance(span, dict) or span.get("type", "llm_call") != "llm_call":
            continue
        if _inside(span, "status").get("code") == _FAILED:
            bad.dropped("failed call", [line])
            continue
        usage = _inside(span, "attributes")
        sent_s, previous_s = unix_s(span.get("start_time")), ended_s
        ended_s = unix_s(span.get("end_time"))
        prompt = usage.get("gen_ai.usage.input_tokens")
        answer = usage.get("gen_ai.usage.output_tokens")
        yield Row(
            line,
            sent_s,
            number(prompt),
            number(answer),
            {
                "arrival_s": (f"spans[{turn}].start_time", repr(span.get("start_time"))),
                "input_tokens": ("gen_ai.usage.input_tokens", repr(prompt)),
                "output_tokens": ("gen_ai.usage.output_tokens", repr(answer)),
            },
            {"turn": turn, "think_s": max(sent_s - previous_s, 0.0), "e2e_s": ended_s - sent_s},
            {
                "session": str(record.get("session_id", line)),
                "model": str(usage.get("gen_ai.request.model", "")),
            },
        )
