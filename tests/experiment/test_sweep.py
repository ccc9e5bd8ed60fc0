"""A study end to end: same bits everywhere, resume without loss or repeat, failures as rows."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import pandas as pd
import pytest
import toy_station

from sim.errors import InputError
from sim.experiment.execution.executor import open_executor
from sim.experiment.study.sweep import sweep

STUDY = """
    name: toy
    base: ./base.yaml
    sweep:
      grid: {station.servers: [2, 3, 4], station.rate: [1.0, 1.4]}
    replications: 3
"""


def test_a_row_per_run_in_the_order_of_the_design(study_file):
    result = sweep(study_file(STUDY), executor="serial", run=toy_station.station)
    table = result.runs
    assert table.columns.tolist() == [
        *("variant", "label", "station.servers", "station.rate", "replication", "status", "error"),
        *("latency.all.queue_s.mean", "latency.all.queue_s.p99", "power.site.peak_kw", "empty"),
    ]
    assert table["variant"].tolist() == [v for v in range(6) for _ in range(3)]
    assert table["replication"].tolist() == [0, 1, 2] * 6
    assert set(table["status"]) == {"completed"}
    assert (result.progress.done, result.progress.planned, result.progress.found) == (18, 18, 0)


def test_every_variant_sees_the_same_random_numbers(study_file):
    table = sweep(study_file(STUDY), executor="serial", run=toy_station.station).runs
    busy = table[(table["station.rate"] == 1.4) & (table["station.servers"] == 2)]
    calm = table[(table["station.rate"] == 1.4) & (table["station.servers"] == 3)]
    assert (
        busy["latency.all.queue_s.mean"].to_numpy() > calm["latency.all.queue_s.mean"].to_numpy()
    ).all()


def test_intervals_belong_to_every_number(study_file):
    intervals = sweep(study_file(STUDY), executor="serial", run=toy_station.station).intervals
    first = intervals[intervals["variant"] == 0].set_index("metric")
    assert first.loc["power.site.peak_kw", ["value", "low", "high", "n"]].tolist() == [
        20,
        20,
        20,
        3,
    ]
    mean = first.loc["latency.all.queue_s.mean"]
    assert mean["low"] < mean["value"] < mean["high"]


def test_processes_give_the_same_bits_as_serial(study_file):
    path = study_file(STUDY)
    serial = sweep(path, executor="serial", run=toy_station.station)
    parallel = sweep(path, executor="processes:2", run=toy_station.station)
    pd.testing.assert_frame_equal(serial.runs, parallel.runs, check_exact=True)


def test_shards_together_are_the_whole(study_file, tmp_path):
    path, whole = study_file(STUDY), tmp_path / "whole"
    sweep(path, whole, executor="serial", run=toy_station.station)
    for number in (1, 2):
        part = sweep(
            path, tmp_path / "parts", executor="serial", shard=(number, 2), run=toy_station.station
        )
        assert part.progress.done == 9
    merged = sweep(path, tmp_path / "parts", executor="serial", run=toy_station.station)
    assert merged.progress.found == 18
    names = ("results-runs.csv", "results-intervals.csv", "results-runs.parquet")
    for name in names:
        assert (tmp_path / "parts" / name).read_bytes() == (whole / name).read_bytes()


def test_a_shard_outside_its_number_is_refused(study_file):
    with pytest.raises(InputError, match="i/n with i from 1 to n"):
        sweep(study_file(STUDY), shard=(3, 2), run=toy_station.station)


def test_a_second_call_runs_nothing_and_a_longer_axis_only_what_is_new(study_file, tmp_path):
    path, out = study_file(STUDY), tmp_path / "out"
    first = sweep(path, out, executor="serial", run=toy_station.counting)
    again = sweep(path, out, executor="serial", run=toy_station.counting)
    assert again.progress.found == 18
    pd.testing.assert_frame_equal(first.runs, again.runs, check_exact=True)
    longer = study_file(STUDY.replace("[2, 3, 4]", "[2, 3, 4, 5]"))
    assert sweep(longer, out, executor="serial", run=toy_station.counting).progress.found == 18
    assert len((tmp_path / "calls.txt").read_text().splitlines()) == 24


@pytest.mark.parametrize("change", ["base", "seed", "named file"])
def test_what_decides_the_result_makes_a_new_point(study_file, tmp_path, change):
    out, named = tmp_path / "out", tmp_path / "trace.csv"
    named.write_text("1\n")
    base = "station: {servers: 2, rate: 1.4, trace: trace.csv}\n"
    sweep(study_file(STUDY, base=base), out, executor="serial", run=toy_station.station)
    seed = 1 if change == "seed" else 0
    if change == "named file":
        named.write_text("2\n")
    if change == "base":
        base = base.replace("1.4", "1.5")
    path = study_file(STUDY + f"    seed: {seed}\n", base=base)
    result = sweep(path, out, executor="serial", run=toy_station.station)
    assert result.progress.found == 0


def test_a_crashed_point_is_a_row_and_not_the_end(study_file, tmp_path):
    path, out = study_file(STUDY), tmp_path / "out"
    result = sweep(path, out, executor="serial", run=toy_station.crashing)
    failures = result.failures
    assert failures["station.servers"].tolist() == [3] * 6
    assert failures["error"].iloc[0].startswith("ZeroDivisionError: three servers are one too many")
    assert result.progress.failed == 6
    mended = sweep(path, out, executor="serial", run=toy_station.station)
    assert (mended.progress.failed, mended.progress.found) == (0, 12)  # a crash is tried again


def test_a_failure_of_the_input_is_remembered_until_asked_to_retry(study_file, tmp_path):
    path, out = study_file(STUDY), tmp_path / "out"
    result = sweep(path, out, executor="serial", run=toy_station.refusing)
    assert result.failures["error"].iloc[0] == "got 3, expected at most two servers"
    again = sweep(path, out, executor="serial", run=toy_station.station)
    assert (again.progress.failed, again.progress.found) == (6, 18)
    mended = sweep(path, out, executor="serial", retry_failed=True, run=toy_station.station)
    assert (mended.progress.failed, mended.progress.found) == (0, 12)


def test_a_torn_summary_counts_as_not_run(study_file, tmp_path):
    path, out = study_file(STUDY), tmp_path / "out"
    whole = sweep(path, out, executor="serial", run=toy_station.station)
    torn = sorted(out.glob("runs/*/*/summary.json"))
    torn[0].write_bytes(torn[0].read_bytes()[:20])
    torn[1].write_bytes(b"[]")
    again = sweep(path, out, executor="serial", run=toy_station.station)
    assert (again.progress.found, again.progress.failed) == (16, 0)
    pd.testing.assert_frame_equal(again.runs, whole.runs, check_exact=True)


def test_a_worker_that_dies_is_replaced_and_its_point_repeated(study_file, tmp_path):
    path = study_file(STUDY)
    result = sweep(path, tmp_path / "out", executor="processes:2", run=toy_station.dying_once)
    serial = sweep(path, executor="serial", run=toy_station.station)
    assert (tmp_path / "died").exists()
    pd.testing.assert_frame_equal(result.runs, serial.runs, check_exact=True)


def test_a_point_that_always_kills_its_worker_is_a_row(study_file):
    path = study_file(
        STUDY.replace("[1.0, 1.4]", "[1.0]").replace("replications: 3", "replications: 1")
    )
    result = sweep(path, executor="processes:2", run=toy_station.dying)
    assert set(result.failures["station.servers"]) == {3}
    assert "the worker process died 3 times (exit code -9)" in result.failures["error"].iloc[0]
    assert result.progress.done == 3


def test_replications_until_a_half_width(study_file):
    path = study_file(
        """
        name: toy
        base: ./base.yaml
        sweep: {grid: {station.servers: [2, 8]}}
        replications: {least: 4, most: 60, half_width: 10 %}
        metrics: [latency.all.queue_s.mean]
        """
    )
    base_run = sweep(path, executor="serial", run=toy_station.station)
    runs = base_run.runs.groupby("variant").size()
    widths = (base_run.intervals["high"] - base_run.intervals["low"]) / 2
    assert base_run.intervals["metric"].unique().tolist() == ["latency.all.queue_s.mean"]
    assert 4 < runs[0] < 60
    assert widths[0] <= 0.1 * base_run.intervals["value"][0]
    spread = sweep(path, executor="processes:2", run=toy_station.station)
    pd.testing.assert_frame_equal(base_run.runs, spread.runs, check_exact=True)


SCRIPT = """
import sys
import toy_station
from sim.experiment.study.sweep import sweep
sweep(sys.argv[1], sys.argv[2], executor="processes:2", run=toy_station.counting)
"""


def start_script(tmp_path, path, out):
    """Start a study from a script that has no main guard."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    return subprocess.Popen(
        [sys.executable, script, path, out], env=environment, stderr=subprocess.PIPE
    )


