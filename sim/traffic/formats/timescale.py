"""One rule for the unit of times that a file gives as plain numbers, for every reader."""

from __future__ import annotations

CALENDAR_S = 1e8
"""A clock that begins later counts from 1970; relative ones of real traces end long before."""
LATEST_S = 4_102_444_800.0
"""2100-01-01: a later time of seconds since 1970 is one in another unit [s]."""
_EARLIEST_S = 946_684_800.0  # 2000-01-01: before any log of a language model
_UNITS = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}


def what_was_meant(time_s: float) -> str:
    """Return what a time beyond `LATEST_S` looks like, for the end of a message.

    Args:
        time_s: the number of the file, read as seconds since 1970.
    """
    for unit, per_s in _UNITS.items():
        if _EARLIEST_S <= time_s / per_s <= LATEST_S:
            return f"this looks like {unit} since 1970: divide it by {per_s:,.0f}"
    return "no unit makes it a time between 2000 and 2100"
