"""``--set dotted.path=value``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.errors import ScenarioError
from sim.load import load_scenario

Small = dict[str, Any]


def changed(small: Small, *overrides: str) -> Any:
    return load_scenario(small, overrides)


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("run.duration=2 h", "run.duration_s", 7200.0),
        ("run.duration=2h", "run.duration_s", 7200.0),
        ("run.drain=false", "run.drain", False),
        ("routing.policy=least-loaded", "routing.policy", "least-loaded"),
        ("output.exact_quantiles=10", "output.exact_quantiles", 10),
        ("pools.main.queue.order=priority", "pools.main.queue.order", "priority"),
        ("pools.main.tiers=[standard, premium]", "pools.main.tiers", ("standard", "premium")),
        ("topology.links.0.latency=9 ms", "topology.links.0.latency_s", 0.009),
        (
            "traffic.chat.arrivals={process: gamma, rate: 1 req/s, cv: 2}",
            "traffic.chat.arrivals.cv",
            2,
        ),
        ("description=a = b", "description", "a = b"),
    ],
)
def test_a_value_is_changed(small: Small, override: str, path: str, value: Any) -> None:
    found: Any = changed(small, override)
    for step in path.split("."):
        if isinstance(found, dict):
            found = found[step]
        else:
            found = found[int(step)] if step.isdecimal() else getattr(found, step)
    assert found == value


def test_the_last_one_counts(small: Small) -> None:
    assert changed(small, "run.duration=1 h", "run.duration=2 h").run.duration_s == 7200.0


def test_an_entry_can_be_added(small: Small) -> None:
    scenario = changed(small, "tiers.batch={slo: {e2e: 1 h}}")
    assert list(scenario.tiers) == ["premium", "standard", "batch"]
    assert scenario.tiers["batch"].priority == 2


def test_another_topology_and_a_change_inside_it(small: Small, tmp_path: Path) -> None:
    other = {**small["topology"], "name": "other"}
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(other))
    scenario = changed(small, "topology.links.0.latency=7 ms", f"topology={path}")
    assert scenario.topology.name == "other"
    assert scenario.topology.links[0].latency_s == 0.007


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("run.duration=10", "run.duration: got 10, expected a time with its unit, such as"),
        ("run.durtion=10 s", "run.durtion: got unknown key 'durtion', expected one of duration,"),
        ("pools.mian.replicas=2", "pools.mian.replicas: got 'mian', expected one of main (did you"),
        ("topology.links.3.latency=2 ms", "topology.links.3.latency: got '3', expected one of 0"),
        ("name.first=x", "name.first: got 'first', expected a path to a key"),
    ],
)
def test_what_does_not_fit_the_scenario(small: Small, override: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        changed(small, override)
    assert str(caught.value).startswith(f"--set {override}: {message}")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("run.drain=no", "--set run.drain=no:1:1: got no, expected true, false, or this word"),
        ("run.drain=[", "--set run.drain=[:1:1: got an opening ["),
        ("run.duration", "--set: got 'run.duration', expected dotted.path=value"),
        ("run..duration=1 s", "--set: got 'run..duration=1 s', expected dotted.path=value"),
        ("=1", "--set: got '=1', expected dotted.path=value"),
    ],
)
def test_what_is_no_override(small: Small, override: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        changed(small, override)
    assert str(caught.value).startswith(message)
    assert len(caught.value.problems) == 1


def test_all_mistakes_are_told_at_once(small: Small) -> None:
    with pytest.raises(ScenarioError) as caught:
        changed(small, "run", "pools", "tiers.premium=on")
    assert len(caught.value.problems) == 3
