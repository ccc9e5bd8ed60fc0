"""Users' catalogue files: what they add to the shipped catalogue and what they override."""

from __future__ import annotations

import pytest

from sim.catalog.catalog import load_catalog
from sim.errors import ScenarioError


@pytest.fixture
def catalog_with(tmp_path, monkeypatch):
    """Return a function that loads the catalogue with users' files on top."""
    monkeypatch.chdir(tmp_path)

    def load(*texts):
        paths = []
        for number, text in enumerate(texts):
            path = tmp_path / f"mine{number or ''}.yaml"
            path.write_text(f"version: 1\n{text}")
            paths.append(path.relative_to(tmp_path))
        return load_catalog(paths)

    return load


def test_an_override_changes_one_number_and_keeps_the_rest(catalog_with):
    before = load_catalog().accelerators["h100-sxm"]
    after = catalog_with("accelerators: {h100-sxm: {power: {idle: 90 W}}}").accelerators["h100-sxm"]
    assert after.idle_w == 90.0
    assert after.prefill_w == before.prefill_w
    assert after.efficiency == before.efficiency
    assert after.sources["tdp_w"] == before.sources["tdp_w"]


def test_unmarked_numbers_of_users_count_as_a_guess_from_their_file(catalog_with):
    catalog = catalog_with("accelerators: {h100-sxm: {power: {idle: 90 W}}}")
    mark = catalog.accelerators["h100-sxm"].sources["idle_w"]
    assert (mark.kind, mark.source, mark.low) == ("guess", "mine.yaml", None)
    assert catalog.sources["mine.yaml"].title == "Given by the user"


def test_marks_of_users_their_own_sources_and_ranges(catalog_with):
    catalog = catalog_with(
        """
sources: {meter: {title: Our meter, where: lab, date: "2026-10"}}
accelerators:
  h100-sxm:
    source: [measured, meter, 10 %]
    tdp: 650 W
    power: {idle: {value: 70 W, range: [60 W, 75 W], note: 14 boards}}
"""
    )
    sources = catalog.accelerators["h100-sxm"].sources
    assert (sources["tdp_w"].low, sources["tdp_w"].high) == pytest.approx((585.0, 715.0))
    idle = sources["idle_w"]
    assert (idle.kind, idle.source, idle.date) == ("measured", "meter", "2026-10")
    assert (idle.low, idle.high, idle.note) == (60.0, 75.0, "14 boards")


def test_a_new_entry_can_start_from_another_and_follows_its_overrides(catalog_with):
    catalog = catalog_with(
        """
accelerators:
  cheap-h100: {like: h100-sxm, title: Second hand, price: 15000 USD}
  h100-sxm: {rent: 1 USD/h}
"""
    )
    cheap, original = (catalog.accelerators[name] for name in ("cheap-h100", "h100-sxm"))
    assert (cheap.title, cheap.price_usd) == ("Second hand", 15000.0)
    assert (cheap.flops, cheap.rent_usd_per_h) == (original.flops, 1.0)
    assert original.price_usd == 27500.0


def test_the_last_file_goes_first(catalog_with):
    first, second = (f"regions: {{germany: {{carbon: {g} gCO2/kWh}}}}" for g in (100, 200))
    assert catalog_with(first, second).regions["germany"].gco2_per_kwh == 200.0
    assert catalog_with(second, first).regions["germany"].gco2_per_kwh == 100.0


def test_a_node_and_rack_of_ones_own(catalog_with):
    catalog = catalog_with(
        """
nodes:
  two-l4:
    {title: two, cooling: air, accelerator: l4, count: 2, fixed: 100 W, network: 10 W,
     fans: {nameplate: 20 W}, psu: {rated: 1 kW, efficiency: {10 %: 0.9, 100 %: 0.9}}}
racks:
  small: {title: small, node: two-l4, nodes: 3, limit: 2 kW}
"""
    )
    node, rack = catalog.nodes["two-l4"], catalog.racks["small"]
    assert (node.accelerator_tdp_w, node.accelerator_idle_w) == (72.0, 14.0)
    assert (rack.nodes, rack.cooling, rack.scale_up, rack.base_w) == (3, None, "node", 500.0)
    # An own curve joins the default points; 5 % stays at 0.886, between points it is linear.
    assert dict(zip(node.psu_load, node.psu_efficiency, strict=True))[0.05] == 0.886


def test_sections_by_name():
    catalog = load_catalog()
    assert catalog.entries("racks") is catalog.racks
    with pytest.raises(ScenarioError, match=r"got 'rack'.*did you mean 'racks'"):
        catalog.entries("rack")
