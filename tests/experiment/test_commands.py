"""The verbs sweep, compare and headroom as commands."""

import json
from importlib import import_module

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from sim.cli import compare, plan, sweep
from sim.experiment.intervals import Interval
from sim.experiment.plan import Check, PlanResult, Relief
from sim.experiment.plan_constraints import Bound

STUDY = """
    name: small
    base: quickstart
    set: {run.duration: 20 s, run.warmup: 0 s, traffic.assistant.trace.scale: 2}
    sweep:
      list: [{label: affinity, routing.policy: tier-affinity}, {label: near, routing.policy: nearest}]
    replications: 2
    metrics: [energy.it_kwh]
"""


@pytest.fixture
def command():
    app = typer.Typer()
    app.command("sweep")(sweep.sweep)
    app.command("compare")(compare.compare)
    app.command("plan")(plan.plan)
    app.command("headroom")(plan.headroom)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_sweep_then_compare(command, study_file, tmp_path):
    out = tmp_path / "out"
    ran = command("sweep", study_file(STUDY), "--out", out, "--executor", "serial")
    assert ran.exit_code == 0, ran.output
    assert "2 variants, 4 runs (0 found, 0 failed)" in ran.stdout
    assert f"report: {out / 'report.html'}" in ran.stdout.replace("\n", "")
    assert "<h1>small</h1>" in (out / "report.html").read_text(encoding="utf-8")
    again = command("sweep", study_file(STUDY), "--out", out, "--executor", "serial")
    assert "(4 found, 0 failed)" in again.stdout
    points = sorted((out / "runs").iterdir())
    compared = command("compare", *points, "--metric", "energy.it_kwh", "--json")
    (row,) = json.loads(compared.stdout)
    assert row["metric"] == "energy.it_kwh"
    assert row["n"] == 2


def test_a_shard_leaves_the_page_to_the_whole(command, study_file, tmp_path):
    out = tmp_path / "out"
    ran = command(
        "sweep", study_file(STUDY), "--out", out, "--executor", "serial", "--shard", "1/2"
    )
    assert ran.exit_code == 0, ran.output
    assert (out / "results-runs-shard-1-of-2.csv").exists()
    assert not (out / "report.html").exists()


@pytest.mark.parametrize(
    ("saved", "told"),
    [(True, "at most 66: replicas 5, saves 2"), (False, "at most 66: no cheaper fleet was found")],
)
def test_a_plan_tells_what_binds_and_what_relief_brings(command, monkeypatch, saved, told):
    bound = Bound("power.metro.peak_kw", 60.0, True, 0.95, "hurts", 6.0)
    interval = Interval(57.0, 56.5, 57.5, 5, "replications")
    fleets = pd.DataFrame(
        {"replicas": ["6", "7"], "price": [18.0, 21.0], "why_not": "", "feasible": True}
    )
    answer = PlanResult(
        fleet={"replicas": "6"},
        changes={"pools.metro.replicas": 6},
        objective=18.0,
        checks=(Check(bound, interval, 0.05, binds=True),),
        reliefs=(Relief(bound.relaxed, {"replicas": "5"}, 16.0, 2.0),) if saved else (),
        candidates=fleets,
        pareto=fleets.iloc[:1],
        runs=12,
        considered=7,
        settled=False,
    )
    monkeypatch.setattr(import_module("sim.experiment.plan"), "plan", lambda *_, **__: answer)
    shown = command("plan", "study.yaml").stdout
    assert "fleet: replicas 6, objective 18" in shown
    (row,) = [line for line in shown.splitlines() if "at most 60" in line]
    assert [cell.strip() for cell in row.split("│")[2:-1]] == ["57", "56.5", "57.5", "5%", "binds"]
    assert told in shown
    assert "2 of 7 fleets judged in 12 runs; the runs ran out" in shown
    assert "Pareto front" not in shown


@pytest.mark.parametrize("shard", ["2", "a/b", "1/"])
def test_a_shard_is_two_numbers(command, study_file, shard):
    ran = command("sweep", study_file(STUDY), "--shard", shard)
    assert ran.exit_code == 2
    assert "expected I/N such as 2/8" in ran.output


def test_a_study_keeps_the_tables_that_it_asks_for(command, study_file, tmp_path):
    text = STUDY.replace("replications: 2", "replications: 1") + "    keep: [requests, series]\n"
    out = tmp_path / "kept"
    command("sweep", study_file(text), "--out", out, "--executor", "serial", "--quiet")
    names = {path.name for path in (out / "runs").glob("*/*/*")}
    assert names == {"point.json", "requests.parquet", "series.parquet", "summary.json"}
