"""Every experiment that states what it expects is run, and gives it.

``expected.json`` holds ``seed`` and ``figures``: for dotted paths into the summary, the lowest and
the highest value that is right. ``"slow": true`` keeps a long one out of the default tests.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from sim import load_scenario, simulate

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "experiments").glob("*/expected.json"))
WIDEST = 0.3  # of the value: a wider band would let anything through


def expected_of(folder):
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def marks_of(folder):
    return [pytest.mark.slow] if expected_of(folder).get("slow") else []


EXPERIMENTS = [pytest.param(path, id=path.name, marks=marks_of(path)) for path in FOLDERS]


@cache
def summary_of(folder):
    scenario = load_scenario(folder / "scenario.yaml")
    return simulate(scenario, seed=expected_of(folder)["seed"]).summary


def figure(summary, path):
    """Return the value at a dotted path; names in it may have dots of their own."""
    if path in summary:
        return summary[path]
    for key in sorted(summary, key=len, reverse=True):
        if path.startswith(f"{key}."):
            return figure(summary[key], path.removeprefix(f"{key}."))
    pytest.fail(f"the summary has no {path}")


def test_there_are_experiments():
    assert "quickstart" in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", EXPERIMENTS)
def test_an_experiment_gives_what_it_expects(folder):
    summary = summary_of(folder)
    outside = {
        path: (low, value, high)
        for path, (low, high) in expected_of(folder)["figures"].items()
        for value in [figure(summary, path)]
        if value is None or not low <= value <= high
    }
    assert outside == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_experiment_expects_something(folder):
    expected = expected_of(folder)
    assert set(expected) <= {"seed", "figures", "slow"}
    assert isinstance(expected["seed"], int)
    assert len(expected["figures"]) >= 3
    for path, (low, high) in expected["figures"].items():
        assert low <= high, path
        assert high - low <= WIDEST * max(abs(low), abs(high)), path


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_experiment_says_what_it_is_for_and_how_to_run_it(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert f"loadbank run {folder.name}" in text or "scenario.yaml" in text
    scenario = load_scenario(folder / "scenario.yaml")
    assert scenario.name == folder.name
    assert scenario.description
