"""Studies from Python: scenarios and data frames in, data frames out, results found by glob."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import toy_station

from sim import load_scenario
from sim.experiment import compare, replicate, sweep
from sim.experiment.headroom.headroom import headroom
from sim.experiment.plan.plan import plan

DOCS = Path(__file__).resolve().parents[2] / "docs" / "studies.md"
SHORT = {"run.duration": "4 s", "run.warmup": "0 s"}


@pytest.fixture(scope="module")
def scenario():
    """Return a shipped scenario, cut short."""
    return load_scenario("surge-fleet", [f"{path}={value}" for path, value in SHORT.items()])


@pytest.fixture(scope="module")
def surge(scenario, tmp_path_factory):
    """Return the folder of a small study with the names that the documentation uses."""
    out = tmp_path_factory.mktemp("surge")
    mixes = [{"premium": "10 %", "standard": "90 %"}, {"premium": "30 %", "standard": "70 %"}]
    grid = {"pools.metro.replicas": [3, 4], "traffic.chat.tiers": mixes}
    study = {"name": "surge", "base": scenario, "sweep": {"grid": grid}, "replications": 2}
    sweep(study, out, executor="serial")
    return out


def test_a_scenario_object_and_a_data_frame_make_a_study(scenario):
    points = pd.DataFrame({"pools.metro.replicas": np.array([3, 4]), "label": ["three", "four"]})
    study = {"name": "fleet", "base": scenario, "sweep": {"list": points}, "replications": 2}
    result = sweep(study, executor="serial")
    assert result.runs["pools.metro.replicas"].tolist() == [3, 3, 4, 4]
    assert result.runs["label"].tolist() == ["three", "three", "four", "four"]
    assert set(result.runs["status"]) == {"completed"}
    energy = compare(result, metrics=["energy.it_kwh"]).table
    assert energy[["baseline", "variant", "n"]].to_numpy().tolist() == [["three", "four", 2]]


def test_a_missing_cell_leaves_the_base_as_it_is(scenario):
    points = pd.DataFrame(
        {"pools.metro.replicas": [3.0, np.nan], "routing.policy": ["nearest", "least-loaded"]}
    )
    points["pools.metro.replicas"] = points["pools.metro.replicas"].astype("Int64").astype(object)
    points = points.where(points.notna(), None)
    study = {"name": "x", "base": scenario, "sweep": {"list": points}, "replications": 1}
    result = sweep(study, executor="serial")
    assert [dict(each.changes) for each in result.variants] == [
        {"pools.metro.replicas": 3, "routing.policy": "nearest"},
        {"routing.policy": "least-loaded"},
    ]
    assert result.failures.empty


def test_replications_of_scenario_objects_are_compared_by_name(scenario):
    more = load_scenario(
        "surge-fleet",
        [*(f"{path}={value}" for path, value in SHORT.items()), "pools.metro.replicas=6"],
    )
    both = {
        name: replicate(each, 3, executor="serial")
        for name, each in (("five", scenario), ("six", more))
    }
    (row,) = compare(both, metrics=["energy.it_kwh"]).table.to_dict("records")
    assert (row["baseline"], row["variant"], row["n"]) == ("five", "six", 3)
    assert row["difference"] > 0.0  # a sixth replica draws power
    frames = {name: each.runs for name, each in both.items()}
    (again,) = compare(frames, metrics=["energy.it_kwh"]).table.to_dict("records")
    assert again["difference"] == row["difference"]


def test_headroom_and_plan_take_scenario_objects(scenario):
    found = headroom(
        scenario, replications=1, executor="serial", run=toy_station.nothing_breaks, streams=[]
    )
    assert [each.limit.name for each in found.breaking] == ["all"]
    constraint = {"metric": "power.metro-fra.peak_kw", "at_most": "90 kW"}
    variables = {"n": {"path": "pools.metro.replicas", "from": 5, "to": 6}}
    section = {"variables": variables, "constraints": [constraint], "runs": 20}
    study = {"name": "p", "base": scenario, "plan": section, "replications": 2}
    assert dict(plan(study, executor="serial").fleet) == {"n": "5"}


def code_of(language):
    """Return the code blocks of the documentation in a language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_the_documented_pandas_finds_the_results(surge):
    blocks = [
        block
        for block in code_of("python")
        if ("runs/surge" in block and "pd.concat" in block) or "read_parquet" in block
    ]
    assert len(blocks) == 2
    names = {}
    for block in blocks:
        exec(block.replace("runs/surge", str(surge)), names)
    assert len(names["runs"]) == 8
    assert set(names["intervals"]["metric"]) >= {"latency.tiers.premium.ttft_s.p99"}


def test_the_documented_sql_finds_the_results(surge):
    duckdb = pytest.importorskip("duckdb")
    (block,) = code_of("sql")
    first, second = (
        duckdb.sql(query.replace("runs/surge", str(surge))).df()
        for query in block.split(";")
        if query.strip()
    )
    assert len(first) == 4
    means = pd.read_parquet(surge / "results-runs.parquet").groupby("variant")["energy.it_kwh"]
    assert sorted(first.iloc[:, 2]) == pytest.approx(sorted(means.mean()))
    assert second["metric"].str.startswith("sla.").all()
    assert len(second) > 0
