"""The result: what is saved comes back, nothing is half written, nothing goes elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sim.errors import InputError
from sim.metrics.parquet import write_table
from sim.result import Result
from sim.table import TEXT, Table
from sim.workspace import workspace

SUMMARY = {
    "schema_version": "1",
    "scenario": {"name": "<tiny>", "sha256": "ab"},
    "seed": 3,
    "requests": {"arrived": 3, "completed": 2},
    "latency": {"tiers": {"gold": {"ttft_s": {"p50": 0.25, "p99": 0.5}, "e2e_s": {"p99": None}}}},
    "sla": {"gold": {"attainment": 2 / 3, "targets": {}}},
    "provenance": {"seed": 3, "sources": [{"name": "sheet"}]},
    "warnings": ["too small"],
    "topology": {"sites": {"metro": {}}},
}
LOCK = "name: tiny  # µs\n"
FILES = {
    "scenario.lock.yaml",
    "requests.parquet",
    "series.parquet",
    "racks.parquet",
    "summary.json",
}


def requests_table() -> Table:
    chunk = {
        "request": np.array([2, 0, 1]),
        "tier": np.array([0, 0, -1], dtype=np.int16),
        "ttft_s": np.array([0.5, 0.25, np.nan]),
    }
    return Table({"request": "q", "tier": "h", "ttft_s": "d"}, {"tier": ("gold",)}, [chunk])


def racks_table() -> Table:
    chunk = {"name": np.array(["m/r1"], dtype=object), "mean_w": np.array([9.0])}
    return Table({"name": TEXT, "mean_w": "d"}, chunks=[chunk])


@pytest.fixture
def result() -> Result:
    series = Table({"time_s": "d"}, chunks=[{"time_s": np.array([0.0, 10.0])}])
    return Result(SUMMARY, LOCK, requests=requests_table(), series=series, racks=racks_table())


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_requests_come_in_order_of_arrival(result):
    assert result.requests["request"].tolist() == [0, 1, 2]
    assert result.requests["ttft_s"][0] == 0.25
    assert result.requests is result.requests


def test_summary_speaks_through_properties(result):
    assert result.provenance["seed"] == 3
    assert result.sources == [{"name": "sheet"}]
    assert result.warnings == ["too small"]
    assert result.topology == {"sites": {"metro": {}}}


def test_nothing_is_known_of_an_empty_summary(result):
    empty = Result({}, "", requests=Table({}), series=Table({}), racks=Table({}))
    assert (empty.provenance, empty.sources, empty.warnings, empty.topology) == ({}, [], [], {})
    assert "<td>" not in empty._repr_html_()


def test_what_is_saved_comes_back(result, tmp_path):
    folder = result.save(tmp_path / "deep" / "run")
    assert names_in(folder) == FILES
    loaded = Result.load(folder)
    assert loaded.summary == SUMMARY
    assert loaded.scenario_lock == LOCK
    pd.testing.assert_frame_equal(loaded.requests, result.requests)
    pd.testing.assert_frame_equal(loaded.series, result.series)
    pd.testing.assert_frame_equal(loaded.racks, result.racks)


def test_saving_twice_gives_the_same_bytes(result, tmp_path):
    first, second = result.save(tmp_path / "a"), result.save(tmp_path / "b")
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_loaded_run_can_be_saved_again_in_place_and_elsewhere(result, tmp_path):
    folder = result.save(tmp_path / "a")
    loaded = Result.load(folder)
    loaded.save(folder)
    loaded.save(tmp_path / "b")
    assert names_in(folder) == names_in(tmp_path / "b") == FILES
    pd.testing.assert_frame_equal(Result.load(tmp_path / "b").requests, result.requests)


def test_a_spooled_table_takes_its_place_in_the_folder(tmp_path):
    with workspace(tmp_path) as room:
        spool = room.path("requests.parquet")
        write_table(spool, requests_table())
        empty = Table({"time_s": "d"})
        result = Result(SUMMARY, LOCK, requests=spool, series=empty, racks=empty)
        assert len(result.requests) == 3
        result.save(room)
    assert names_in(tmp_path) == FILES
    result.save(tmp_path / "copy")
    assert len(Result.load(tmp_path / "copy").requests) == 3


def test_some_columns_can_be_had_alone(result, tmp_path):
    assert list(result.request_columns("tier", "ttft_s").columns) == ["tier", "ttft_s"]
    loaded = Result.load(result.save(tmp_path))
    assert sorted(loaded.request_columns("request")["request"]) == [0, 1, 2]


def test_the_report_is_written_before_the_summary(result, tmp_path):
    def report(shown):
        assert shown is result
        assert not (tmp_path / "summary.json").exists()
        return "<p>µ</p>"

    result.save(tmp_path, report)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "<p>µ</p>"


def test_a_folder_whose_saving_failed_is_not_complete(result, tmp_path):
    result.save(tmp_path)

    def report(shown):
        raise RuntimeError("no report")

    with pytest.raises(RuntimeError, match="no report"):
        result.save(tmp_path, report)
    assert names_in(tmp_path) == FILES - {"summary.json"}
    with pytest.raises(InputError, match=r"summary\.json: got no such file, expected a complete"):
        Result.load(tmp_path)


def test_a_summary_with_nan_is_refused_and_leaves_nothing_behind(result, tmp_path):
    result.summary["power"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        result.save(tmp_path)
    assert names_in(tmp_path) == FILES - {"summary.json"}


def test_every_missing_file_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        Result.load(tmp_path / "nowhere")
    assert len(caught.value.problems) == len(FILES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": }', r"summary\.json:1:7: got no JSON, '}', expected a JSON object"),
        ("[1]", r"summary\.json: got list, expected a JSON object"),
    ],
)
def test_a_broken_summary_is_an_input_error(result, tmp_path, text, message):
    folder = result.save(tmp_path)
    (folder / "summary.json").write_text(text)
    with pytest.raises(InputError, match=message):
        Result.load(folder)


def test_summary_file_keeps_the_order_of_keys(result, tmp_path):
    text = (result.save(tmp_path) / "summary.json").read_text(encoding="utf-8")
    assert list(json.loads(text)) == list(SUMMARY)
    assert text.endswith("}\n")


def test_notebooks_show_the_tiers_and_escape_names(result):
    html = result._repr_html_()
    assert "&lt;tiny&gt;" in html
    assert "<td>0.6667</td><td>0.25</td><td>0.5</td><td>–</td>" in html
    assert repr(result) == "<Result of '<tiny>', seed 3: 2 of 3 requests completed>"
