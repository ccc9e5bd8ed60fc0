"""Comma-separated files with a header line, described by a list of their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sim.errors import Problem, TraceError
from sim.interfaces import FloatArray
from sim.registry import nearest_hint
from sim.traffic.formats.clock import NANOSECONDS, parse_clock
from sim.traffic.formats.fields import Table, parse_labels, parse_numbers, split_fields
from sim.traffic.formats.lines import LineChunk, line_chunks
from sim.traffic.formats.rows import BadRows, RawRows
from sim.traffic.trace import Labels

_TIME_FORMS = {
    "number": "seconds, such as 12.5",
    "clock": "a time stamp, such as 2023-11-16 18:15:46.6805900",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file and what it means.

    Attributes:
        header: its name in the header line.
        target: canonical column of `Trace` that it fills.
        kind: ``number``, ``clock`` (wall-clock stamp) or ``label`` (a name).
        required: the file must have it.
    """

    header: str
    target: str
    kind: Literal["number", "clock", "label"] = "number"
    required: bool = True


def header_names(head: str) -> list[str]:
    """Return the column names of the first line of a file."""
    first = head.split("\n", 1)[0]
    return [name.strip().strip('"') for name in first.split(",")]


def missing_columns(head: str, columns: Sequence[Column]) -> list[str]:
    """Return the required columns that the header line lacks."""
    names = set(header_names(head))
    return [c.header for c in columns if c.required and c.header not in names]


def table_rows(path: Path, columns: Sequence[Column], bad: BadRows) -> Iterator[RawRows]:
    """Yield the rows of a file, a chunk at a time, columns found by name.

    Raises:
        TraceError: the file is empty or a required column is missing.
    """
    header: list[str] = []
    origin_ns: int | None = None
    for chunk in line_chunks(path):
        body = chunk
        if not header:
            header, body = _split_header(chunk)
            check_header(header, columns, bad.file)
        table = split_fields(body, len(header))
        for line, found in table.misfits:
            expected = f"{len(header)} columns as in the header"
            bad.malformed("wrong number of columns", line, "", str(found), expected)
        rows, origin_ns = _to_rows(table, header, columns, origin_ns)
        yield rows
    if not header:
        raise TraceError([Problem("", "an empty file", "a header line and rows", bad.file)])


def _split_header(chunk: LineChunk) -> tuple[list[str], LineChunk]:
    first, _, rest = chunk.data.partition(b"\n")
    names = header_names(first.decode("utf-8", errors="replace"))
    return names, LineChunk(chunk.first_line + 1, rest)


def check_header(header: list[str], columns: Sequence[Column], file: str) -> None:
    """Refuse a header that lacks a required column or has one twice.

    Raises:
        TraceError: with one problem per missing or doubled column.
    """
    problems = []
    for column in columns:
        if column.required and column.header not in header:
            got = "columns " + ",".join(header)[:120]
            hint = nearest_hint(column.header, header)
            expected = f"a column {column.header!r}"
            problems.append(Problem(column.header, got, expected, file, 1, hint=hint))
        elif header.count(column.header) > 1:
            problems.append(Problem(column.header, "the column twice", "each column once", file, 1))
    if problems:
        raise TraceError(problems)


def _to_rows(
    table: Table, header: list[str], columns: Sequence[Column], origin_ns: int | None
) -> tuple[RawRows, int | None]:
    place = {c.target: header.index(c.header) for c in columns if c.header in header}
    numbers: dict[str, FloatArray] = {}
    labels: dict[str, Labels] = {}
    for column in columns:
        at = place.get(column.target)
        if at is None or header[at] != column.header:
            continue
        if column.kind == "number":
            numbers[column.target] = parse_numbers(table, at)
        elif column.kind == "label":
            labels[column.target] = Labels(*parse_labels(table, at))
        else:
            numbers[column.target], origin_ns = _relative_s(table, at, origin_ns)
    raw = RawRows(
        line=table.line,
        arrival_s=numbers.pop("arrival_s", np.full(len(table.line), np.nan)),
        input_tokens=numbers.pop("input_tokens"),
        output_tokens=numbers.pop("output_tokens"),
        quote=lambda row, target: (header[place[target]], repr(table.text(row, place[target]))),
        time_form=_TIME_FORMS[_kind_of("arrival_s", columns)],
        extras=numbers,
        labels=labels,
    )
    if origin_ns is None:
        return raw, None
    return replace(raw, origin_unix_s=origin_ns / NANOSECONDS), origin_ns


def _kind_of(target: str, columns: Sequence[Column]) -> str:
    return next((column.kind for column in columns if column.target == target), "number")


def _relative_s(table: Table, column: int, origin_ns: int | None) -> tuple[Any, int | None]:
    """Return seconds since the first valid stamp of the file, NaN for what is no stamp."""
    stamps, valid = parse_clock(table, column)
    if origin_ns is None and valid.any():
        origin_ns = int(stamps[valid][0])
    relative = (stamps - (origin_ns or 0)) / NANOSECONDS
    return np.where(valid, relative, np.nan), origin_ns
