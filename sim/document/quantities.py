"""Field types for physical values: text with a unit in files, SI floats in the attributes.

``latency_s: Seconds`` reads the key ``latency`` with a value such as ``2 ms``; a bare number is an
error there. The attribute's own name takes the SI number: ``latency_s=0.002`` from Python.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sim import units
from sim.errors import InputError
from sim.units import Kind


@dataclass(frozen=True, slots=True)
class BareNumber:
    """A number that was written without a unit under a key that needs one."""

    number: float


def refusal(expected: str, hint: str = "", **context: Any) -> PydanticCustomError:
    """Return the error by which a validator says what it expected.

    Args:
        expected: what would have been accepted.
        hint: the next thing to do (may be empty).
        **context: ``got`` replaces the shown value; ``at`` names the key inside the value that is
            to blame. Read by `sim.document.validate`.
    """
    about = {"expected": expected, "hint": hint, **context}
    return PydanticCustomError("refusal", "expected {expected}", about)


@dataclass(frozen=True, slots=True)
class Quantity:
    """Pydantic annotation: text with a unit outside, a float in SI units inside.

    Attributes:
        kind: what is measured and in which units it may be written.
        low: smallest accepted value, in the SI unit.
        high: largest accepted value, in the SI unit.
        above: whether ``low`` itself is refused.
        bare: whether a number needs no unit.
        whole: whether the value has to be a whole number, and is an int inside.
    """

    kind: Kind
    low: float = 0.0
    high: float = math.inf
    above: bool = False
    bare: bool = False
    whole: bool = False

    def read(self, value: Any) -> float:
        """Return the value in the SI unit.

        Args:
            value: text with a unit, or a number that is in the SI unit already.

        Raises:
            PydanticCustomError: it is neither, or outside the bounds.
        """
        hint = ""
        if isinstance(value, str):
            try:
                return self._bounded(units.parse(value, self.kind))
            except InputError as error:
                hint = error.problems[0].hint
        elif isinstance(value, BareNumber):
            hint = f"write '{value.number} {next(iter(self.kind.units))}' if that is what was meant"
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._bounded(float(value))
        example = f", such as '{self.kind.example}'"
        raise refusal(self.kind.name + example if self.bare else self.kind.expected, hint)

    def _bounded(self, value: float) -> float:
        inside = self.low < value if self.above else self.low <= value
        if not (inside and value <= self.high and abs(value) <= self.kind.largest):
            raise refusal(f"{self.kind.name} {self._range(value)}", self._percent_hint(value))
        if not self.whole:
            return value
        if not value.is_integer():
            raise refusal(f"{self.kind.name} without a fraction")
        return int(value)

    def _percent_hint(self, value: float) -> str:
        """Return what a bare number above 1 was meant to be, where parts of one are asked for."""
        if self.bare and self.high == 1.0 and 1.0 < value <= 100.0:
            return f"write '{value:g} %' if that is what was meant"
        return ""

    def _range(self, value: float) -> str:
        largest = self.kind.largest
        if largest < abs(value) < math.inf and self.high > largest:
            return f"of at most {units.render(largest, self.kind)}"
        low, high = (units.render(end, self.kind) for end in (self.low, self.high))
        if not math.isfinite(self.low):
            return "that is finite"
        if math.isfinite(self.high):
            return f"{'above' if self.above else 'from'} {low} to {high}"
        return f"above {low}" if self.above else f"from {low} up"

    def write(self, value: float) -> str:
        """Return the value as text that `read` turns into the same float."""
        return units.render(value, self.kind)

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        writer = core_schema.plain_serializer_function_ser_schema(self.write, when_used="json")
        return core_schema.no_info_plain_validator_function(self.read, serialization=writer)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        symbols = "|".join(re.escape(unit) for unit in self.kind.units)
        number = r"\d+(\.\d*)?([eE][-+]?\d+)?"
        sign = "-?" if self.low < 0 else ""
        text = {
            "type": "string",
            "pattern": rf"^{sign}{number}\s*({symbols})$",
            "examples": [self.kind.example],
        }
        if not self.bare:
            return text
        return {"anyOf": [text, {"type": "number", "minimum": self.low, "maximum": self.high}]}


Seconds = Annotated[float, Quantity(units.TIME)]
PositiveSeconds = Annotated[float, Quantity(units.TIME, above=True)]
Watts = Annotated[float, Quantity(units.POWER)]
PositiveWatts = Annotated[float, Quantity(units.POWER, above=True)]
Joules = Annotated[float, Quantity(units.ENERGY)]
Bytes = Annotated[float, Quantity(units.DATA)]
BitsPerSecond = Annotated[float, Quantity(units.BIT_RATE, above=True)]
BytesPerSecond = Annotated[float, Quantity(units.BYTE_RATE, above=True)]
Celsius = Annotated[float, Quantity(units.TEMPERATURE, low=-273.15)]
Kelvins = Annotated[float, Quantity(units.TEMPERATURE_DIFFERENCE)]
PositiveAirFlow = Annotated[float, Quantity(units.AIR_FLOW, above=True)]
UsdPerGb = Annotated[float, Quantity(units.USD_PER_GB)]
UsdPerToken = Annotated[float, Quantity(units.USD_PER_TOKEN)]
UsdPerHour = Annotated[float, Quantity(units.USD_PER_H)]
UsdPerKwh = Annotated[float, Quantity(units.USD_PER_KWH, low=-math.inf)]
GCo2PerKwh = Annotated[float, Quantity(units.CARBON)]
RequestsPerSecond = Annotated[float, Quantity(units.REQUEST_RATE, above=True)]
RequestsPerSecondOrZero = Annotated[float, Quantity(units.REQUEST_RATE)]
TokensPerSecond = Annotated[float, Quantity(units.TOKEN_RATE, above=True)]
Tokens = Annotated[float, Quantity(units.TOKENS, above=True)]
TokenCount = Annotated[int, Quantity(units.TOKENS, low=1.0, whole=True)]
Share = Annotated[float, Quantity(units.SHARE, high=1.0, bare=True)]
PositiveShare = Annotated[float, Quantity(units.SHARE, high=1.0, above=True, bare=True)]

# Bounds of plain numbers, so that a slip is told at its line and not by a full memory.
PositiveInt = Annotated[int, Field(gt=0, le=10**9)]
NonNegativeInt = Annotated[int, Field(ge=0, le=10**9)]
PositiveFloat = Annotated[float, Field(gt=0.0, le=1e12)]
Variation = Annotated[float, Field(gt=0.0, le=100.0)]
"""A coefficient of variation; the burstiest traces that anybody published have about 10."""
Multiplier = Annotated[float, Field(ge=1e-3, le=1e3)]
"""A factor on something that is right to begin with."""
OutdoorCelsius = Annotated[float, Quantity(units.TEMPERATURE, low=-90.0, high=60.0)]
"""A temperature of the air outside: the records of the Earth are -89 and 57 degC."""
LookSeconds = Annotated[float, Quantity(units.TIME, low=0.01, high=86400.0)]
"""Time between two looks of something that watches and steers."""
