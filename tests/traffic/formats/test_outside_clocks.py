"""Units of time, what a row means, and packed and typed columns of files from outside."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.errors import TraceError
from sim.traffic.fitting.describe import describe
from sim.traffic.prefixcache import block_hit_ratio
from sim.traffic.reader import read_trace
from sim.traffic.trace_notes import part_used

HEADER = "arrival_s,input_tokens,output_tokens"


def table(*times, header=HEADER):
    return header + "\n" + "".join(f"{time},500,20\n" for time in times)


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize(
    ("factor", "unit"), [(1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")]
)
@pytest.mark.parametrize("year", [2001, 2023, 2099])
def test_a_calendar_time_in_another_unit_is_refused_with_it(write, factor, unit, year):
    first = int(datetime(year, 3, 1, tzinfo=UTC).timestamp() * factor)
    with pytest.raises(TraceError) as caught:
        read_trace(write(table(first, first + 200)))
    assert unit in str(caught.value)
    assert caught.value.problems[0].line == 2


def test_a_calendar_time_in_seconds_is_read(write):
    trace = read_trace(write(table(1_700_000_000, 1_700_000_001.5)))
    assert trace.arrival_s.tolist() == [0.0, 1.5]


def test_one_time_in_milliseconds_among_relative_ones_is_told_with_its_line(write):
    with pytest.raises(TraceError) as caught:
        read_trace(write(table(0, 1, 1_700_000_000_000)))
    assert [problem.line for problem in caught.value.problems] == [4]


def mooncake(*stamps):
    return lines(*({"timestamp": t, "input_length": 600, "output_length": 20} for t in stamps))


@pytest.mark.parametrize("stamps", [(0.0, 0.5, 1.1, 2.4, 9.0), (0, 1, 2, 3, 9)])
def test_mooncake_in_seconds_is_refused_with_the_format_that_reads_it(write, stamps):
    path = write(mooncake(*stamps), "m.jsonl")
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    assert "vllm-timed" in str(caught.value)
    assert read_trace(path, "vllm-timed").arrival_s.tolist() == list(stamps)
    assert read_trace(path, "mooncake").arrival_s[-1] == 0.009


def test_mooncake_in_milliseconds_is_read(write):
    assert read_trace(write(mooncake(0, 300, 700, 1500, 2000), "m.jsonl")).span_s > 2.0


def test_a_clock_that_lost_its_digits_is_told_without_a_raw_warning(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = read_trace(write(table(*["1.7E+09"] * 4)))
        describe(trace)
    assert any("4 of 4 requests arrive at the same time" in note for note in trace.report.notes)


@pytest.mark.parametrize("start", [0, 2**62, 2**63 - 1, 13835058055282163712, 2**64 - 3])
def test_block_ids_of_64_bits_keep_their_prefixes(write, start):
    rows = [{"timestamp": 1000 * n, "input_length": 1024, "output_length": 9} for n in (0, 1)]
    rows[0]["hash_ids"], rows[1]["hash_ids"] = [start, start + 1], [start, start + 2]
    trace = read_trace(write(lines(*rows), "m.jsonl"))
    assert block_hit_ratio(trace.blocks, float("inf")) == 0.25


def span(start, end, tokens, operation=None, **others):
    usage = {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 40}
    name = {"gen_ai.operation.name": operation} if operation else {}
    return {"start_time": start, "end_time": end, "attributes": {**usage, **name}, **others}


@pytest.mark.parametrize("by_name", [True, False])
def test_spans_that_sum_up_others_are_left_out_and_counted(write, by_name):
    ids = {"span_id": "a"}, {"span_id": "b", "parent_span_id": "a"}
    whole = span(
        "2026-03-01T10:00:00Z", "2026-03-01T10:00:09Z", 3000, **({} if by_name else ids[0])
    )
    if by_name:
        whole["attributes"]["gen_ai.operation.name"] = "invoke_agent"
    below = {} if by_name else ids[1]
    spans = [
        whole,
        span("2026-03-01T10:00:00.1Z", "2026-03-01T10:00:03Z", 1400, "chat", **below),
        span("2026-03-01T10:00:05Z", "2026-03-01T10:00:08Z", 1600, "chat"),
    ]
    trace = read_trace(write(lines({"session_id": "s", "spans": spans}), "s.jsonl"))
    assert trace.input_tokens.tolist() == [1400, 1600]
    assert sum(trace.report.dropped.values()) == 1


def otlp(start_ns, tokens, code=0):
    keys = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
    return {
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + 2_900_000_000),
        "status": {"code": code},
        "attributes": [{"key": key, "value": {"intValue": str(tokens)}} for key in keys],
    }


@pytest.mark.parametrize("indent", [None, 2])
def test_otlp_json_is_read_on_one_line_and_on_many(write, indent):
    spans = [otlp(1772359200100000000, 1400), otlp(1772359201100000000, 7), otlp(1, 1, code=2)]
    spans.append({"name": "GET /", "startTimeUnixNano": "1", "endTimeUnixNano": "2"})
    document = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    trace = read_trace(write(json.dumps(document, indent=indent), "t.json"))
    assert trace.report.format == "otlp-json"
    assert trace.input_tokens.tolist() == [1400, 7]
    np.testing.assert_allclose(trace.arrival_s, [0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(trace.extras["e2e_s"], 2.9, atol=1e-6)
    assert trace.report.dropped == {"failed call": 1}


def test_failures_and_repeats_of_a_table_are_left_out_and_counted(write):
    text = HEADER + ",request_id,status\n0,500,20,a,200\n0,500,20,a,200\n1,500,1,b,503\n"
    trace = read_trace(write(text + "2,500,1,b,503\n4,500,20,b,200\n"))
    assert trace.arrival_s.tolist() == [0.0, 4.0]
    assert trace.report.dropped == {"failed request": 2, "repeated row": 1}


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_decimals_and_stamps_of_parquet_are_numbers_and_times(tmp_path):
    tokens = pa.array([Decimal(500), Decimal(600)], pa.decimal128(18, 0))
    for unit, per_s in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        stamps = pa.array([1_700_000_000 * per_s, 1_700_000_003 * per_s], pa.timestamp(unit, "UTC"))
        file = tmp_path / f"{unit}.parquet"
        trace = read_trace(
            parquet(file, arrival_s=stamps, input_tokens=tokens, output_tokens=tokens)
        )
        assert trace.input_tokens.tolist() == [500, 600]
        assert trace.arrival_s.tolist() == [0.0, 3.0]


def test_zstd_is_seen_through_and_a_cut_one_is_told(write):
    packed = pa.compress(table(0, 1, 2).encode(), codec="zstd", asbytes=True)
    assert len(read_trace(write(packed, "t.csv.zst"))) == 3
    with pytest.raises(TraceError, match="ends or breaks here"):
        read_trace(write(packed[:-5], "cut.csv.zst"))


def test_a_run_tells_how_little_of_its_trace_it_uses():
    assert next(iter(part_used(1, 1179, whole=True))).startswith("1 of 1,179 requests")
    assert "at least 20,000" in next(iter(part_used(10, 20_000, whole=False)))
    assert not list(part_used(100, 1179, whole=True))
