"""Files with one JSON object per line, described by what each object becomes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sim.interfaces import FloatArray, PrefixBlocks
from sim.traffic.formats.lines import HEAD_BYTES, LineChunk, file_head, line_chunks, open_bytes
from sim.traffic.formats.rows import BadRows, RawRows
from sim.traffic.trace import Labels

Record = Mapping[str, Any]
LARGEST_DOCUMENT = 1 << 28  # bytes of a file that is one JSON document


@dataclass(frozen=True, slots=True)
class Row:
    """One request of a JSON file, not yet checked.

    Attributes:
        line: line of the file, from 1.
        arrival_s: arrival time as found, NaN if it is none [s].
        input_tokens: prompt length as found.
        output_tokens: answer length as found.
        said: by canonical column, the key in the file and its value as text.
        extras: optional numbers.
        labels: optional names.
        blocks: prefix block ids.
    """

    line: int
    arrival_s: float
    input_tokens: float
    output_tokens: float
    said: Mapping[str, tuple[str, str]]
    extras: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    blocks: Sequence[int] = ()


def json_records(path: Path, bad: BadRows) -> Iterator[list[tuple[int, Record]]]:
    """Yield the objects of a file with their lines, a chunk at a time."""
    for chunk in line_chunks(path):
        yield list(_objects(chunk, bad))


def json_documents(path: Path, bad: BadRows) -> Iterator[list[tuple[int, Record]]]:
    """Yield the objects of a file that has one per line, or is one document over many lines.

    A document is an object or a list of objects; those of a list count as rows from 1.
    """
    head = file_head(path).lstrip()
    if isinstance(parse_json(head.split("\n", 1)[0].encode()), dict) or len(head) >= HEAD_BYTES:
        yield from json_records(path, bad)
        return
    with open_bytes(path) as stream:
        found = parse_json(stream.read(LARGEST_DOCUMENT + 1).removeprefix(b"\xef\xbb\xbf"))
    rows = found if isinstance(found, list) else [found]
    if all(isinstance(row, dict) for row in rows):
        yield list(enumerate(rows, 1))
    else:
        yield from json_records(path, bad)


def _objects(chunk: LineChunk, bad: BadRows) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(chunk.data.split(b"\n"), chunk.first_line):
        if not line.strip():
            continue
        record = parse_json(line)
        if isinstance(record, dict):
            yield number, record
        else:
            shown = repr(line[:60].decode("utf-8", errors="replace"))
            bad.malformed("not a JSON object", number, "", shown, "one JSON object per line")


def parse_json(text: bytes) -> Any:
    """Return what JSON text says, None for text that is no JSON or too deep or large to read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        return None


def number(value: Any) -> float:
    """Return a JSON value as a finite float, NaN for anything that is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def block_ids(value: Any) -> list[int]:
    """Return a JSON value as block ids, empty unless it is a list of whole numbers or texts.

    Ids are opaque: numbers of 64 bits keep all of them, larger ones and texts become a hash.
    """
    if not isinstance(value, list) or not all(type(i) in (int, str) for i in value):
        return []
    return [_block_id(i) for i in value]


def _block_id(value: int | str) -> int:
    """Return an id as a signed number of 64 bits; 0 to 2**64 - 1 stay different."""
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return value if value < 2**63 else value - 2**64
    digest = hashlib.blake2b(f"{value!r}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def unix_s(value: Any) -> float:
    """Return an ISO time stamp in seconds since 1970, NaN for anything else; no zone is UTC."""
    if not isinstance(value, str):
        return math.nan
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def said(record: Record, keys: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what a record says under the keys of the canonical columns, for messages."""
    return {
        column: (key, json.dumps(record[key])[:80] if key in record else "nothing")
        for column, key in keys.items()
    }


def raw_rows(
    rows: Sequence[Row], block_tokens: int = 0, origin_unix_s: float | None = None
) -> RawRows:
    """Return rows as columns.

    Args:
        rows: requests with the same optional columns.
        block_tokens: size of a prefix block [tokens], 0 where the format has none.
        origin_unix_s: wall-clock time of arrival 0 [s].
    """
    extras = list(rows[0].extras) if rows else []
    labels = list(rows[0].labels) if rows else []

    def column(name: str) -> FloatArray:
        return np.array([getattr(row, name) for row in rows], dtype=np.float64)

    return RawRows(
        line=np.array([row.line for row in rows], dtype=np.int64),
        arrival_s=column("arrival_s"),
        input_tokens=column("input_tokens"),
        output_tokens=column("output_tokens"),
        quote=lambda row, name: rows[row].said.get(name, (name, "nothing")),
        time_form="a time as in the other records",
        extras={name: np.array([row.extras[name] for row in rows]) for name in extras},
        labels={name: _coded([row.labels[name] for row in rows]) for name in labels},
        blocks=_blocks([row.blocks for row in rows], block_tokens) if block_tokens else None,
        origin_unix_s=origin_unix_s,
    )


def _coded(names: list[str]) -> Labels:
    table = {name: code for code, name in enumerate(dict.fromkeys(names))}
    codes = np.array([table[name] for name in names], dtype=np.int32)
    return Labels(codes, tuple(table))


def _blocks(ids: Sequence[Sequence[int]], block_tokens: int) -> PrefixBlocks:
    offsets = np.concatenate([[0], np.cumsum([len(i) for i in ids])]).astype(np.int64)
    flat = np.fromiter((i for row in ids for i in row), dtype=np.int64, count=int(offsets[-1]))
    return PrefixBlocks(flat, offsets, block_tokens)
