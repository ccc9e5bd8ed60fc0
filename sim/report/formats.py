"""How the report writes quantities: three significant digits, a unit, and `–` for no value."""

from __future__ import annotations

import math
from collections.abc import Callable

NOTHING = "–"
GAP = "\u00a0"  # between number and unit, so that a line never ends between them
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0


def number(value: float | None, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant digits and thousands separators."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    if decimals > 8:
        return f"{value:.{digits - 1}e}"
    shown = f"{value:,.{decimals}f}".replace("-", "−")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def count(value: float | None) -> str:
    """Return a whole number with thousands separators."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:,.0f}"


def share(value: float | None, decimals: int = 1) -> str:
    """Return a share of 1 as percent; a share below 1 is never rounded up to 100 %."""
    if value is None or not math.isfinite(value):
        return NOTHING
    while 0 < 1 - value < 0.5 * 10.0 ** -(decimals + 2) and decimals < 6:
        decimals += 1
    shown = f"{100 * value:.{decimals}f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown) + f"{GAP}%"


def share_beside(value: float, other: float, decimals: int = 2) -> str:
    """Return a share with as many digits as tell it apart from another one beside it."""
    while value != other and decimals < 6:
        if round(100 * value, decimals) != round(100 * other, decimals):
            break
        decimals += 1
    return share(value, decimals)


def plural(number: int, noun: str) -> str:
    """Return a count with its noun, such as ``1 site`` or ``2 sites``."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def points(value: float) -> str:
    """Return a difference of two shares in percentage points."""
    size = number(abs(100 * value), 2)
    return f"{size}{GAP}point" if size == "1" else f"{size}{GAP}points"


def _scaled(value: float | None, steps: tuple[tuple[float, str], ...]) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    for factor, unit in steps[:-1]:
        # 0.9995: what rounds to 1.00 of the larger unit is shown in it
        if size >= 0.9995 * factor:
            return f"{number(value / factor)}{GAP}{unit}"
    factor, unit = steps[-1]
    return f"{number(value / factor)}{GAP}{unit}"


def duration(seconds: float | None) -> str:
    """Return a latency [s] in µs, ms or s."""
    if seconds == 0:
        return f"0{GAP}s"
    return _scaled(seconds, ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")))


def span(seconds: float | None) -> str:
    """Return a stretch of time [s] in the unit in which people would say it."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    for factor, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= 2 * factor:
            return f"{number(seconds / factor)}{GAP}{unit}"
    return duration(seconds)


def moment(seconds: float) -> str:
    """Return a time since the start of the run [s] as people say it: ``2 min 27 s``, ``3 h``."""
    steps = ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min"))
    for (factor, unit), (below, smaller) in zip(steps, (*steps[1:], (1.0, "s")), strict=True):
        if round(seconds) >= factor:
            whole, rest = divmod(round(seconds), round(factor))
            parts = round(rest / below)
            more = f" {parts}{GAP}{smaller}" if parts else ""
            return f"{whole}{GAP}{unit}{more}"
    return duration(seconds)


def usd(value: float | None) -> str:
    """Return an amount of money [USD]."""
    return NOTHING if value is None or not math.isfinite(value) else f"{number(value)}{GAP}USD"


def power(watts: float | None) -> str:
    """Return a power [W] in W, kW or MW."""
    return _scaled(watts, ((1e6, "MW"), (1e3, "kW"), (1.0, "W")))


def energy(kwh: float | None) -> str:
    """Return an energy [kWh] in Wh, kWh, MWh or GWh."""
    return _scaled(kwh, ((1e6, "GWh"), (1e3, "MWh"), (1.0, "kWh"), (1e-3, "Wh")))


def mass(grams: float | None) -> str:
    """Return a mass [g] in g, kg or t."""
    return _scaled(grams, ((1e6, "t"), (1e3, "kg"), (1.0, "g")))


def celsius(degrees: float | None) -> str:
    """Return a temperature [degC]."""
    return NOTHING if degrees is None or not math.isfinite(degrees) else f"{degrees:.1f}{GAP}°C"


def power_kw(kilowatts: float | None) -> str:
    """Return a power given in kW, as the summary gives it."""
    return power(None if kilowatts is None else 1e3 * kilowatts)


# Read-outs in the browser use the same units by these names; report.js has their twins.
BY_UNIT: dict[str, Callable[[float | None], str]] = {
    "duration": duration,
    "span": span,
    "power": power,
    "share": share,
    "celsius": celsius,
    "number": number,
}
