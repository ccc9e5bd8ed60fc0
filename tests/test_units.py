"""Quantities: text with a unit outside, SI floats inside."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import units
from sim.errors import InputError


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("250 ms", units.TIME, 0.25),
        ("6.54 ms", units.TIME, 0.00654),  # the very float, not one rounding away
        ("0.3ms", units.TIME, 0.0003),
        ("1.5 h", units.TIME, 5400.0),
        ("30 kW", units.POWER, 30_000.0),
        (" 2 MW ", units.POWER, 2e6),
        ("1 kWh", units.ENERGY, 3.6e6),
        ("80 GB", units.DATA, 80e9),
        ("80 GiB", units.DATA, 80 * 2**30),
        ("100 Gbps", units.BIT_RATE, 1e11),
        ("3.35 TB/s", units.BYTE_RATE, 3.35e12),
        ("-5 degC", units.TEMPERATURE, -5.0),
        ("24 °C", units.TEMPERATURE, 24.0),
        ("10 K", units.TEMPERATURE_DIFFERENCE, 10.0),
        ("80 USD/MWh", units.USD_PER_KWH, 0.08),
        ("400 gCO2/kWh", units.CARBON, 400.0),
        ("10 req/s", units.REQUEST_RATE, 10.0),
        ("30 %", units.SHARE, 0.3),
        ("1e3 tokens", units.TOKENS, 1000.0),
    ],
)
def test_parse(text: str, kind: units.Kind, value: float) -> None:
    assert units.parse(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("30", units.POWER, "such as '100 kW' (write '30 W' if that is what was meant)"),
        ("30 kw", units.POWER, "(did you mean 'kW'?)"),
        ("30 mW", units.POWER, "(did you mean 'MW'?)"),
        ("100 Gbps", units.BYTE_RATE, "('Gbps' is the unit of a bandwidth in bits)"),
        ("100 GB/s", units.BIT_RATE, "('GB/s' is the unit of a bandwidth in bytes)"),
        ("24 K", units.TEMPERATURE, "('K' is the unit of a temperature difference)"),
        ("10 degC", units.TEMPERATURE_DIFFERENCE, "('degC' is the unit of a temperature)"),
        ("1e999 W", units.POWER, "(too large)"),
        ("nan W", units.POWER, "got 'nan W', expected a power with its unit"),
        ("", units.POWER, "got '', expected a power with its unit"),
        ("٣ W", units.POWER, "expected a power with its unit"),  # only ASCII digits
        ("1" * 100, units.POWER, "1...', expected a power"),
    ],
)
def test_what_cannot_be_parsed_is_explained(text: str, kind: units.Kind, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        units.parse(text, kind)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (400_000.0, units.POWER, "400 kW"),
        (0.5, units.TIME, "500 ms"),
        (300.0, units.TIME, "5 min"),
        (90.0, units.TIME, "90 s"),
        (0.0, units.TIME, "0 s"),
        (80e9, units.DATA, "80 GB"),
        (80.0 * 2**30, units.DATA, "80 GiB"),
        (-5.0, units.TEMPERATURE, "-5 degC"),
        (0.3, units.SHARE, "30 %"),
        (1e-12, units.TIME, "1e-12 s"),
    ],
)
def test_render(value: float, kind: units.Kind, text: str) -> None:
    assert units.render(value, kind) == text


def test_render_rounds_when_asked() -> None:
    assert units.render(123_456.789, units.POWER, digits=3) == "123 kW"


@given(
    value=st.floats(min_value=-1e30, max_value=1e30, allow_nan=False),
    kind=st.sampled_from(units.KINDS),
)
def test_what_is_rendered_parses_to_the_same_float(value: float, kind: units.Kind) -> None:
    assert units.parse(units.render(value, kind), kind) == value


@given(value=st.floats(min_value=0.0, max_value=1e30), kind=st.sampled_from(units.KINDS))
def test_a_space_before_the_unit_makes_no_difference(value: float, kind: units.Kind) -> None:
    text = units.render(value, kind)
    assert units.parse(text.replace(" ", ""), kind) == units.parse(text, kind)


def test_no_unit_belongs_to_two_kinds() -> None:
    for one, other in itertools.combinations(units.KINDS, 2):
        assert one.units.keys().isdisjoint(other.units)


@pytest.mark.parametrize("kind", units.KINDS, ids=lambda kind: kind.name)
def test_the_example_of_a_kind_can_be_parsed(kind: units.Kind) -> None:
    assert units.parse(kind.example, kind) > 0.0
