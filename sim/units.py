"""Quantities as text with a unit on the outside, SI floats on the inside.

Bits and bytes never share a symbol, and K (a difference) and degC (a temperature) are different
kinds. Factors are decimal, so ``6.54 ms`` is exactly the float that Python reads as 0.00654.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal

from sim.errors import InputError, Problem

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
_QUANTITY = re.compile(rf"\s*({NUMBER})\s*([^\d\s].*?)?\s*", re.ASCII)
_LONGEST = 64

J_PER_KWH = 3.6e6
W_PER_KW = 1e3
S_PER_H = 3600.0
H_PER_YEAR = 8766.0  # a mean year of 365.25 days
H_PER_MONTH = H_PER_YEAR / 12.0
S_PER_Y = S_PER_H * H_PER_YEAR
TOKENS_PER_MTOKEN = 1e6
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of quantity: what it is called, the units it may be written in, and how large it gets.

    Attributes:
        name: noun for messages, such as ``a power``.
        example: a value as users write it.
        units: factor from each unit to the SI unit that the code uses.
        largest: no value of this kind is beyond it, up or down, in the SI unit.
        usual: least and greatest value above zero that anybody is likely to mean, in the SI unit;
            outside of it a reader of the scenario is warned.
    """

    name: str
    example: str
    units: Mapping[str, Decimal] = field(hash=False)
    largest: float = math.inf
    usual: tuple[float, float] = (0.0, math.inf)

    @property
    def expected(self) -> str:
        """What a message says is expected."""
        return f"{self.name} with its unit, such as '{self.example}'"


def _kind(name: str, example: str, table: str, largest: float, usual: tuple[float, float]) -> Kind:
    pairs = (entry.rsplit("=", 1) for entry in table.split())
    factors = {unit.replace("_", " "): Decimal(to) for unit, to in pairs}
    return Kind(name, example, factors, largest, usual)


# The last two columns are what no plant and no service has, and what a slip of a unit looks like:
# a century; a terawatt (the world's electricity is 3); all data of the world; the rate of all its
# networks; the surface of the sun; the dearest hour any market has settled at, times ten.
TIME = _kind(
    "a time",
    "250 ms",
    "s=1 ms=0.001 us=1e-6 µs=1e-6 ns=1e-9 min=60 h=3600 d=86400 y=31557600",
    36500 * 86400.0,
    (0, 20 * 365 * 86400.0),
)
POWER = _kind("a power", "100 kW", "W=1 kW=1e3 MW=1e6 GW=1e9", 1e12, (1e-3, 2e10))
ENERGY = _kind(
    "an energy",
    "40 kWh",
    "J=1 kJ=1e3 MJ=1e6 Wh=3600 kWh=3.6e6 MWh=3.6e9 GWh=3.6e12",
    3.6e18,
    (1, 3.6e15),
)
DATA = _kind(
    "an amount of data",
    "80 GB",
    "B=1 kB=1e3 MB=1e6 GB=1e9 TB=1e12 KiB=1024 MiB=1048576 GiB=1073741824 TiB=1099511627776",
    1e21,
    (1, 1e18),
)
BIT_RATE = _kind(
    "a bandwidth in bits",
    "100 Gbps",
    "bps=1 kbps=1e3 Mbps=1e6 Gbps=1e9 Tbps=1e12 bit/s=1 kbit/s=1e3 Mbit/s=1e6 Gbit/s=1e9",
    1e18,
    (1e5, 1e15),
)
BYTE_RATE = _kind(
    "a bandwidth in bytes",
    "3.35 TB/s",
    "B/s=1 kB/s=1e3 MB/s=1e6 GB/s=1e9 TB/s=1e12",
    1e18,
    (1e6, 1e15),
)
TEMPERATURE = _kind("a temperature", "24 degC", "degC=1 °C=1", 1000.0, (-60.0, 130.0))
TEMPERATURE_DIFFERENCE = _kind("a temperature difference", "10 K", "K=1", 500.0, (0, 80.0))
AIR_FLOW = _kind(
    "an air flow", "1.9 m3/s", "m3/s=1 L/s=0.001 CFM=0.000471947443", 1e4, (1e-3, 100.0)
)
USD_PER_GB = _kind("a price of data", "0.05 USD/GB", "USD/GB=1 USD/TB=0.001", 1e4, (0, 5.0))
USD_PER_TOKEN = _kind(
    "a price of tokens", "2 USD/Mtoken", "USD/Mtoken=1e-6 USD/ktoken=1e-3", 1.0, (1e-11, 1e-3)
)
USD_PER_H = _kind("a price per hour", "2.95 USD/h", "USD/h=1", 1e7, (1e-4, 1e3))
USD = _kind("a price", "25000 USD", "USD=1", 1e12, (0, 1e9))
USD_PER_W = _kind(
    "a price of power", "11700 USD/kW", "USD/kW=0.001 USD/MW=1e-6 USD/W=1", 1e4, (1e-6, 100.0)
)
USD_PER_W_MONTH = _kind(
    "a rent of power",
    "174 USD/kW-month",
    "USD/kW-month=0.001 USD/MW-month=1e-6 USD/kW-year=8.333333333333333e-5",
    10.0,
    (1e-6, 5.0),
)
USD_PER_KWH = _kind(
    "an energy price", "0.08 USD/kWh", "USD/kWh=1 USD/MWh=0.001", 200.0, (1e-4, 5.0)
)
CARBON = _kind("a carbon intensity", "400 gCO2/kWh", "gCO2/kWh=1 kgCO2/MWh=1", 1e4, (0, 1500.0))
REQUEST_RATE = _kind("a request rate", "10 req/s", "req/s=1", 1e8, (1e-7, 1e6))
TOKEN_RATE = _kind("a token rate", "1000 tokens/s", "tokens/s=1 ktokens/s=1e3", 1e13, (1e-3, 1e11))
TOKENS = _kind(
    "a number of tokens", "512 tokens", "tokens=1 token=1 ktokens=1e3 Mtokens=1e6", 1e9, (1, 2e7)
)
DAILY_TOKENS = _kind(
    "a number of tokens a day",
    "500 Mtokens/day",
    "tokens/day=1 ktokens/day=1e3 Mtokens/day=1e6 Gtokens/day=1e9 Ttokens/day=1e12",
    1e17,
    (1e3, 1e15),
)
SHARE = _kind("a share", "30 %", "%=0.01", 1e4, (1e-9, 100.0))

