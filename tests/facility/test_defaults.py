"""Defaults of a site merge key by key: saying one thing about a part takes nothing else away."""

from __future__ import annotations

import pytest

from sim import load_scenario, simulate
from sim.scenario.schema import facility as schema

SHORT = ["run.duration=20 s", "run.warmup=0 s", "facility.interval=1 s"]


def loss_kwh(*changes):
    summary = simulate(load_scenario("surge-fleet", [*SHORT, *changes])).summary
    return sum(site["loss_kwh"] for site in summary["facility"].values())


@pytest.mark.parametrize("stage", ["distribution", "ups", "switchboard"])
def test_adding_redundancy_never_lowers_losses(stage):
    plain = loss_kwh()
    assert plain > 0.0
    for redundancy in ("N+1", "2N"):
        path = "facility.electrical"
        assert loss_kwh(f"{path}={{all: {{{stage}: {{redundancy: {redundancy}}}}}}}") >= plain * (
            1.0 - 1e-12
        )
        constant = f"{path}={{all: {{{stage}: {{redundancy: {redundancy}, constant: 500 W}}}}}}"
        assert loss_kwh(constant) > loss_kwh(f"{path}={{all: {{{stage}: {{constant: 500 W}}}}}}")


def test_a_site_keeps_what_is_said_of_all_sites():
    both = {
        "all": schema.Cooling.model_validate({"supply": "20 degC", "margin": "150 %"}),
        "fra": schema.Cooling.model_validate({"supply": "26 degC"}),
    }
    found = schema.for_site(both, "fra", schema.Cooling())
    assert (found.supply_c, found.margin) == (26.0, 1.5)
    assert schema.for_site(both, "par", schema.Cooling()).supply_c == 20.0
