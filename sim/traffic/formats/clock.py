"""Wall-clock time stamps to whole nanoseconds, exact and mixed in form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import IntArray
from sim.traffic.formats.fields import Bytes, Mask, Table

NANOSECONDS = 1_000_000_000
_SECOND_END = 19  # length of 2023-11-16 18:15:46
_LONGEST = _SECOND_END + 10 + 6  # nine fractional digits with their dot, and +00:00
_MARKS = {4: b"-", 7: b"-", 10: b" T", 13: b":", 16: b":"}
_DIGITS = np.array([i for i in range(_SECOND_END) if i not in _MARKS])
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def parse_clock(table: Table, column: int) -> tuple[IntArray, Mask]:
    """Return a column of time stamps in nanoseconds since 1970, and which rows were valid.

    Accepts ``2023-11-16 18:15:46``, a ``T`` for the space, up to nine fractional digits and
    ``Z`` or an offset such as ``+00:00``, in any mix; a stamp without zone counts as UTC.
    """
    start, end = table.start[:, column], table.end[:, column]
    widths = end - start
    index = np.minimum(start[:, None] + np.arange(_LONGEST), len(table.data) - 1)
    text = np.where(np.arange(_LONGEST) < widths[:, None], table.data[index], 0)
    digits = text.astype(np.int64) - ord("0")
    valid = (widths >= _SECOND_END) & (widths <= _LONGEST)
    valid &= _in_range(digits[:, _DIGITS]).all(axis=1)
    for place, marks in _MARKS.items():
        valid &= np.isin(text[:, place], np.frombuffer(marks, dtype=np.uint8))
    seconds, real = _seconds(np.where(_in_range(digits), digits, 0))
    fraction, zone_at = _fraction(text, digits)
    offset, zone_ok = _zone(text, digits, zone_at, widths)
    stamps = (seconds - offset) * NANOSECONDS + fraction
    valid &= real & zone_ok
    return np.where(valid, stamps, 0), valid


def _in_range(digits: IntArray) -> Mask:
    return np.asarray((digits >= 0) & (digits <= 9))


def _seconds(digits: IntArray) -> tuple[IntArray, Mask]:
    """Return seconds since 1970 of the first nineteen characters, and which dates exist."""

    def number(first: int, last: int) -> IntArray:
        return np.asarray(digits[:, first:last] @ 10 ** np.arange(last - first - 1, -1, -1))

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    hour, minute, second = number(11, 13), number(14, 16), number(17, 19)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    month_ok = (month >= 1) & (month <= 12)
    longest = _DAYS[np.clip(month, 1, 12) - 1] + (leap & (month == 2))
    real = month_ok & (day >= 1) & (day <= longest)
    real &= (hour < 24) & (minute < 60) & (second < 60)
    months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    return days * 86_400 + hour * 3600 + minute * 60 + second, real


def _fraction(text: Bytes, digits: IntArray) -> tuple[IntArray, IntArray]:
    """Return the fraction in nanoseconds and the position at which the zone would start."""
    nanoseconds = np.zeros(len(text), dtype=np.int64)
    reading = text[:, _SECOND_END] == ord(".")
    length = reading.astype(np.int64)
    for place in range(_SECOND_END + 1, _SECOND_END + 10):
        reading = reading & _in_range(digits[:, place])
        weight = 10 ** (_SECOND_END + 9 - place)
        nanoseconds += np.where(reading, digits[:, place] * weight, 0)
        length += reading
    bare_dot = length == 1  # "46." has no digits; leave the dot to fail as a zone
    return nanoseconds, _SECOND_END + np.where(bare_dot, 0, length)


def _zone(
    text: Bytes, digits: IntArray, zone_at: IntArray, widths: IntArray
) -> tuple[IntArray, Mask]:
    """Return the zone's offset from UTC [s] and which zones are well formed."""
    rows = np.arange(len(text))

    def at(matrix: NDArray[np.int64] | Bytes, place: int) -> IntArray:
        return matrix[rows, np.minimum(zone_at + place, _LONGEST - 1)].astype(np.int64)

    left = widths - zone_at
    first = at(text, 0)
    none = left == 0
    utc = (left == 1) & (first == ord("Z"))
    signed = (left == 6) & ((first == ord("+")) | (first == ord("-")))
    hours = at(digits, 1) * 10 + at(digits, 2)
    minutes = at(digits, 4) * 10 + at(digits, 5)
    figures = [_in_range(at(digits, place)) for place in (1, 2, 4, 5)]
    signed &= np.logical_and.reduce(figures) & (at(text, 3) == ord(":"))
    signed &= (hours < 24) & (minutes < 60)
    offset = np.where(signed, hours * 3600 + minutes * 60, 0)
    return np.where(first == ord("-"), -offset, offset), none | utc | signed
