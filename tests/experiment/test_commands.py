"""The verbs sweep, compare and headroom as commands."""

import json
from importlib import import_module

import pandas as pd
import pytest
import toy_station
import typer
from typer.testing import CliRunner

from sim.cli import compare, headroom, plan, sensitivity, sweep

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
    app.command("headroom")(headroom.headroom)
    app.command("sensitivity")(sensitivity.sensitivity)
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


PLAN = """
    name: fleets
    base: ./base.yaml
    replications: {least: 4, most: 20, half_width: 20 %}
    plan:
      variables: {servers: {path: station.servers, from: 1, to: 8}}
      constraints:
        - {metric: latency.all.queue_s.mean, at_most: 300 ms, relief: 1 s}
        - {metric: power.site.peak_kw, at_most: 100 kW}
"""


def test_a_plan_tells_the_fleet_what_binds_and_what_relief_brings(
    command, study_file, tmp_path, monkeypatch
):
    module = import_module("sim.experiment.plan.plan")
    prices = [float(servers) for servers in range(1, 9)]
    how = {"run": toy_station.station, "survey": None, "prices": prices}
    find = module.plan
    given = {"executor": "serial", **how}
    monkeypatch.setattr(module, "plan", lambda study, **_: find(study, **given))
    ran = command("plan", study_file(PLAN), "--out", tmp_path / "out")
    assert ran.exit_code == 0, ran.output
    assert "2,190 USD per month." in ran.stdout  # 3 USD/h for 730 hours
    (row,) = [line for line in ran.stdout.splitlines() if "at most 300" in line and "│" in line]
    assert row.split("│")[-2].strip() == "binds"
    assert "at most 1.3 s it saves 730 USD per month (servers 2)." in ran.stdout
    assert "of 8 fleets judged in" in ran.stdout
    assert "Pareto front" not in ran.stdout
    page = (tmp_path / "out" / "plan.html").read_text(encoding="utf-8")
    assert "<h1>fleets</h1>" in page
    fleets = pd.read_parquet(tmp_path / "out" / "fleets.parquet")
    written = pd.read_csv(tmp_path / "out" / "fleets.csv", dtype={"servers": str}).fillna("")
    pd.testing.assert_frame_equal(fleets, written, check_dtype=False, rtol=1e-12)


def test_headroom_tells_where_limits_break(command, tmp_path):
    ran = command(
        *("headroom", "surge-fleet", "--replications", 2, "--tolerance", 0.5),
        *("--set", "run.duration=20 s", "--set", "traffic.chat.arrivals.start=5 s"),
        *("--set", "run.warmup=0 s"),
        *("--executor", "serial", "--out", tmp_path),
    )
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.startswith("SLO of standard (95 %) breaks first at ")
    assert "Power of metro-fra (90 kW)" in ran.stdout
    page = (tmp_path / "headroom.html").read_text(encoding="utf-8")
    assert "SLO of standard (95" in page
    assert set(pd.read_csv(tmp_path / "headroom.csv")["replication"]) == {0, 1}


def test_sensitivity_tells_both_intervals_and_what_moves_them(command, tmp_path):
    out = tmp_path / "out"
    ran = command(
        *("sensitivity", "surge-fleet", "--set", "run.duration=5 s", "--set", "run.warmup=0 s"),
        *("--metric", "energy.it_kwh", "--samples", 2, "--replications", 2),
        *("--kind", "guess"),
        *("--executor", "serial", "--out", out),
    )
    assert ran.exit_code == 0, ran.output
    assert "energy.it_kwh: " in ran.stdout
    assert "constants.racks.hgx-h100-air.base" in ran.stdout
    assert "What moves what" in (out / "sensitivity.html").read_text(encoding="utf-8")
    assert (out / "tornado.csv").exists()


@pytest.mark.parametrize("shard", ["2", "a/b", "1/"])
def test_a_shard_is_two_numbers(command, study_file, shard):
    ran = command("sweep", study_file(STUDY), "--shard", shard)
    assert ran.exit_code == 2
    assert "expected I/N such as 2/8" in ran.output


def test_a_study_keeps_the_tables_that_it_asks_for(command, study_file, tmp_path):
    text = (
        STUDY.replace("replications: 2", "replications: 1")
        + "    keep: [requests, series, report]\n"
    )
    out = tmp_path / "kept"
    command("sweep", study_file(text), "--out", out, "--executor", "serial", "--quiet")
    names = {path.name for path in (out / "runs").glob("*/*/*")}
    kept = {"requests.parquet", "series.parquet", "report.html"}
    assert names == kept | {"point.json", "summary.json"}