KINDS = (
    *(TIME, POWER, ENERGY, DATA, BIT_RATE, BYTE_RATE, TEMPERATURE, TEMPERATURE_DIFFERENCE),
    AIR_FLOW,
    *(USD, USD_PER_W, USD_PER_W_MONTH, USD_PER_GB, USD_PER_TOKEN, USD_PER_H, USD_PER_KWH, CARBON),
    *(REQUEST_RATE, TOKEN_RATE, TOKENS, DAILY_TOKENS, SHARE),
)


def parse(text: str, kind: Kind) -> float:
    """Return the value of a quantity in the SI unit of its kind.

    Args:
        text: a number and a unit, such as ``250 ms``; the space may be left out.
        kind: what it has to be.

    Raises:
        InputError: no number, no unit, a unit of another kind, or a number that floats cannot hold.
    """
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    number, unit = match.groups() if match else ("", "")
    factor = kind.units.get(unit or "")
    value = float(_EXACT.multiply(Decimal(number), factor)) if factor is not None else math.nan
    if math.isfinite(value):
        return value
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    hint = _hint(number, unit or "", kind)
    raise InputError([Problem("", f"{shown!r}", kind.expected, hint=hint)])


def render(value: float, kind: Kind, digits: int | None = None) -> str:
    """Return the quantity as text in the unit of at least one that gives the fewest digits.

    Args:
        value: in the SI unit of the kind.
        kind: what it is.
        digits: significant digits to round to; without it `parse` gives back exactly ``value``.
    """
    exact = Decimal(f"{value:.{digits}g}" if digits else repr(value))
    numbers = ((unit, _EXACT.divide(exact, factor)) for unit, factor in kind.units.items())
    fitting = [(_plain(number), unit) for unit, number in numbers if abs(number) >= 1]
    base = (_plain(exact / next(iter(kind.units.values()))), next(iter(kind.units)))
    number, unit = min(fitting, key=lambda pair: len(pair[0]), default=base)
    return f"{number} {unit}"


def _plain(number: Decimal) -> str:
    short = number.normalize(_EXACT)
    return f"{short:f}" if -8 < short.adjusted() < 16 else f"{short:e}"


def _hint(number: str, unit: str, kind: Kind) -> str:
    if number and not unit:
        return f"write '{number} {next(iter(kind.units))}' if that is what was meant"
    if unit in kind.units:
        return "too large"
    for other in KINDS:
        if unit in other.units:
            return f"{unit!r} is the unit of {other.name}"
    folded = {known.casefold(): known for known in reversed(list(kind.units))}
    close = difflib.get_close_matches(unit.casefold(), folded, n=1, cutoff=0.6) if unit else []
    return f"did you mean {folded[close[0]]!r}?" if close else ""
