"""What all sections of a scenario share: strict, frozen, and the rule for units in names."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Strict, StringConstraints, model_validator

from sim.document.quantities import BareNumber, refusal

_UNIT = re.compile(
    r"_(usd_per_gb|usd_per_token|usd_per_kwh|usd_per_h|gco2_per_kwh|bytes_per_s|per_s|bps|bytes|tokens|s|w|j|k|c)$"
)
T = TypeVar("T")
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name that the user gives: letters, digits, ``-`` and ``_``."""
Reference = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""A name out of the catalogue or of a shipped file, or a path."""
Text = Annotated[str, StringConstraints(max_length=10_000)]
Names = Annotated[tuple[Name, ...], Strict(False)]


def key_of(attribute: str) -> str:
    """Return the YAML key of an attribute: its name without the unit, ``latency_s`` -> latency."""
    return _UNIT.sub("", attribute)


class Section(BaseModel):
    """A mapping in a scenario file.

    The key of a physical value has no unit and its text has one; the attribute has the unit in its
    name and holds an SI float. A bare number is accepted under the attribute's own name only.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=key_of,
        populate_by_name=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _mark_bare_numbers(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        bare = {}
        for name, field in cls.model_fields.items():
            key = field.alias or name
            value = data.get(key)
            if key != name and isinstance(value, (int, float)) and not isinstance(value, bool):
                bare[key] = BareNumber(value)
        return {**data, **bare} if bare else data


def not_empty(entries: tuple[T, ...]) -> tuple[T, ...]:
    """Return the entries.

    Raises:
        PydanticCustomError: there are none.
    """
    if not entries:
        raise refusal("at least one entry")
    return entries


def sums_to_one(shares: dict[str, float]) -> dict[str, float]:
    """Return the shares.

    Raises:
        PydanticCustomError: they do not sum to 1 (to a part in a million), or one of them is 0.
    """
    total = sum(shares.values())
    if not shares or abs(total - 1.0) > 1e-6:
        written = " + ".join(f"{share:.6g}" for share in shares.values())
        got = f"{written} = {total:.6g}" if shares else "no shares"
        raise refusal("shares that sum to 1", got=got)
    return shares
