"""The verbs sweep, compare and headroom as commands."""

import json

import pytest
import typer
from typer.testing import CliRunner

from sim.cli import compare, plan, sweep

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
    again = command("sweep", study_file(STUDY), "--out", out, "--executor", "serial")
    assert "(4 found, 0 failed)" in again.stdout
    points = sorted((out / "runs").iterdir())
    compared = command("compare", *points, "--metric", "energy.it_kwh", "--json")
    (row,) = json.loads(compared.stdout)
    assert row["metric"] == "energy.it_kwh"
    assert row["n"] == 2


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
