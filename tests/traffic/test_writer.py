"""Traces written and read again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim.errors import TraceError
from sim.interfaces import PrefixBlocks
from sim.traffic.reader import read_trace
from sim.traffic.trace import Labels, ReadReport, Trace
from sim.traffic.transforms import place_sessions
from sim.traffic.writer import write_trace

RICH = Trace(
    arrival_s=np.array([0.1, 1 / 3, 7.0]),
    input_tokens=np.array([600, 20, 30], dtype=np.int32),
    output_tokens=np.array([1, 2, 3], dtype=np.int32),
    span_s=9.5,
    extras={"think_s": np.array([0.5, np.nan, 2.0])},
    labels={
        "tier": Labels(np.array([1, 0, -1], dtype=np.int32), ("gold, extra", "silver")),
        "session": Labels(np.array([0, 1, 0], dtype=np.int32), ("a", "b")),
    },
    blocks=PrefixBlocks(np.array([4, 5, 4]), np.array([0, 2, 3, 3]), 512),
    report=ReadReport(origin_unix_s=1e9),
)


def tiers(trace):
    column = trace.labels["tier"]
    return [column.names[code] if code >= 0 else "" for code in column.codes.tolist()]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_what_is_written_is_read_again(tmp_path, name):
    write_trace(RICH, tmp_path / name)
    trace = read_trace(tmp_path / name)
    assert trace.arrival_s.tolist() == RICH.arrival_s.tolist()
    assert trace.input_tokens.tolist() == [600, 20, 30]
    assert trace.output_tokens.tolist() == [1, 2, 3]
    assert [tier.replace(" ", "") for tier in tiers(trace)] == [
        "silver",
        "gold,extra".replace(",", "" if "csv" in name else ","),
        "",
    ]


def test_a_snapshot_keeps_everything(tmp_path):
    write_trace(RICH, tmp_path / "t.parquet")
    trace = read_trace(tmp_path / "t.parquet")
    assert trace.report.format == "snapshot"
    assert trace.span_s == 9.5
    assert trace.report.origin_unix_s == 1e9
    assert tiers(trace) == ["silver", "gold, extra", ""]
    assert trace.extras["think_s"][[0, 2]].tolist() == [0.5, 2.0]
    assert [trace.blocks.of(row).tolist() for row in range(3)] == [[4, 5], [4], []]
    assert trace.blocks.block_tokens == 512


def test_a_window_of_a_snapshot_has_the_span_of_the_window(tmp_path):
    write_trace(RICH, tmp_path / "t.parquet")
    assert read_trace(tmp_path / "t.parquet", to_s=5.0).span_s == 5.0


def test_mooncake_lines_have_times_in_milliseconds_and_blocks(tmp_path):
    write_trace(RICH, tmp_path / "t.jsonl")
    records = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [record["timestamp"] for record in records] == [100.0, 333.333, 7000.0]
    assert [record["hash_ids"] for record in records] == [[4, 5], [4], []]
    assert read_trace(tmp_path / "t.jsonl").input_tokens.tolist() == [600, 20, 30]


def test_prompts_without_blocks_get_blocks_of_their_own(tmp_path, ten_seconds):
    write_trace(ten_seconds, tmp_path / "t.jsonl")
    trace = read_trace(tmp_path / "t.jsonl")
    assert len(set(trace.blocks.ids.tolist())) == 10


def test_the_same_trace_gives_the_same_bytes(tmp_path):
    for name in ("one.csv.gz", "two.csv.gz"):
        write_trace(RICH, tmp_path / name)
    one, two = (tmp_path / n for n in ("one.csv.gz", "two.csv.gz"))
    # The header of a gzip file holds its name, and nothing else differs.
    assert one.read_bytes().replace(b"one.csv", b"two.csv") == two.read_bytes()


def test_an_unknown_ending_is_told(tmp_path):
    with pytest.raises(TraceError, match=r"got 't\.xlsx', expected a file name that ends in \.csv"):
        write_trace(RICH, tmp_path / "t.xlsx")


@pytest.mark.parametrize("broken", [b"PAR1", b"PAR1garbagegarbagePAR1"])
def test_a_damaged_snapshot_is_told(tmp_path, broken):
    (tmp_path / "t.parquet").write_bytes(broken)
    with pytest.raises(TraceError, match="got a damaged Parquet file"):
        read_trace(tmp_path / "t.parquet")


def test_parquet_of_something_else_is_told(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "t.parquet")
    with pytest.raises(
        TraceError, match="got a Parquet file with the columns x, expected arrival_s"
    ):
        read_trace(tmp_path / "t.parquet")
    with pytest.raises(TraceError, match="input_tokens: got columns x, expected a column"):
        read_trace(tmp_path / "t.parquet", "snapshot")


def test_sessions_are_placed_whole(generator):
    placed = place_sessions(RICH, 0.01, generator)
    session = placed.labels["session"].codes
    assert (np.diff(placed.arrival_s) >= 0).all()
    inside = placed.arrival_s[session == 0]
    assert inside[1] - inside[0] == pytest.approx(7.0 - 0.1)
    assert not placed.report.closed_loop


def test_only_sessions_can_be_placed(ten_seconds, generator):
    with pytest.raises(TraceError, match="only a trace with sessions"):
        place_sessions(ten_seconds, 1.0, generator)
