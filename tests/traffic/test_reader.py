"""Reading trace files: windows, bad rows, memory, and files out of a fuzzer."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.errors import InputError, TraceError
from sim.traffic.reader import detect_format, read_trace

HEADER = "arrival_s,input_tokens,output_tokens\n"
ROWS = HEADER + "".join(f"{i},{100 + i},{1 + i}\n" for i in range(20))


def test_columns_are_found_by_name_in_any_order(write):
    trace = read_trace(
        write("tier,output_tokens,note,arrival_s,input_tokens\ngold,7,hello,2.5,9\n")
    )
    assert trace.arrival_s.tolist() == [2.5]
    assert trace.input_tokens.tolist() == [9]
    assert trace.output_tokens.tolist() == [7]
    assert trace.labels["tier"].names == ("gold",)


def test_formats_are_told_apart_by_the_header(write):
    assert detect_format(write(ROWS)) == "loadbank-csv"
    azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00+00:00,1,1\n"
    assert detect_format(write(azure)) == "azure"


def test_an_unknown_format_name_gets_the_known_ones(write):
    with pytest.raises(
        InputError, match=r"got 'azur', expected one of agent.*did you mean 'azure'"
    ):
        read_trace(write(ROWS), "azur")


def test_gzip_and_plain_read_the_same(write):
    plain = read_trace(write(ROWS))
    packed = read_trace(write(gzip.compress(ROWS.encode()), "trace.csv.gz"))
    assert packed.arrival_s.tolist() == plain.arrival_s.tolist()


@pytest.mark.parametrize(
    ("from_s", "to_s", "first", "last", "span_s"),
    [(0, 5, 0, 4, 5), (5, 10, 5, 9, 10), (5, 1e9, 5, 19, 20), (0, 20, 0, 19, 20)],
)
def test_a_window_holds_its_start_and_not_its_end(write, from_s, to_s, first, last, span_s):
    trace = read_trace(write(ROWS), from_s=from_s, to_s=to_s)
    assert (trace.arrival_s[0], trace.arrival_s[-1], trace.span_s) == (first, last, span_s)


def test_an_empty_window_is_an_error_that_names_it(write):
    with pytest.raises(TraceError, match="no usable request between 100 s and 200 s"):
        read_trace(write(ROWS), from_s=100, to_s=200)


def test_skipped_rows_are_counted_by_reason_and_the_rest_is_kept(write):
    text = HEADER + "0,1,1\nx,1,1\n1,-1,1\n2,1\n1.5,2,2\n1,3,3\n3,0,1\n4,5,5\n"
    trace = read_trace(write(text), bad_rows="skip")
    assert trace.arrival_s.tolist() == [0, 1.5, 4]
    assert trace.report.dropped == {
        "clock goes back": 1,
        "unreadable input_tokens": 1,
        "unreadable time": 1,
        "wrong number of columns": 1,
        "zero input_tokens": 1,
    }
    assert sorted(problem.line for problem in trace.report.problems) == [3, 4, 5, 7, 8]


def test_refusing_tells_at_most_twenty_problems(write):
    with pytest.raises(TraceError) as caught:
        read_trace(write(HEADER + "nan,1,1\n" * 1000))
    assert [problem.line for problem in caught.value.problems] == list(range(2, 22))


def test_failed_requests_of_a_public_trace_are_dropped_not_refused(write):
    text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,5,0\n2024-05-10 00:00:01,5,2\n"
    trace = read_trace(write(text))
    assert len(trace) == 1
    assert trace.report.dropped == {"zero output_tokens": 1}


def test_a_clock_may_not_go_back_across_chunks(write):
    filler = "".join(f"{i},1,1\n" for i in range(100_000))
    with pytest.raises(TraceError, match=r":100002: arrival_s: got an arrival that goes back"):
        read_trace(write(HEADER + filler + "5,1,1\n"))


def test_memory_for_a_window_does_not_grow_with_the_file(write):
    rows = "".join(f"{i},123,45\n" for i in range(400_000))
    path = write(gzip.compress((HEADER + rows).encode(), compresslevel=1), "big.csv.gz")
    tracemalloc.start()
    trace = read_trace(path, from_s=350_000, to_s=350_010)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(trace) == 10
    assert peak < 60e6


fragments = st.one_of(
    st.sampled_from(
        [
            "0",
            "1",
            "-1",
            "1e9",
            "nan",
            "inf",
            "",
            '"',
            ",",
            "\n",
            "\r\n",
            "\r",
            "1.5",
            "9" * 30,
            "\0",
        ]
    ),
    st.text(max_size=5),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(fragments, max_size=40), st.sampled_from(["refuse", "skip"]))
def test_any_text_gives_a_trace_or_a_message_with_the_file(tmp_path, parts, bad_rows):
    path = tmp_path / "fuzzed.csv"
    path.write_text(HEADER + "0,1,1\n" + "".join(parts), newline="")
    problems, trace = [], None
    try:
        trace = read_trace(path, "loadbank-csv", bad_rows)
    except TraceError as error:
        problems = error.problems
    assert (trace is None) == bool(problems)
    assert all(problem.file == str(path) and "got" in str(problem) for problem in problems)
    if trace is not None:
        assert (np.diff(trace.arrival_s) >= 0).all()
        assert trace.input_tokens.min() >= 1
        assert trace.output_tokens.min() >= 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_never_a_crash(tmp_path, data):
    path = tmp_path / "fuzzed"
    path.write_bytes(data)
    with pytest.raises(TraceError, match="fuzzed"):
        read_trace(path)


JSON_FORMATS = ("mooncake", "bailian", "tracelab", "sagemaker", "agent-spans", "agent-sessions")
JSON_KEYS = st.sampled_from(
    [
        *("timestamp", "input_length", "output_length", "hash_ids", "session_id", "delay"),
        *("chat_id", "parent_chat_id", "turn", "type", "requests", "block_size", "t", "in", "out"),
        *("timing_events", "event_type", "captureData", "endpointOutput", "data", "encoding"),
        *("eventMetadata", "inferenceTime", "spans", "attributes", "start_time", "usage"),
        *("input_tokens_total", "output_tokens", "round_index", "think_time", "api_time"),
    ]
)
json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.sampled_from(["llm_call", "subagent", "2025-01-01T00:00:00Z", "BASE64", "e30=", "x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(JSON_KEYS, inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    st.lists(st.dictionaries(JSON_KEYS, json_values, max_size=8), min_size=1, max_size=4),
    st.sampled_from(JSON_FORMATS),
    st.sampled_from(["refuse", "skip"]),
)
def test_any_json_gives_a_trace_or_a_message_with_the_file(tmp_path, records, name, bad_rows):
    path = tmp_path / "fuzzed.json"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    try:
        trace = read_trace(path, name, bad_rows)
    except TraceError as error:
        problems = error.problems
    else:
        problems = []
        assert (np.diff(trace.arrival_s) >= 0).all()
        assert trace.output_tokens.min() >= 1
    assert all(problem.file == str(path) for problem in problems)


def test_json_of_endless_depth_is_a_malformed_row(write):
    deep = '{"timestamp": ' + "[" * 100_000 + "\n"
    good = '{"timestamp": 0, "input_length": 1, "output_length": 1}\n'
    trace = read_trace(write(good + deep), "mooncake", "skip")
    assert trace.report.dropped == {"not a JSON object": 1}


def test_times_since_1970_count_from_the_first_request(write):
    text = HEADER + "".join(f"{1_700_000_000.5 + i},5,5\n" for i in range(5))
    trace = read_trace(write(text), to_s=3.0)
    assert trace.arrival_s.tolist() == [0, 1, 2]
    assert trace.report.origin_unix_s == 1_700_000_000.5
