"""Every constant of the physics has a kind and a source, and a run lists those that it guessed."""

from __future__ import annotations

import numpy as np
import pytest

from sim.catalog.catalog import load_catalog
from sim.facility.build.constant_marks import constants, marks_of
from sim.facility.build.constant_marks import sources as own_sources
from sim.facility.build.constants import table
from sim.facility.capping.response import FrequencyResponse
from sim.scenario.schema import facility as schema

KINDS = {"measured", "fitted", "vendor", "analyst", "guess"}
AIR = ("contained",)


def test_every_constant_has_a_kind_a_known_source_and_lies_in_its_range():
    sources = {**load_catalog().sources, **own_sources()}
    for name, constant in constants().items():
        assert constant.mark.kind in KINDS, name
        assert constant.mark.source in sources, name
        assert constant.mark.low <= constant.value <= constant.mark.high, name
    used = {constant.mark.source for constant in constants().values()}
    methods = {**table()["air_methods"], **table()["liquid_methods"]}
    used |= {method["source"] for method in methods.values()}
    used |= {entry["source"] for entry in table()["chillers"].values()}
    assert set(own_sources()) <= used
    for name, method in methods.items():
        assert (method["kind"] in KINDS, method["source"] in sources) == (True, True), name


def test_defaults_of_the_scenario_are_those_of_the_table():
    plain = {
        "control": schema.Control(),
        "electrical": schema.Electrical(),
        "cooling": schema.Cooling(),
        "weather": schema.Weather(),
    }
    for name, constant in constants().items():
        if constant.used_by == "setting":
            section, *steps = name.split(".")
            found = plain[section]
            for step in steps:
                found = getattr(found, step)
            assert found == constant.value, name
    response = FrequencyResponse()
    assert (response.knee, response.exponent, response.lowest) == (0.55, 2.4, 0.3)


def test_a_run_lists_what_it_uses_and_not_what_it_sets():
    marks = marks_of(schema.Facility(), ("a",), AIR)
    assert marks["facility.rack"]["metal_j_per_k"].kind == "guess"
    assert "facility.plate" not in {entry for entry in marks if "j_per_k" in marks[entry]}
    assert marks["facility.methods.contained"]["supply_m3_per_s"].source == "air-balance"
    assert "facility.methods.immersion" not in marks
    assert "proportional" in marks["facility.electrical.ups"]
    given = schema.Facility.model_validate(
        {
            "electrical": {"all": {"ups": {"proportional": "3 %"}}},
            "cooling": {"a": {"heat_rejection": "tower"}},
        }
    )
    marks = marks_of(given, ("a",), ("direct-to-chip",))
    assert "facility.electrical.ups" not in marks
    assert marks["facility.tower"]["cycles"].kind == "guess"
    assert marks["facility.plate"]["j_per_k"].low == pytest.approx(200.0)


def test_a_default_counts_while_one_site_still_has_it():
    some = schema.Facility.model_validate({"cooling": {"a": {"margin": "150 %"}}})
    assert "margin" in marks_of(some, ("a", "b"), AIR)["facility.cooling"]
    every = schema.Facility.model_validate({"cooling": {"all": {"margin": "150 %"}}})
    assert "margin" not in marks_of(every, ("a", "b"), AIR)["facility.cooling"]
    assert np.isclose(every.cooling["all"].margin, 1.5)
