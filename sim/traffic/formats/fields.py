"""Delimited text to numbers, a chunk at a time, without a Python loop per row.

Parsing works on the bytes of a column as a right-aligned matrix of characters. Whatever does
not look like the plain form (exponents, signs, very long numbers) is tried again value by value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import FloatArray, IntArray
from sim.traffic.formats.lines import LineChunk

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_COMMA, _NEWLINE, _QUOTE, _DOT, _ZERO = b',\n".0'
_WIDEST_NUMBER = 15  # decimal digits that a float64 holds exactly
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Table:
    """The well-formed lines of a chunk, as positions of their fields.

    Attributes:
        data: the bytes that the positions point into.
        start: first byte of each field, shape (rows, columns).
        end: one past its last byte, shape (rows, columns).
        line: line number of each row.
        misfits: lines with another number of columns, as (line number, columns found).
    """

    data: Bytes
    start: IntArray
    end: IntArray
    line: IntArray
    misfits: tuple[tuple[int, int], ...]

    def text(self, row: int, column: int) -> str:
        """Return one field as text."""
        raw = self.data[self.start[row, column] : self.end[row, column]]
        return raw.tobytes().decode("utf-8", errors="replace")

    def texts(self, column: int) -> list[str]:
        """Return a column as text."""
        return [self.text(row, column) for row in range(len(self.line))]


def split_fields(chunk: LineChunk, columns: int) -> Table:
    """Find the fields of every line; empty lines are skipped."""
    text = _without_quotes(chunk.data) if _QUOTE in chunk.data else chunk.data
    data = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    commas = np.flatnonzero(data == _COMMA)
    found = np.searchsorted(commas, ends) - np.searchsorted(commas, starts) + 1
    line = chunk.first_line + np.arange(len(ends))
    filled = ends > starts
    fits = filled & (found == columns)
    wrong = np.flatnonzero(filled & ~fits)
    inner = commas[np.repeat(fits, found - 1)].reshape(-1, columns - 1)
    return Table(
        data,
        np.column_stack([starts[fits], inner + 1]),
        np.column_stack([inner, ends[fits]]),
        line[fits],
        tuple(zip(line[wrong].tolist(), found[wrong].tolist(), strict=True)),
    )


def _without_quotes(data: bytes) -> bytes:
    """Return the same lines with quoted fields bare; commas inside quotes become spaces."""
    return b"".join(_bare(line) if b'"' in line else line for line in data.splitlines(True))


def _bare(line: bytes) -> bytes:
    # Every second part is inside quotes; an open quote ends with its line.
    parts = line.split(b'"')
    parts[1::2] = [part.replace(b",", b" ") for part in parts[1::2]]
    return b"".join(parts)


def characters(table: Table, column: int, width: int) -> tuple[Bytes, IntArray]:
    """Return a column right-aligned in a matrix of ``width`` bytes, and the field widths."""
    end = table.end[:, column]
    widths = end - table.start[:, column]
    index = end[:, None] + np.arange(-width, 0)
    matrix = table.data[np.maximum(index, 0)]
    return np.where(np.arange(width, 0, -1) <= widths[:, None], matrix, 0), widths


def parse_numbers(table: Table, column: int) -> FloatArray:
    """Return a column as floats, each rounded once; NaN where it is not a finite number."""
    if len(table.line) == 0:
        return np.empty(0)
    widest = int((table.end[:, column] - table.start[:, column]).max())
    width = min(max(widest, 1), _WIDEST_NUMBER + 1)
    matrix, widths = characters(table, column, width)
    digits = matrix.astype(np.int16) - _ZERO
    is_dot = matrix == _DOT
    is_digit = (digits >= 0) & (digits <= 9)
    plain = (is_digit | is_dot | (matrix == 0)).all(axis=1) & (widths <= width)
    plain &= (is_dot.sum(axis=1) <= 1) & (is_digit.sum(axis=1) >= 1)
    plain &= is_digit.sum(axis=1) <= _WIDEST_NUMBER
    values = _decimal(np.where(is_digit, digits, 0), is_dot)
    for row in np.flatnonzero(~plain).tolist():
        values[row] = parse_number(table.text(row, column))
    return values


def _decimal(digits: NDArray[np.int16], is_dot: Mask) -> FloatArray:
    """Return the numbers spelt by right-aligned digits with at most one dot.

    The digits are one integer below 2**53 and the scale is a power of ten up to 10**15, both
    exact, so the one division rounds correctly (W. D. Clinger, PLDI 1990,
    doi 10.1145/93542.93557).
    """
    width = digits.shape[1]
    power = 10.0 ** np.arange(width - 1, -1, -1)
    whole = digits.astype(np.float64)
    if not is_dot.any():
        return np.asarray(whole @ power)
    after = np.cumsum(is_dot, axis=1) > 0
    fraction_digits = np.where(is_dot.any(axis=1), width - 1 - is_dot.argmax(axis=1), 0)
    fraction = np.where(after, whole, 0.0) @ power
    integer = np.where(after, 0.0, whole) @ power
    scale = 10.0**fraction_digits
    with_dot = is_dot.any(axis=1)
    return np.where(with_dot, (integer / 10.0 + fraction) / scale, integer)


def parse_number(text: str) -> float:
    """Return the number that ``text`` spells, NaN where it is none or not finite."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return float("nan")
    value = float(text)
    return value if np.isfinite(value) else float("nan")


def parse_labels(table: Table, column: int) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return a column of names as codes and the distinct names, in order of their bytes."""
    if len(table.line) == 0:
        return np.empty(0, dtype=np.int32), ()
    widest = int((table.end[:, column] - table.start[:, column]).max())
    if widest == 0:
        return np.zeros(len(table.line), dtype=np.int32), ("",)
    if widest > 256:
        long = [text.strip() for text in table.texts(column)]
        place = {text: code for code, text in enumerate(dict.fromkeys(long))}
        return np.array([place[text] for text in long], dtype=np.int32), tuple(place)
    matrix, _ = characters(table, column, widest)
    keys = np.ascontiguousarray(matrix).view(f"S{widest}").ravel()
    _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    return codes.astype(np.int32), tuple(table.text(int(row), column).strip() for row in first)
