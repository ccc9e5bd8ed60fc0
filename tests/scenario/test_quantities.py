"""Field types for physical values."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sim.document.quantities import (
    Celsius,
    Kelvins,
    PositiveWatts,
    Seconds,
    Share,
    TokenCount,
    UsdPerKwh,
)
from sim.scenario.schema.base import Section, key_of


class Probe(Section):
    """A section with a field of each interesting type."""

    time_s: Seconds | None = None
    limit_w: PositiveWatts | None = None
    inlet_c: Celsius | None = None
    rise_k: Kelvins | None = None
    price_usd_per_kwh: UsdPerKwh | None = None
    length_tokens: TokenCount | None = None
    share: Share | None = None


@pytest.mark.parametrize(
    ("data", "attribute", "value"),
    [
        ({"time": "250 ms"}, "time_s", 0.25),
        ({"time_s": 0.25}, "time_s", 0.25),
        ({"time_s": 3}, "time_s", 3.0),
        ({"time": "0 s"}, "time_s", 0.0),
        ({"limit": "1 W"}, "limit_w", 1.0),
        ({"inlet": "-5 degC"}, "inlet_c", -5.0),
        ({"rise": "10 K"}, "rise_k", 10.0),
        ({"price": "-20 USD/MWh"}, "price_usd_per_kwh", -0.02),
        ({"length": "512 tokens"}, "length_tokens", 512),
        ({"share": "30 %"}, "share", 0.3),
        ({"share": 0.3}, "share", 0.3),
        ({"share": 1}, "share", 1.0),
        ({"time": None}, "time_s", None),
    ],
)
def test_accepted(data: dict[str, Any], attribute: str, value: Any) -> None:
    found = getattr(Probe.model_validate(data), attribute)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("data", "expected", "hint"),
    [
        ({"time": 5}, "a time with its unit, such as '250 ms'", "write '5 s' if"),
        ({"time": True}, "a time with its unit, such as '250 ms'", ""),
        ({"time_s": True}, "a time with its unit, such as '250 ms'", ""),
        ({"time": ["5 s"]}, "a time with its unit, such as '250 ms'", ""),
        ({"time": "-5 s"}, "a time from 0 s up", ""),
        ({"time_s": float("nan")}, "a time from 0 s up", ""),
        ({"time_s": float("inf")}, "a time from 0 s up", ""),
        ({"limit": "0 W"}, "a power above 0 W", ""),
        ({"inlet": "24 K"}, "a temperature with its unit, such as '24 degC'", "'K' is the unit"),
        ({"inlet": "-300 degC"}, "a temperature from -273.15 degC up", ""),
        ({"price_usd_per_kwh": float("inf")}, "an energy price that is finite", ""),
        ({"price": "201 USD/kWh"}, "an energy price of at most 200 USD/kWh", ""),
        ({"price": "-1e300 USD/kWh"}, "an energy price of at most 200 USD/kWh", ""),
        ({"time": "36501 d"}, "a time of at most 36500 d", ""),
        ({"inlet": "2000 degC"}, "a temperature of at most 1000 degC", ""),
        ({"length": "1.5 tokens"}, "a number of tokens without a fraction", ""),
        ({"length": "0 tokens"}, "a number of tokens from 1 tokens up", ""),
        ({"share": 30}, "a share from 0 % to 100 %", ""),
        ({"share": "30"}, "a share, such as '30 %'", "write '30 %' if"),
    ],
)
def test_refused(data: dict[str, Any], expected: str, hint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Probe.model_validate(data)
    [error] = caught.value.errors()
    assert error["ctx"]["expected"] == expected
    assert error["ctx"]["hint"].startswith(hint)


def test_written_with_units_and_read_again() -> None:
    probe = Probe(time_s=0.25, limit_w=3e5, inlet_c=24.5, share=1 / 3, length_tokens=2000)  # type: ignore[call-arg]
    text = probe.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert text["limit"] == "300 kW"
    assert text["length"] == "2 ktokens"
    assert Probe.model_validate(text) == probe


@pytest.mark.parametrize(
    ("attribute", "key"),
    [
        ("latency_s", "latency"),
        ("rate_per_s", "rate"),
        ("egress_usd_per_gb", "egress"),
        ("link_bytes_per_s", "link"),
        ("from_s", "from"),
        ("replicas", "replicas"),
        ("series_interval_s", "series_interval"),
    ],
)
def test_the_key_is_the_attribute_without_its_unit(attribute: str, key: str) -> None:
    assert key_of(attribute) == key
