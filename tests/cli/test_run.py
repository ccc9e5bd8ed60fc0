"""``loadbank run``: what it writes, where, and what it says."""

from __future__ import annotations

import json

import pytest

from sim import Result, load_scenario, simulate
from sim.cli.run import _print_warnings

FILES = {
    *("summary.json", "scenario.lock.yaml", "report.html"),
    *("requests.parquet", "series.parquet", "racks.parquet"),
}
KEYS = {
    *("schema_version", "scenario", "seed", "requests", "latency", "sla", "throughput"),
    *("utilisation", "power", "energy", "carbon", "cost", "performance"),
}


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def test_a_run_fills_its_folder_and_nothing_else(loadbank, scenario, folder):
    before = set(folder.rglob("*"))
    ran = loadbank("run", scenario, "--out", "deep/down")
    assert ran.code == 0
    written = set(folder.rglob("*")) - before
    assert written == {folder / "deep", folder / "deep/down"} | {
        folder / "deep/down" / name for name in FILES
    }
    assert "report: deep/down/report.html" in ran.out


def test_the_first_warnings_are_shown_and_the_rest_counted(loadbank, scenario, folder):
    ran = loadbank("run", scenario, "--out", "out", "--set", "pools.main.precision=int4")
    warnings = summary_of(folder / "out")["warnings"]
    shown = [f"warning: {warning}" for warning in warnings[:3]]
    rest = [f"{len(warnings) - 3} more warnings in report.html"] if len(warnings) > 3 else []
    assert warnings
    assert ran.err.splitlines() == shown + rest


def test_more_warnings_than_fit_are_counted(capsys):
    _print_warnings(["a", "b", "c", "d", "e"])
    assert capsys.readouterr().err.splitlines() == [
        *("warning: a", "warning: b", "warning: c"),
        "2 more warnings in report.html",
    ]


def test_without_out_the_folder_is_named_after_scenario_and_seed(loadbank, scenario, folder):
    assert loadbank("run", scenario, "--seed", 7).code == 0
    (run_folder,) = folder.glob("runs/*/*")
    assert run_folder.name == "seed=7"
    sha256 = summary_of(run_folder)["scenario"]["sha256"]
    assert run_folder.parent.name == f"small-{sha256[:8]}"


def test_the_result_is_the_one_of_the_library(loadbank, scenario, folder):
    loadbank("run", scenario, "--out", "out", "--seed", 5)
    loaded = Result.load(folder / "out")
    own = simulate(load_scenario(scenario), seed=5)
    assert loaded.requests.equals(own.requests)
    assert loaded.summary["latency"] == own.summary["latency"]
    assert loaded.scenario_lock == own.scenario_lock


def test_json_is_the_summary_and_nothing_else(loadbank, scenario, folder):
    ran = loadbank("run", scenario, "--out", "out", "--json")
    assert json.loads(ran.out) == summary_of(folder / "out")
    assert set(json.loads(ran.out)) >= KEYS
    assert ran.err == ""


def test_quiet_says_nothing(loadbank, scenario, folder):
    ran = loadbank("run", scenario, "--out", "out", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (folder / "out/summary.json").is_file()


def test_the_table_names_tiers_sites_and_the_report(loadbank, scenario):
    told = loadbank("run", scenario, "--out", "out").out
    for word in ("premium", "standard", "metro", "TTFT", "kW"):
        assert word in told


def test_set_changes_the_scenario_before_it_is_checked(loadbank, scenario, folder):
    changes = ("--set", "run.duration=1 s", "--set", "pools.main.replicas=2")
    assert loadbank("run", scenario, *changes, "--out", "out").code == 0
    lock = (folder / "out/scenario.lock.yaml").read_text(encoding="utf-8")
    assert "replicas: 2" in lock
    assert summary_of(folder / "out")["requests"]["arrived"] < 100
    assert scenario.read_text(encoding="utf-8").count("replicas: 4") == 1


def test_the_lock_file_is_a_scenario_that_gives_the_same_run(loadbank, scenario, folder):
    loadbank("run", scenario, "--set", "pools.main.replicas=2", "--out", "first", "--seed", 3)
    ran = loadbank("run", "first/scenario.lock.yaml", "--out", "second", "--seed", 3)
    assert ran.code == 0
    first, second = (folder / name / "requests.parquet" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    names = ("first", "second")
    shas = [summary_of(folder / name)["scenario"]["sha256"] for name in names]
    assert shas[0] == shas[1]


def test_a_second_run_replaces_the_first(loadbank, scenario, folder):
    loadbank("run", scenario, "--out", "out", "--seed", 1)
    loadbank("run", scenario, "--out", "out", "--seed", 2)
    assert summary_of(folder / "out")["seed"] == 2
    assert {path.name for path in (folder / "out").iterdir()} == FILES


def test_a_failed_start_leaves_the_old_result_alone(loadbank, scenario, folder):
    loadbank("run", scenario, "--out", "out")
    before = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert loadbank("run", scenario, "--out", "out", "--set", "run.duration=-1 s").code == 3
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == before


def test_an_invalid_scenario_makes_no_folder(loadbank, scenario, folder):
    assert loadbank("run", scenario, "--out", "out", "--set", "run.duration=-1 s").code == 3
    assert not (folder / "out").exists()


@pytest.mark.parametrize("attack", ["<script>alert(1)</script>", "</style><b>", "\"'><img src=x>"])
def test_text_of_the_scenario_is_escaped_in_the_report(loadbank, scenario, folder, attack):
    text = scenario.read_text(encoding="utf-8")
    scenario.write_text(f"description: {json.dumps(attack)}\n{text}", encoding="utf-8")
    assert loadbank("run", scenario, "--out", "out", "--set", "run.duration=1 s").code == 0
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    assert attack not in page


def test_the_report_needs_no_network(loadbank, scenario, folder):
    loadbank("run", scenario, "--out", "out")
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    for reference in ('src="http', "src='http", "url(http", "@import", '<link rel="stylesheet"'):
        assert reference not in page


def test_a_scenario_may_come_from_another_folder(loadbank, scenario, folder):
    (folder / "studies").mkdir()
    moved = scenario.rename(folder / "studies/mine.yaml")
    trace = "arrival_s,input_tokens,output_tokens\n0.0,100,5\n1.0,100,5\n"
    (folder / "studies/mine.csv").write_text(trace, encoding="utf-8")
    text = moved.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "lengths:" not in line]
    replay = "    trace: {path: ./mine.csv, format: loadbank-csv}"
    lines = [replay if "arrivals:" in line else line for line in lines]
    moved.write_text("\n".join(lines), encoding="utf-8")
    ran = loadbank("run", "studies/mine.yaml", "--out", "out")
    assert ran.code == 0, ran.err
    assert summary_of(folder / "out")["requests"]["completed"] == 2
