"""TraceLab: rounds of real coding agents, one JSON object per call of a model.

A round is sent when the latest of its inputs arrived (the user's message or a tool's result), and
ends with the last thing that the model said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import Record, Row, json_records, number, raw_rows, said, unix_s
from sim.traffic.formats.mooncake import first_record
from sim.traffic.formats.rows import BadRows, RawRows

_KEYS = {
    "arrival_s": "timing_events",
    "input_tokens": "input_tokens_total",
    "output_tokens": "output_tokens",
}
_INPUT_EVENTS = ("user_message", "tool_result")


@TRACE_FORMATS.register("tracelab")
class TraceLab(FileFormat):
    """Closed loop: the pause before a round is thinking or the run time of a tool."""

    ordered: ClassVar[bool] = False
    absolute: ClassVar[bool] = True

    def sniff(self, head: str) -> bool:
        """Tell whether the first line is such a record."""
        needed = {"session_id", "round_index"}
        return needed <= set(first_record(head)) or all(f'"{key}"' in head for key in needed)

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the rounds of a file."""
        ends: dict[str, float] = {}
        for records in json_records(path, bad):
            rows = [_row(line, record, ends) for line, record in records]
            if rows:
                yield raw_rows(rows)


def _row(line: int, record: Record, ends: dict[str, float]) -> Row:
    sent_s, ended_s = _times(record.get("timing_events"))
    session = str(record.get("session_id", ""))
    pause_s = sent_s - ends.get(session, math.nan)
    ends[session] = ended_s
    return Row(
        line,
        sent_s,
        number(record.get("input_tokens_total")),
        number(record.get("output_tokens")),
        said(record, _KEYS),
        {
            "turn": number(record.get("round_index")),
            "think_s": max(pause_s, 0.0),
            "e2e_s": ended_s - sent_s,
            "reasoning_tokens": number(record.get("reasoning_output_tokens", 0)),
        },
        {"session": session, "model": str(record.get("model", ""))},
    )


def _times(events: object) -> tuple[float, float]:
    """Return when a round was sent and when it ended [s since 1970], NaN where unknown."""
    stamps = [
        (event.get("event_type") in _INPUT_EVENTS, moment)
        for event in (events if isinstance(events, list) else [])
        if isinstance(event, dict) and not math.isnan(moment := unix_s(event.get("timestamp")))
    ]
    inputs = [moment for is_input, moment in stamps if is_input]
    outputs = [moment for is_input, moment in stamps if not is_input]
    sent_s = max(inputs) if inputs else min(outputs, default=math.nan)
    return sent_s, max([sent_s, *outputs])
