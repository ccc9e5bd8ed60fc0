"""``validate``, ``show``, ``schema`` and ``catalog``: what is understood before anything runs."""

from __future__ import annotations

import json

import pytest

SHIPPED_TOPOLOGIES = ["single-hall", "three-tier", "wide-60"]


def test_validate_says_ok_on_standard_output(loadbank, scenario):
    outcome = loadbank("validate", scenario)
    assert outcome.code == 0
    assert outcome.out == "small: ok\n"


@pytest.mark.parametrize("name", SHIPPED_TOPOLOGIES)
def test_a_shipped_topology_is_valid_and_can_be_shown(loadbank, name):
    assert loadbank("validate", name).out == f"{name}: ok\n"
    shown = loadbank("show", name)
    assert shown.code == 0
    assert "sites" in shown.out
    assert "links" in shown.out
    assert json.loads(loadbank("show", name, "--json").out)["name"] == name


def test_the_quickstart_is_valid_and_can_be_shown(loadbank):
    assert loadbank("validate", "quickstart").out == "quickstart: ok\n"
    shown = json.loads(loadbank("show", "quickstart", "--json").out)
    assert [site["name"] for site in shown["sites"]] == ["metro-fra", "remote-lulea", "edge-london"]
    for site in shown["sites"]:
        assert 0.0 < site["idle_w"] < site["peak_w"]


def test_warnings_go_to_standard_error(loadbank, scenario):
    overload = ("--set", "traffic.chat.arrivals.rate=100000 req/s")
    for verb in ("validate", "show"):
        outcome = loadbank(verb, scenario, *overload)
        assert outcome.code == 0
        assert "queues will grow" in outcome.err
        assert "queues will grow" not in outcome.out


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ("tiers.premium.slo.ttft=1 us", "ttft 1e-06 s is below"),
        ("tiers.premium.slo.tpot=1 us", "tpot 1e-06 s is below"),
        ("topology.sites.metro.power_limit=5 kW", "above its limit of 5 kW"),
    ],
)
def test_what_cannot_work_is_a_warning(loadbank, scenario, change, warning):
    outcome = loadbank("show", scenario, "--set", change)
    assert outcome.code == 0
    assert warning in outcome.err


def test_show_knows_load_and_capacity(loadbank, scenario):
    shown = json.loads(loadbank("show", scenario, "--json").out)
    rates = {load["tier"]: load["requests_per_s"] for load in shown["loads"]}
    assert rates["premium"] == pytest.approx(0.3 * 50.0, rel=0.5)
    assert sum(rates.values()) == pytest.approx(50.0, rel=0.25)
    (pool,) = shown["pools"]
    assert (pool["replicas"], pool["accelerator"], pool["cooling"]) == (4, "h100-sxm", "air")
    for load in shown["loads"]:
        assert (load["input_tokens"], load["output_tokens"]) == (200.0, 40.0)
        assert 0.0 < load["requests_per_s"] < load["capacity_per_s"]


def test_show_makes_no_file(loadbank, scenario, folder):
    loadbank("show", scenario)
    assert list(folder.iterdir()) == [scenario]


@pytest.mark.parametrize("kind", ["scenario", "topology"])
def test_schema_is_a_json_schema(loadbank, kind):
    schema = json.loads(loadbank("schema", kind).out)
    assert schema["type"] == "object"
    assert "properties" in schema


def test_the_catalogue_lists_every_section(loadbank):
    outcome = loadbank("catalog")
    assert outcome.code == 0
    for section in ("accelerators", "models", "nodes", "racks", "regions"):
        assert f"{section} (" in outcome.out


def test_an_entry_shows_every_number_with_its_source(loadbank):
    (entry,) = json.loads(loadbank("catalog", "accelerators", "h100-sxm", "--json").out)
    assert entry["name"] == "h100-sxm"
    numbers = {number["field"]: number for number in entry["numbers"]}
    assert numbers["tdp_w"]["value"] == 700.0
    kinds = {"measured", "fitted", "vendor", "analyst", "guess"}
    assert all(n["kind"] in kinds and n["source"] and n["date"] for n in entry["numbers"])
    assert "700" in loadbank("catalog", "accelerators", "h100-sxm").out


def test_a_name_is_looked_for_in_every_section(loadbank):
    rows = json.loads(loadbank("catalog", "hgx-h100-liquid", "--json").out)
    assert [(row["section"], row["name"]) for row in rows] == [("racks", "hgx-h100-liquid")]
    sections = {row["section"] for row in json.loads(loadbank("catalog", "H100", "--json").out)}
    assert sections == {"accelerators", "nodes", "racks"}


def test_the_catalogue_can_be_filtered_by_kind(loadbank):
    rows = json.loads(loadbank("catalog", "--kind", "guess", "--json").out)
    assert rows
    assert {number["kind"] for row in rows for number in row["numbers"]} == {"guess"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["accelerator"], "did you mean 'accelerators'?"),
        (["accelerators", "h1000"], "h1000"),
        (["--kind", "guesses"], "guess"),
    ],
)
def test_what_the_catalogue_does_not_have_is_exit_3(loadbank, arguments, message):
    outcome = loadbank("catalog", *arguments)
    assert (outcome.code, outcome.out) == (3, "")
    assert message in outcome.err