def wait_for(condition, limit_s=20.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_study_loses_at_most_the_points_under_way(study_file, tmp_path, how):
    path, out = (
        study_file(STUDY, base="station: {servers: 2, rate: 1.4, pause: 0.05}\n"),
        tmp_path / "out",
    )
    process = start_script(tmp_path, path, out)
    wait_for(lambda: len(list(out.glob("runs/*/replication=*/summary.json"))) >= 4)
    process.send_signal(how)
    process.communicate(timeout=20)
    time.sleep(0.1)  # workers notice that their parent is gone
    finished = len(list(out.glob("runs/*/replication=*/summary.json")))
    calls = len((tmp_path / "calls.txt").read_text().splitlines())
    assert finished < 18
    assert calls - finished <= 2
    result = sweep(path, out, executor="serial", run=toy_station.counting)
    assert (result.progress.found, result.progress.done) == (finished, 18)
    assert len((tmp_path / "calls.txt").read_text().splitlines()) == calls + 18 - finished
    whole = sweep(path, executor="serial", run=toy_station.station)
    pd.testing.assert_frame_equal(result.runs, whole.runs, check_exact=True)


def test_overhead_of_a_point_and_of_a_resume(study_file, tmp_path):
    path = study_file(
        """
        name: wide
        base: ./base.yaml
        sweep: {lhs: {samples: 300, axes: {station.rate: {from: 0.5, to: 1.5}}}}
        replications: 1
        """
    )
    start = time.process_time()  # others may use the machine too
    sweep(path, tmp_path / "out", executor="serial", run=toy_station.nothing)
    ran = time.process_time()
    resumed = []
    for _ in range(3):  # the lowest counts: what else runs on the machine can only add
        began = time.process_time()
        again = sweep(path, tmp_path / "out", executor="serial", run=toy_station.nothing)
        resumed.append(time.process_time() - began)
        assert again.progress.found == 300
    assert (ran - start) / 300 < 5e-3
    assert min(resumed) / 300 < 3e-3


@pytest.mark.slow
def test_two_workers_are_nearly_twice_as_fast(study_file):
    # Points that sleep take their time whatever else the machine does.
    path = study_file(
        """
        name: asleep
        base: ./base.yaml
        replications: 40
        """
    )
    wall_s = {}
    for workers in (1, 2):
        with open_executor(f"processes:{workers}") as executor:
            wait([executor.submit(time.sleep, 0.2) for _ in range(workers)])  # all have started
            start = time.perf_counter()
            sweep(path, executor=executor, run=toy_station.sleeping)
            wall_s[workers] = time.perf_counter() - start
    assert wall_s[1] / wall_s[2] > 1.8


def test_run_folders_are_read_by_a_glob(study_file, tmp_path):
    sweep(study_file(STUDY), tmp_path / "out", executor="serial", run=toy_station.station)
    folders = sorted((tmp_path / "out").glob("runs/point=*/replication=*/summary.json"))
    assert len(folders) == 18
    assert not list(Path(tmp_path / "out").glob("runs/*/.*"))
    table = pd.read_parquet(tmp_path / "out" / "results-runs.parquet")
    assert len(table) == 18
