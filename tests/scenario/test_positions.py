"""Where a scenario was written: mistakes that only show when it is built are told at their line."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.document.document import Position
from sim.document.positions import Positions
from sim.document.yaml_reader import parse_document
from sim.errors import InputError, PolicyError, Problem, ScenarioError, TraceError
from sim.load import load_scenario

Small = dict[str, Any]

TEXT = """\
name: small
pools:
  main:
    site: metro
    tiers: [gold, silver]
"""
POSITIONS = Positions.of(parse_document(TEXT, "small.yaml"))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("pools.main.site", "small.yaml:4:11"),
        ("pools.main.tiers[1]", "small.yaml:5:19"),
        ("pools.main.racks", "small.yaml:3:3"),  # not written: the section that lacks it
        ("pools.main.tiers[7]", "small.yaml:5:5"),
        ("pools", "small.yaml:3:3"),
        ("run.warmup", "small.yaml"),
        ("routing policy", "small.yaml"),
    ],
)
def test_a_path_has_a_position(path: str, place: str) -> None:
    found = POSITIONS.located(Problem(path, "x", "y"))
    assert str(found) == f"{place}: {path}: got x, expected y"


@pytest.mark.parametrize(
    "problem", [Problem("pools.main.site", "x", "y", "trace.csv", 7), Problem("", "x", "y")]
)
def test_a_problem_with_a_file_or_without_a_path_stays_as_it_is(problem: Problem) -> None:
    assert POSITIONS.located(problem) == problem


@pytest.mark.parametrize("kind", [ScenarioError, TraceError, PolicyError])
def test_errors_keep_their_class_and_order(kind: type[InputError]) -> None:
    problems = [Problem("pools.main.tiers", "b", "c"), Problem("pools.main.site", "a", "c")]
    with pytest.raises(kind) as caught, POSITIONS.told():
        raise kind(problems)
    assert type(caught.value) is kind
    assert [problem.line for problem in caught.value.problems] == [4, 5]


def test_positions_survive_pickling_and_take_no_part_in_comparisons(
    small: Small, tmp_path: Path
) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(small))
    one, two = load_scenario(tmp_path / "one.yaml"), load_scenario(tmp_path / "two.yaml")
    assert one == two == pickle.loads(pickle.dumps(one))
    again = pickle.loads(pickle.dumps(one))
    at = again.positions.located(Problem("pools.main.replicas", "x", "y"))
    assert (at.file, at.line) == (str(tmp_path / "one.yaml"), at.line)
    line = yaml.safe_dump(small).splitlines()[(at.line or 0) - 1]
    assert line.strip() == "replicas: 4"


def test_a_scenario_from_python_has_no_lines(small: Small) -> None:
    problem = Problem("pools.main.replicas", "x", "y")
    assert load_scenario(small).positions.located(problem) == problem


def test_an_override_is_where_it_was_given(small: Small) -> None:
    scenario = load_scenario(small, ["pools.main.replicas=5"])
    found = scenario.positions.located(Problem("pools.main.replicas", "x", "y"))
    assert Position(found.file, found.line) == Position("--set pools.main.replicas=5")


def test_pools_are_placed_beside_other_mistakes(small: Small) -> None:
    small["run"] = {"duration": 5}
    small["pools"]["main"]["replicas"] = 99
    small["pools"]["other"] = {**small["pools"]["main"], "replicas": 98, "batching": 5}
    paths = {text.split(":")[0] for text in problems(small)}
    assert paths == {"run.duration", "pools.other.batching", "pools.main.replicas"}


@pytest.mark.parametrize("section", ["topology", "constants", "catalog"])
def test_no_pool_is_blamed_for_what_it_stands_on(small: Small, section: str) -> None:
    small["pools"]["main"]["replicas"] = 99
    small[section] = {**small["topology"], "links": 5} if section == "topology" else 5
    assert not [text for text in problems(small) if text.startswith("pools.")]


def problems(source: Small) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(source)
    return [str(problem) for problem in caught.value.problems]
