"""Qwen-Bailian: conversations of a public model service, with parents and prefix blocks.

Source: github.com/alibaba-edu/qwen-bailian-usagetraces-anon. The last block of a prompt may differ
from its successor's, and thinking tokens are gone in the next turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from sim.traffic.formats.base import TRACE_FORMATS, FileFormat
from sim.traffic.formats.jsonlines import (
    Record,
    Row,
    block_ids,
    json_records,
    number,
    raw_rows,
    said,
)
from sim.traffic.formats.mooncake import first_record
from sim.traffic.formats.rows import BadRows, RawRows

_KEYS = {"arrival_s": "timestamp", "input_tokens": "input_length", "output_tokens": "output_length"}
_BLOCK_TOKENS = 16


@TRACE_FORMATS.register("bailian")
class Bailian(FileFormat):
    """Times in seconds; a parent of -1 starts a conversation."""

    ordered: ClassVar[bool] = False

    def sniff(self, head: str) -> bool:
        """Tell whether the first line is such a record."""
        return {"chat_id", "parent_chat_id", "input_length"} <= set(first_record(head))

    def rows(self, path: Path, bad: BadRows) -> Iterator[RawRows]:
        """Yield the requests of a file."""
        roots: dict[float, float] = {}
        for records in json_records(path, bad):
            rows = [_row(line, record, roots) for line, record in records]
            if rows:
                yield raw_rows(rows, _BLOCK_TOKENS)


def _row(line: int, record: Record, roots: dict[float, float]) -> Row:
    chat, parent = number(record.get("chat_id")), number(record.get("parent_chat_id"))
    root = roots.get(parent, parent if parent >= 0 else chat)
    roots[chat] = root
    return Row(
        line,
        number(record.get("timestamp")),
        number(record.get("input_length")),
        number(record.get("output_length")),
        said(record, _KEYS),
        {"request_id": chat, "parent_id": parent, "turn": number(record.get("turn"))},
        {"kind": str(record.get("type", "")), "session": f"{root:.0f}"},
        block_ids(record.get("hash_ids")),
    )
