"""The page and the words of a comparison."""

import math

import numpy as np
import pandas as pd
import pytest
from chromium import check_everywhere

from sim.experiment.execution.run_folders import write_json
from sim.experiment.statistics.compare import compare, short_names
from sim.experiment.statistics.run_samples import Samples
from sim.experiment.study.overlays import Overlay, read_overlay
from sim.report.compare_words import rows_of
from sim.report.html.compare_page import render_comparison

TTFT = "latency.all.ttft_s.p99"


def samples(unit="replications"):
    before = np.array([0.20, 0.22, 0.24, 0.18])
    changes = {"runs/a/seed=0": 0.0, "runs/b/seed=0": -0.05, "runs/c/seed=0": 0.0}
    noise = np.array([0.0, 0.001, -0.001, 0.0])
    found = {
        name: Samples({TTFT: before + change + noise * bool(change)}, unit=unit)
        for name, change in changes.items()
    }
    found["runs/c/seed=0"].values[TTFT][:] = before[::-1]
    return found


def test_names_leave_out_what_all_of_them_share():
    names = ["runs/a/seed=0", "runs/b/seed=0"]
    assert list(short_names(names).values()) == ["a", "b"]
    assert short_names(["near", "far"]) == {"near": "near", "far": "far"}


def test_a_verdict_in_words():
    table = compare(samples()).table
    (better,) = rows_of(table[table["variant"] == "runs/b/seed=0"])
    assert better[0] == "TTFT p99"
    assert better[3].startswith("-23.8 % (")
    assert better[4] == "better"


def test_what_a_verdict_takes_is_told_in_what_there_can_be_more_of():
    table = compare(samples()).table
    (row,) = rows_of(table[table["variant"] == "runs/c/seed=0"])
    assert row[4].startswith("cannot tell yet: ")
    changed = table.assign(more_replications=6, n=4)
    assert rows_of(changed)[0][4] == "cannot tell yet: 6 more replications"
    assert (
        rows_of(changed.assign(unit="batches"))[0][4] == "cannot tell yet: a run 2.5 times as long"
    )


def test_what_nobody_measured_is_left_out():
    table = compare(samples()).table.assign(difference=math.nan)
    assert rows_of(table) == []


def overlay(slow=1.0):
    generator = np.random.default_rng(1)
    values = np.sort(generator.lognormal(0.0, 1.0, 2000)) * slow
    times = np.arange(0.0, 100.0, 5.0)
    power = pd.DataFrame({"time_s": times, "value": 1e4 * slow, "low": 9e3, "high": 1.2e4})
    return Overlay({"ttft_s": values, "tpot_s": values, "e2e_s": values}, power)


def page():
    found = compare(samples())
    return render_comparison(found, {name: overlay(1.0 + i) for i, name in enumerate(samples())})


def test_the_page_has_verdicts_curves_and_power():
    text = page()
    assert "<h1>b, c against a</h1>" in text
    for anchor in ("verdicts", "latency", "power"):
        assert f'id="{anchor}"' in text
    assert text.count('data-name="b"') == 4  # three latencies and power


def test_runs_without_tables_leave_only_verdicts():
    nothing = Overlay({}, pd.DataFrame(columns=["time_s", "value", "low", "high"]))
    text = render_comparison(compare(samples()), dict.fromkeys(samples(), nothing))
    assert 'id="verdicts"' in text
    assert 'id="latency"' not in text
    assert 'id="power"' not in text


def test_replications_are_drawn_together(tmp_path):
    for number, power_w in enumerate((100.0, 120.0)):
        folder = tmp_path / f"replication={number}"
        folder.mkdir()
        write_json(folder / "summary.json", {"window": {"start_s": 10.0}})
        series = {"kind": "site", "name": "x", "time_s": [0.0, 5.0], "power_w": power_w}
        pd.DataFrame(series).to_parquet(folder / "series.parquet")
        latencies = {key: [9.0, 2.0 + number, math.nan] for key in ("ttft_s", "tpot_s", "e2e_s")}
        requests = pd.DataFrame({"arrival_s": [5.0, 20.0, 30.0], **latencies})
        requests.to_parquet(folder / "requests.parquet")
    found = read_overlay(tmp_path)
    assert found.latencies["ttft_s"].tolist() == [2.0, 3.0]
    assert found.power["value"].tolist() == [110.0, 110.0]
    assert (found.power["high"] - found.power["value"]).tolist() == pytest.approx(
        [127.06] * 2, rel=1e-3
    )


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_it_fits_and_can_be_read(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page(), encoding="utf-8")
    check_everywhere(path.as_uri())
