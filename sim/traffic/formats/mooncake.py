"""Mooncake's JSON lines and what grew out of them: AIPerf's superset and vLLM's timed traces.

Source: github.com/kvcache-ai/Mooncake (FAST 2025 release, Apache-2.0). Block ids chain by prefix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from sim.interfaces import FloatArray
from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import (
    Record,
    Row,
    block_ids,
    json_records,
    number,
    parse_json,
    raw_rows,
    said,
)
from sim.traffic.formats.rows import BadRows, RawRows

_BROKEN = 0.05  # share of stamps with parts of a millisecond
_CROWD, _CROWDED_PER_S = 5, 100.0  # requests, and requests/s
_KEYS = {"arrival_s": "timestamp", "input_tokens": "input_length", "output_tokens": "output_length"}


@TRACE_FORMATS.register("mooncake")
class Mooncake(FileFormat):
    """Times in milliseconds; a turn may have a delay after the one before instead of a time."""

    ordered: ClassVar[bool] = False
    ticks_per_s: ClassVar[float] = 1000.0
    block_tokens: ClassVar[int] = 512

    def sniff(self, head: str) -> bool:
        """Tell whether the first line is such a record."""
        record = first_record(head)
        has_time = "timestamp" in record or "delay" in record
        return "input_length" in record and has_time and "chat_id" not in record

    def doubts_clock(self, arrival_s: FloatArray) -> tuple[str, str] | None:
        """Doubt milliseconds if over 100 requests/s come in under a second, or with fractions.

        Mooncake's stamps are whole milliseconds; the same records in seconds look alike.
        """
        count, ticks = len(arrival_s), arrival_s * self.ticks_per_s
        span_s = float(np.ptp(arrival_s)) if count else 0.0
        broken = float((np.abs(ticks - np.round(ticks)) > 1e-6).mean()) if count else 0.0
        crowded = count >= _CROWD and count > _CROWDED_PER_S * span_s > 0.0
        if self.ticks_per_s == 1.0 or not (crowded and (span_s < 1.0 or broken > _BROKEN)):
            return None
        got = f"{count:,} requests in {span_s:.3g} s if its timestamps are milliseconds"
        expected = "whole milliseconds; for seconds name the format vllm-timed, for these mooncake"
        return got, expected

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the requests of a file."""
        sessions: dict[str, tuple[int, float]] = {}
        for records in json_records(path, bad):
            rows = [self._row(line, record, sessions) for line, record in records]
            if rows:
                yield raw_rows(rows, self.block_tokens)

    def _row(self, line: int, record: Record, sessions: dict[str, tuple[int, float]]) -> Row:
        arrival_s = number(record.get("timestamp")) / self.ticks_per_s
        think_s = number(record.get("delay", 0)) / 1000
        session = str(record.get("session_id", ""))
        turn, previous_s = sessions.get(session, (-1, math.nan)) if session else (-1, math.nan)
        if "timestamp" not in record and turn >= 0:
            # The earliest it can come; the answer before it takes time as well.
            arrival_s = previous_s + think_s
        if session:
            sessions[session] = (turn + 1, arrival_s)
        return Row(
            line,
            arrival_s,
            number(record.get("input_length")),
            number(record.get("output_length")),
            said(record, _KEYS),
            {"turn": turn + 1, "think_s": think_s},
            {"session": session},
            block_ids(record.get("hash_ids")),
        )


@TRACE_FORMATS.register("vllm-timed")
class VllmTimed(Mooncake):
    """The same records with times in seconds; has to be named, since nothing in it tells."""

    ticks_per_s: ClassVar[float] = 1.0
    block_tokens: ClassVar[int] = 16

    def sniff(self, head: str) -> bool:
        """Return False."""
        return False


def first_record(head: str) -> Record:
    """Return the first JSON object of a file's head, empty if it does not start with one.

    A head that ends inside a long first line is completed by cutting it at its last whole value.
    """
    line = head.lstrip().split("\n", 1)[0].strip()
    if not line.startswith("{"):
        return {}
    record = parse_json(line.encode())
    if record is None:
        record = parse_json((line.rsplit(",", 1)[0].split("[", 1)[0] + "0}").encode())
    return record if isinstance(record, dict) else {}
