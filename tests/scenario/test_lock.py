"""The lock file loads to the same scenario, and the fingerprint follows its content."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.document.validate import validated
from sim.document.yaml_reader import parse_document
from sim.load import load_scenario
from sim.scenario import shipped
from sim.scenario.lock import lock_text, sha256
from sim.scenario.schema.scenario import Scenario

Small = dict[str, Any]

positive = st.floats(min_value=1e-9, max_value=1e4)
shares = st.integers(0, 1000).map(lambda n: {"north": n / 1000, "south": 1.0 - n / 1000})
changes = st.fixed_dictionaries(
    {
        "description": st.text(max_size=30).filter(lambda text: text.isprintable()),
        "duration_s": positive,
        "latency_s": positive,
        "bandwidth_bps": positive,
        "egress_usd_per_gb": positive,
        "power_limit_w": positive,
        "regions": shares,
        "rate_per_s": positive,
        "cv": st.floats(min_value=1e-3, max_value=100.0),
        "input_tokens": st.integers(1, 10**7),
    }
)


def with_changes(small: Small, change: dict[str, Any]) -> Scenario:
    small = copy.deepcopy(small)
    small["description"] = change["description"]
    small["run"] = {"duration_s": change["duration_s"]}
    link = small["topology"]["links"][0]
    del link["latency"]
    link |= {key: change[key] for key in ("latency_s", "bandwidth_bps", "egress_usd_per_gb")}
    small["topology"]["sites"]["metro"]["power_limit_w"] = change["power_limit_w"]
    chat = small["traffic"]["chat"]
    chat["regions"] = change["regions"]
    chat["arrivals"] = {"process": "gamma"} | {key: change[key] for key in ("rate_per_s", "cv")}
    chat["lengths"]["constant"] = {"input_tokens": change["input_tokens"], "output_tokens": 1}
    return Scenario.model_validate(small)


@given(change=changes)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_lock_loads_to_the_same_scenario(small: Small, change: dict[str, Any]) -> None:
    scenario = with_changes(small, change)
    again = validated(Scenario, parse_document(lock_text(scenario), "lock"))
    assert again == scenario
    assert sha256(again) == sha256(scenario)


def test_the_lock_reads_the_same_in_every_yaml_reader(small: Small) -> None:
    small["name"] = "NO"
    small["description"] = "1e5"
    text = lock_text(load_scenario(small))
    assert "name: 'NO'" in text
    assert yaml.safe_load(text) == parse_document(text, "lock").data


def test_the_lock_holds_defaults_and_units(small: Small) -> None:
    data = yaml.safe_load(lock_text(load_scenario(small)))
    assert data["run"] == {
        "duration": "10 min",
        "from": "0 s",
        "warmup": "0 s",
        "drain": True,
    }
    assert data["tiers"]["standard"]["priority"] == 1
    assert data["topology"]["links"][0]["latency"] == "2 ms"


def test_equal_scenarios_have_equal_fingerprints(small: Small) -> None:
    first = sha256(load_scenario(small))
    small["run"] = {"duration_s": 600.0, "drain": True}
    assert sha256(load_scenario(small)) == first
    small["run"] = {"duration_s": 601.0}
    assert sha256(load_scenario(small)) != first


def test_the_fingerprint_of_a_file_is_its_content_not_its_place(
    small: Small, tmp_path: Path
) -> None:
    small["traffic"]["chat"]["lengths"] = {"empirical": "./t.csv"}
    fingerprints, scenarios = [], []
    for folder, rows in (("a", "0,1,1"), ("b", "0,1,1"), ("c", "0,2,2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_text(f"arrival_s,input_tokens,output_tokens\n{rows}\n")
        (tmp_path / folder / "scenario.yaml").write_text(yaml.safe_dump(small))
        scenarios.append(load_scenario(tmp_path / folder))
        fingerprints.append(sha256(scenarios[-1]))
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]

    (tmp_path / "lock.yaml").write_text(lock_text(scenarios[0]))
    moved = load_scenario(tmp_path / "lock.yaml")
    assert moved.traffic["chat"].lengths.empirical == str(tmp_path / "a" / "t.csv")
    assert sha256(moved) == fingerprints[0]


def test_a_shipped_trace_keeps_its_name_in_the_lock(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("arrival_s,input_tokens,output_tokens\n0,1,1\n")
    monkeypatch.setattr(shipped, "shipped", lambda shelf: {"mine": trace})
    chat = small["traffic"]["chat"]
    del chat["arrivals"], chat["lengths"]
    chat["trace"] = {"path": "mine"}
    scenario = load_scenario(small)
    assert yaml.safe_load(lock_text(scenario))["traffic"]["chat"]["trace"]["path"] == "mine"
    first = sha256(scenario)
    trace.write_text("arrival_s,input_tokens,output_tokens\n0,1,2\n")
    assert sha256(scenario) != first
    trace.unlink()
    assert sha256(scenario) != first
