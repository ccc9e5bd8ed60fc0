"""Every experiment that states what it expects is run, and gives it.

``expected.json`` holds ``seed`` and ``figures``: for dotted paths into the summary, the lowest and
the highest value that is right. ``"slow": true`` keeps a long one out of the default tests.
``variants`` has such figures for variants of ``variants.yaml``, by name; those tests are slow, too.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from sim import load_scenario, simulate
from sim.document.yaml_reader import read_document
from sim.report.formats import GAP
from sim.report.verdict.findings import headline

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "experiments").glob("*/expected.json"))
WIDEST = 0.3  # of the value: a wider band would let anything through


def expected_of(folder):
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def marks_of(folder):
    return [pytest.mark.slow] if expected_of(folder).get("slow") else []


# What heads each experiment with an incident: the worst thing, and what it did.
HEADLINES = {
    "cdu-pump-failure": (
        "2 of 4 racks switched off by heat at 4 min",
        "(CDU pump failure at 4 min)",
    ),
    "utility-loss": ("racks switched off by heat", "(loss of the utility at 5 min)", "failed"),
    "heat-wave": ("racks slowed by heat", "both service levels are met"),
    "curtailment": ("Load target afternoon", "was exceeded for"),
    "regional-outage": ("4 of 8 replicas went down at 3 min", "timed out", "interactive"),
    "tier-surge": ("tandard 5", "of 95 %"),
    "surge-fleet": ("tandard 7", "of 95 %"),
    "three-vs-four-racks": ("Power above the limit", "row metro/air/r1"),
    "density-30-60-100": ("of 240,806 requests were rejected", "standard 0 % of 95 %"),
}
EXPERIMENTS = [pytest.param(path, id=path.name, marks=marks_of(path)) for path in FOLDERS]


VARIANTS = [
    pytest.param(path, name, id=f"{path.name}, {name}")
    for path in FOLDERS
    for name in expected_of(path).get("variants", {})
]


@cache
def summary_of(folder, variant=None):
    changes = []
    if variant is not None:
        changes = read_document(folder / "variants.yaml").data["variants"][variant]
    scenario = load_scenario(folder / "scenario.yaml", changes)
    return simulate(scenario, seed=expected_of(folder)["seed"]).summary


def outside(summary, figures):
    """Return low end, value and high end of the figures that are not within their bands."""
    return {
        path: (low, value, high)
        for path, (low, high) in figures.items()
        for value in [figure(summary, path)]
        if value is None or not low <= value <= high
    }


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
    assert outside(summary_of(folder), expected_of(folder)["figures"]) == {}


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(path, id=path.name, marks=marks_of(path))
        for path in FOLDERS
        if path.name in HEADLINES
    ],
)
def test_an_incident_heads_the_experiment(folder):
    said = headline(summary_of(folder)).replace(GAP, " ")
    assert [part for part in HEADLINES[folder.name] if part not in said] == []
    assert said.find(HEADLINES[folder.name][0]) <= 10, said


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "variant"), VARIANTS)
def test_a_variant_gives_what_it_expects(folder, variant):
    assert outside(summary_of(folder, variant), expected_of(folder)["variants"][variant]) == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_experiment_expects_something(folder):
    expected = expected_of(folder)
    assert set(expected) <= {"seed", "figures", "slow", "variants"}
    assert isinstance(expected["seed"], int)
    assert len(expected["figures"]) >= 3
    for figures in (expected["figures"], *expected.get("variants", {}).values()):
        for path, (low, high) in figures.items():
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
