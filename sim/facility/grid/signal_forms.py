"""Forms in which carbon and prices are exported: known by their headings, read as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo

_CENTRAL = {"CET": 1, "CEST": 2, "UTC": 0}  # hours ahead of UTC, as ENTSO-E marks repeated hours


@dataclass(frozen=True, slots=True)
class FileForm:
    """Which columns of a file matter, and what its headings say of them.

    Attributes:
        time: column with the time stamps.
        value: column with the values.
        unit: unit that the headings state, or None.
        zone: IANA zone that they state, or None.
        intervals: whether stamps are intervals ``01.01.2026 00:00 - 01.01.2026 01:00``.
    """

    time: str
    value: str
    unit: str | None = None
    zone: str | None = None
    intervals: bool = False


def file_form(columns: Sequence[str]) -> FileForm | None:
    """Return the form of an export by its columns; None for one that is not known.

    Electricity Maps (life-cycle intensity before direct), ENTSO-E day-ahead prices, gridstatus
    (interval start and LMP or SPP, USD/MWh).
    """
    if {"timestamp", "value"} <= set(columns):
        return FileForm("timestamp", "value")
    plain = {" ".join(name.lower().replace("_", " ").split()): name for name in columns}
    carbon = [name for text, name in plain.items() if text.startswith("carbon intensity gco")]
    if "datetime (utc)" in plain and carbon:
        whole = [n for n in carbon if re.search(r"life cycle|lca", n.lower())]
        return FileForm(plain["datetime (utc)"], (whole or carbon)[0], "gCO2/kWh", "UTC")
    period = next((text for text in plain if text.startswith("mtu")), None)
    price = next((t for t in plain if "price" in t and re.search(r"eur\s*/\s*mwh", t)), None)
    if period is not None and price is not None:
        zone = "UTC" if "utc" in period else "Europe/Brussels"
        return FileForm(plain[period], plain[price], "EUR/MWh", zone, intervals=True)
    start = next((plain[t] for t in ("interval start utc", "interval start") if t in plain), None)
    market = next((plain[t] for t in ("lmp", "spp", "price") if t in plain), None)
    if start is not None and market is not None:
        return FileForm(start, market, "USD/MWh")
    return None


def stamp_and_zone(text: str, form: FileForm) -> tuple[str, tzinfo | None]:
    """Return a time stamp as ISO 8601, and the zone that it names itself, if any.

    Args:
        text: as the file has it.
        form: form of the file.
    """
    if not form.intervals:
        return text, None
    first = text.split(" - ", maxsplit=1)[0].strip()
    found = re.fullmatch(
        r"(\d\d)[./](\d\d)[./](\d{4})\s+(\d\d:\d\d(?::\d\d)?)(?:\s*\((\w+)\))?", first
    )
    if found is None:
        return first, None
    day, month, year, clock, name = found.groups()
    own = timezone(timedelta(hours=_CENTRAL[name])) if name in _CENTRAL else None
    return f"{year}-{month}-{day}T{clock}", own
