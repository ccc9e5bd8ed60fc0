"""What plans, searches and comparisons answer, and the charts that show it."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from report_cases import found_headroom

from sim.experiment.execution.run_folders import write_json
from sim.load import load_scenario
from sim.report.answers.headroom_answer import headroom_answers
from sim.report.answers.launch import launch_of, values_of
from sim.report.answers.plan_answer import costs_of, hardware_of, next_limit
from sim.report.answers.run_names import run_names
from sim.report.charts.forest import forest_chart, forest_rows
from sim.report.charts.option import Data
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.xy import Points, Scale, xy_chart
from sim.report.html.headroom_page import render_headroom
from sim.report.html.live import live_figure
from sim.report.html.origin import Origin, latest

NOTHING = Data("none", ["a"], [])


def pool(**changes):
    texts = [f"pools.metro-liquid.{path}={value}" for path, value in changes.items()]
    return load_scenario("quickstart", texts).pools["metro-liquid"]


def test_a_vllm_pool_is_started_with_what_the_scenario_decides():
    changes = {"batching.max_num_seqs": 64, "batching.prefix_cache": "{}", "kv_precision": "fp8"}
    launch = launch_of("near", pool(**changes), "org/model", 3)
    flags = launch.command.split()
    assert flags[:3] == ["vllm", "serve", "org/model"]
    given = dict(pairwise(flags))
    assert given["--tensor-parallel-size"] == "4"
    assert given["--max-num-seqs"] == "64"
    assert given["--kv-cache-dtype"] == "fp8"
    assert given["--scheduling-policy"] == "priority"  # the pool's queue has that order
    assert "--enable-prefix-caching" in flags


def test_other_engines_have_their_own_flags():
    assert "--mem-fraction" not in launch_of("a", pool(engine="sglang"), "m", 1).command
    assert launch_of("a", pool(engine="sglang"), "m", 1).command.startswith(
        "python -m sglang.launch_server --model-path m --tp 4"
    )
    assert launch_of("a", pool(engine="trt-llm"), "m", 1).command.startswith("trtllm-serve m ")


def test_a_name_that_a_shell_would_read_is_quoted():
    assert "'m; rm -rf /'" in launch_of("a", pool(), "m; rm -rf /", 1).command


def test_the_values_of_a_site_hold_its_pools():
    launches = [
        launch_of("a", pool(), "m", 2),
        launch_of("b", pool(engine="sglang"), "m", 2),
        launch_of("c", pool(), "m", 0),
    ]
    (values,) = values_of(launches).values()
    read = yaml.safe_load(yaml.safe_dump(dict(values)))
    (spec,) = read["servingEngineSpec"]["modelSpec"]
    assert (spec["name"], spec["replicaCount"], spec["requestGPU"]) == ("a", 2, 4)
    assert spec["vllmConfig"]["extraArgs"][:2] == ["--tensor-parallel-size", "4"]


def test_a_fleet_is_told_in_hardware_and_money():
    summary = {
        "pools": {
            "a": {"accelerator": "h100", "replicas": 3, "tensor_parallel": 4},
            "b": {"accelerator": "h100", "replicas": 1, "tensor_parallel": 2},
        },
        "plant": {"racks": 2, "sites": 1},
        "power": {"x": {"peak_kw": 30.0}, "y": {"peak_kw": 12.0}},
        "ledger": {"cost_usd_per_h": 10.0, "usd_per_mtoken": None},
    }
    told = [("h100", "14"), ("racks", "2"), ("site", "1"), ("peak IT power", "42\u00a0kW")]
    assert hardware_of(summary) == told
    assert [words for _, words in costs_of(summary)] == ["7,300\u00a0USD per month"]


def test_the_next_limit_has_the_least_left_of_those_that_do_not_bind():
    checks = [
        SimpleNamespace(binds=b, slack=s) for b, s in ((True, 0.01), (False, 0.4), (False, 0.2))
    ]
    assert next_limit(SimpleNamespace(checks=checks)).slack == 0.2
    assert next_limit(SimpleNamespace(checks=checks[:1])) is None


def test_a_search_tells_what_breaks_first_and_how_far_it_looked():
    first, last = (said.replace("\u00a0", " ") for said in headroom_answers(found_headroom()))
    assert first == "SLO of <b> (99.9 %) breaks first at 3.5 × traffic (3.2 to 3.8)."
    assert last == "Power of fra (90 kW) holds up to 6 × traffic, as far as the search looked."


def test_the_page_of_a_search_tells_where_it_comes_from_and_escapes_names():
    page = render_headroom(found_headroom(), Origin("base.yaml", 7, "loadbank headroom base.yaml"))
    assert "<b>" not in page
    assert "seed 7" in page
    assert "<code>loadbank headroom base.yaml</code>" in page


def test_the_latest_of_some_moments():
    moments = ["2026-01-02T03:04:05+00:00", "", "2026-01-02T03:05:00+00:00"]
    assert latest(moments) == "2026-01-02 03:05 UTC"
    assert latest([]) == ""


def test_runs_of_a_study_are_named_by_what_differs(tmp_path):
    for name, replicas in (("point=aa", 2), ("point=bb", 1)):
        folder = tmp_path / name / "replication=0"
        folder.mkdir(parents=True)
        changes = {"run.duration": "1 h", "pools.near.replicas": replicas}
        write_json(folder / "point.json", {"changes": changes})
    folders = [str(tmp_path / "point=aa"), str(tmp_path / "point=bb")]
    assert list(run_names(folders).values()) == ["2 near replicas", "1 near replica"]
    (tmp_path / "point=bb" / "replication=0" / "point.json").write_text("nonsense")
    assert list(run_names(folders).values()) == ["point=aa", "point=bb"]


def row(metric, before, difference, low, high, verdict):
    named = {"metric": metric, "value": before, "difference": difference}
    return named | {"low": low, "high": high, "verdict": verdict}


def test_a_forest_holds_relative_changes_with_verdicts_first():
    table = pd.DataFrame(
        [
            row("energy.it_kwh", 10.0, 1.0, -1.0, 3.0, "cannot tell"),
            row("latency.all.ttft_s.p99", 2.0, -1.0, -1.2, -0.8, "better"),
            row("energy.pue", 0.0, 0.1, 0.0, 0.2, "worse"),  # no share of nothing
            row("sla.a.requests", 100.0, 1.0, 0.5, 1.5, "worse"),  # a count that nobody names
        ]
    )
    rows = forest_rows(table)
    assert [each["metric"] for each in rows] == ["latency.all.ttft_s.p99", "energy.it_kwh"]
    first = forest_chart("b against a", rows).option["series"][0]["data"][0]["value"]
    assert first[:4] == [-0.5, -0.6, -0.4, 0]


def test_intervals_below_each_other_are_plain_data():
    rows = [
        Range("a", "1", 1.0, 0.5, math.inf, (0.1, 2.0), bad=True),
        Range("b", "2", 2.0, 1.0, 3.0),
    ]
    chart = range_chart("T", "s", rows, Scale("x", low=0.0, high=4.0), 1.0, NOTHING)
    text = json.dumps(chart.option, allow_nan=False)
    values = json.loads(text)["series"][0]["data"]
    assert values[0]["value"] == [1.0, 0.5, None, 0, 0.1, 2.0, 1]
    assert chart.option["series"][0]["markLine"]["data"][0]["xAxis"] == 1.0


def test_points_carry_their_intervals_and_stand_in_order():
    x, y = np.array([2.0, 1.0]), np.array([5.0, np.nan])
    points = Points("<i>", x, y, 3, y - 1.0, y + 1.0, names=("late", "early"))
    chart = xy_chart("T", "s", [points], Scale("x"), Scale("y", "share"), NOTHING, {"target": 0.9})
    line, whiskers = chart.option["series"]
    assert [each["name"] for each in line["data"]] == ["early", "late"]
    assert line["data"][1]["value"] == [2.0, 5.0, 4.0, 6.0]
    assert len(whiskers["data"]) == 1  # nothing is known of the other
    assert line["markLine"]["data"][0]["yAxis"] == 0.9
    assert "<i>" not in live_figure(chart)


@pytest.mark.parametrize(("low", "high", "least"), [(0.5, 3.0, 4), (1.0, 100.0, 0)])
def test_a_short_logarithmic_axis_has_round_ticks(low, high, least):
    points = [Points("a", np.array([low, high]), np.array([1.0, 2.0]), 0)]
    scale = Scale("x", log=True, low=low, high=high)
    shown = xy_chart("T", "s", points, scale, Scale("y"), NOTHING).option["xAxis"]["axisLabel"]
    ticks = shown.get("customValues", [])
    assert len(ticks) >= least
    assert all(low <= tick <= high for tick in ticks)
