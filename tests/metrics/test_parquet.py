"""Tables as Parquet and pandas: the same rows, the same types, the same bytes every time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sim.metrics.columns import REQUEST_TYPES
from sim.metrics.parquet import ParquetSink, frame_of, read_frame, write_table
from sim.metrics.recorder import CHUNK_ROWS, Recorder
from sim.table import TEXT, Table


@pytest.fixture
def requests(request_factory):
    return [
        request_factory(n, arrival_s=0.001 * n, tier=n % 2, pool=n % 4 - 1)
        for n in range(CHUNK_ROWS + 100)
    ]


@pytest.fixture
def table(names, record, requests):
    _, chunks = record(requests)
    return Table(REQUEST_TYPES, names.by_column(), chunks)


def test_names_become_categories_and_nobody_is_null(table):
    frame = frame_of(table)
    assert frame["pool"][:4].astype(object).where(frame["pool"].notna(), None).tolist() == [
        None,
        "metro-a",
        "metro-b",
        "edge-a",
    ]
    assert frame["site"].cat.categories.tolist() == ["metro", "edge"]
    assert frame["status"].unique().tolist() == ["completed"]
    assert frame["request"].tolist() == list(range(CHUNK_ROWS + 100))
    assert frame["e2e_s"].dtype == np.float64


def test_a_file_gives_the_frame_that_was_written(table, tmp_path):
    write_table(tmp_path / "requests.parquet", table)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "requests.parquet"), frame_of(table))


def test_some_columns_can_be_read_alone(table, tmp_path):
    write_table(tmp_path / "requests.parquet", table)
    frame = read_frame(tmp_path / "requests.parquet", ["tier", "ttft_s"])
    assert list(frame.columns) == ["tier", "ttft_s"]


def test_spooling_and_saving_later_give_the_same_bytes(table, names, tiers, requests, tmp_path):
    sink = ParquetSink(tmp_path / "spooled", REQUEST_TYPES, names.by_column())
    recorder = Recorder(names, tiers, sink)
    for request in requests:
        recorder.ended(request)
    recorder.close([])
    write_table(tmp_path / "saved", table)
    assert (tmp_path / "spooled").read_bytes() == (tmp_path / "saved").read_bytes()


def test_a_table_without_rows_keeps_its_columns(names, tmp_path):
    empty = Table(REQUEST_TYPES, names.by_column())
    write_table(tmp_path / "empty", empty)
    for frame in (read_frame(tmp_path / "empty"), frame_of(empty)):
        assert list(frame.columns) == list(REQUEST_TYPES)
        assert len(frame) == 0


def test_text_and_numbers_need_no_names(tmp_path):
    chunk = {"name": np.array(["r1", "r2"], dtype=object), "mean_w": np.array([1.5, np.nan])}
    table = Table({"name": TEXT, "mean_w": "d"}, chunks=[chunk])
    write_table(tmp_path / "racks", table)
    frame = read_frame(tmp_path / "racks")
    assert frame["name"].tolist() == ["r1", "r2"]
    assert frame["mean_w"][0] == 1.5
    assert np.isnan(frame["mean_w"][1])
