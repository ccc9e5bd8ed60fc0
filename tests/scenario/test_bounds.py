"""Values that no plant and no service has are refused; possible but unlikely ones are remarked on."""

from __future__ import annotations

import math
import re

import pytest

from sim import units
from sim.catalog import fields
from sim.errors import ScenarioError
from sim.load import load_scenario
from sim.scenario.checks.plausible import unusual_values

# One value far beyond what exists for each kind of quantity and of plain number.
NONSENSE = [
    "run.duration=1e300 s",
    "run.duration=1e12 s",
    "traffic.chat.arrivals.rate=1e12 req/s",
    "traffic.chat.lengths.lognormal.input.mean=1e300 tokens",
    "traffic.chat.lengths.lognormal.input.cv=1000000000.0",
    "tiers.premium.slo.ttft=1e300 s",
    "topology.links.0.latency=1e300 ms",
    "topology.links.0.egress=1e300 USD/GB",
    "topology.sites.metro-fra.power_limit=1e300 GW",
    "pools.metro.replicas=100000000000000000000000000000",
    "pools.metro.step_time_factor=0.000001",
    "pools.metro.autoscaling={policy: reactive, interval: 1 ns}",
    "facility={interval: 1 ns}",
    "facility={interval: 1e300 s}",
    "facility={weather: {all: {mean: 2000 degC}}}",
    "facility={weather: {all: {dew_point: 90 degC}}}",
    "constants.accelerators.h100-sxm.power.idle=5000 W",
    "constants.accelerators.h100-sxm.power.idle=0 W",
    "constants.accelerators.h100-sxm.memory=1e300 B",
    "constants.accelerators.h100-sxm.bandwidth=1e300 B/s",
    "constants.regions.germany.price=1e300 USD/kWh",
    "traffic.chat.client={retries: 1000000000}",
    "traffic.chat.client={timeout: 1 ns}",
    "traffic.chat.client={retries: 1, timeout: 1 s, backoff: {factor: 1e300}}",
]


@pytest.mark.parametrize("change", NONSENSE)
def test_nonsense_is_refused(change):
    with pytest.raises(ScenarioError):
        load_scenario("surge-fleet", [change])


@pytest.mark.parametrize("kind", [*units.KINDS, fields.COMPUTE_RATE], ids=lambda k: k.name)
def test_every_kind_has_bounds_and_its_example_is_usual(kind):
    value = units.parse(kind.example, kind)
    assert math.isfinite(kind.largest)
    assert kind.usual[0] <= value <= min(kind.usual[1], kind.largest)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "topology.links.0.bandwidth=100 bps",
            r"links.*bandwidth is 100 bps, unusually small",
        ),
        (
            "topology.sites.metro-fra.power_limit=900 GW",
            r"metro-fra.power_limit is 900 GW, unusually large",
        ),
        ("tiers.premium.price={input: 500000 USD/Mtoken, output: 1 USD/Mtoken}", "unusually large"),
    ],
)
def test_a_slip_of_the_unit_is_remarked_on(change, told):
    scenario = load_scenario("surge-fleet", [change])
    (warning,) = unusual_values(scenario)
    assert re.search(told, warning)


@pytest.mark.parametrize("name", ["surge-fleet", "quickstart", "heat-wave", "scaling-week"])
def test_nothing_is_remarked_on_in_shipped_scenarios(name):
    assert list(unusual_values(load_scenario(name))) == []


def test_a_run_that_nobody_waits_for_is_refused_before_it_starts():
    with pytest.raises(ScenarioError, match=r"1.89e\+10 requests in .*, expected at most 1e\+10"):
        load_scenario("surge-fleet", ["run.duration=365 d", "traffic.chat.arrivals.rate=600 req/s"])
    with pytest.raises(ScenarioError, match=r"facility.interval.*3.15e\+09 looks"):
        load_scenario(
            "surge-fleet",
            [
                "run.duration=365 d",
                "facility={interval: 10 ms}",
                "traffic.chat.arrivals.rate=1 req/s",
            ],
        )
