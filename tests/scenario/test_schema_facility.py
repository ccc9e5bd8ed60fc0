"""The facility section: units, defaults, and what is refused with which words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sim.document.document import from_mapping
from sim.document.validate import validate
from sim.scenario.schema.facility import Cooling, Facility, for_site


def problems(data):
    found = validate(Facility, from_mapping(data)).problems
    return [str(problem) for problem in found]


def test_units_become_si_and_defaults_hold():
    facility = Facility.model_validate(
        {
            "interval": "5 s",
            "start": "2026-07-19T00:00:00+01:00",
            "cooling": {"all": {"supply": "22 degC"}, "oslo": {"air": "in-row"}},
            "grid": {"all": {"price": "80 USD/MWh", "battery": {"capacity": "2 MWh", "charge": "1 MW", "discharge": "1 MW"}}},
            "electrical": {"all": {"ups": {"constant": "2 kW", "redundancy": "2N"}}},
            "curtailment": [{"site": "a", "limit": "1 MW", "from": "1 h", "until": "4 h"}],
        }
    )  # fmt: skip
    assert facility.interval_s == 5.0
    assert facility.start == datetime(2026, 7, 19, tzinfo=timezone(timedelta(hours=1)))
    assert for_site(facility.cooling, "rome", Cooling()).supply_c == 22.0
    assert for_site(facility.cooling, "oslo", Cooling()).supply_c == 22.0  # that of all sites
    assert facility.grid["all"].price_usd_per_kwh == pytest.approx(0.08)
    assert facility.grid["all"].battery.capacity_j == 7.2e9
    assert facility.electrical["all"].ups.constant_w == 2000.0
    assert facility.curtailment[0].until_s == 14_400.0
    assert Facility().control.policy == "none"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"interval": 1}, "interval: got 1, expected a time"),
        ({"interval": "0 s"}, "interval: got '0 s', expected a time from 10 ms to 1 d"),
        ({"start": "2026-07-19T00:00:00"}, "start: got '2026-07-19T00:00:00', expected a time with an offset from UTC"),
        ({"control": {"first": "90 %", "second": "80 %"}}, "control.second: got '80 %', expected a second threshold above the first"),
        ({"control": {"level": "node"}}, "control.level: got 'node', expected 'rack', 'row', 'hall' or 'site'"),
        ({"electrical": {"all": {"ups": {"constant": "-1 W"}}}}, "electrical.all.ups.constant: got '-1 W', expected a power"),
        ({"electrical": {"all": {"ups": {"quadratic": "2 %"}}}}, "electrical.all.ups.quadratic: got '2 %', expected a rating, which quadratic loss refers to"),
        ({"cooling": {"all": {"air": "windows"}}}, "cooling.all.air: got 'windows', expected 'perimeter', 'contained', 'in-row' or 'rear-door'"),
        ({"cooling": {"all": {"suply": "20 degC"}}}, "cooling.all.suply: got unknown key 'suply', expected one of"),
        ({"cooling": {"all": {"supply": "20 K"}}}, "cooling.all.supply: got '20 K', expected a temperature"),
        ({"faults": [{"kind": "chiller", "site": "a"}]}, "faults[0]: got a mapping, expected either at, for a single fault, or mtbf and mttr, for random ones"),
        ({"faults": [{"kind": "chiller", "site": "a", "mtbf": "1 h"}]}, "expected both mtbf and mttr"),
        ({"faults": [{"kind": "roof", "site": "a", "at": "1 s"}]}, "faults[0].kind: got 'roof', expected"),
        ({"curtailment": [{"site": "a", "limit": "1 W", "from": "2 h", "until": "1 h"}]}, "curtailment[0].until: got '1 h', expected a time after `from`"),
        ({"curtailment": [{"name": "x", "site": "a", "limit": "1 W", "from": "0 h", "until": "1 h"}] * 2}, "curtailment[1].name: got 'x', expected a name that no other order has"),
        ({"faults": [{"kind": "ups", "site": "a", "at": "1 s", "units": 0}]}, "faults[0].units: got 0, expected"),
        ({"curtailment": [{"site": "a", "limit": "-1 W", "from": "0 h", "until": "1 h"}]}, "curtailment[0].limit: got '-1 W', expected a power"),
        ({"weather": {"all": {"file": {"path": "t.csv"}}}}, "expected `start`, which files, price windows and panels refer to"),
        ({"grid": {"all": {"price_windows": [{"from": "8:00", "until": "20:00", "price": "1 USD/kWh"}]}}}, "grid.all.price_windows[0].from: got '8:00', expected"),
        ({"grid": {"all": {"battery": {"capacity": "1 MWh"}}}}, "grid.all.battery.charge: got nothing, expected this key, which is required"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(data, message):
    found = problems(data)
    assert any(message in line for line in found), found
