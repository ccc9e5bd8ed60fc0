"""One run, written as each load generator writes it, is read back as the same run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim.calibration.benchmarks import read_benchmark
from sim.calibration.logs import is_request_log, read_request_log
from sim.errors import TraceError

EPOCH_S = 1_700_000_000.0


def rows(run):
    columns = (run.arrival_s, run.first_token_s, run.last_token_s, run.input_tokens)
    return zip(*(column.tolist() for column in (*columns, run.output_tokens)), strict=True)


def vllm(run):
    listed = list(rows(run))
    return {
        "mean_tpot_ms": 30.0,
        "start_times": [EPOCH_S + start for start, *_ in listed],
        "ttfts": [first - start for start, first, *_ in listed],
        "itls": [[(last - first) / max(o - 1, 1)] * (o - 1) for _, first, last, _, o in listed],
        "input_lens": [inputs for *_, inputs, _ in listed],
        "output_lens": [outputs for *_, outputs in listed],
    }


def guidellm_old(run):
    keys = ("start_time", "first_token_time", "last_token_time", "prompt_tokens", "output_tokens")
    requests = [dict(zip(keys, row, strict=True)) for row in rows(run)]
    return {"benchmarks": [{"requests": {"successful": requests, "errored": [{}]}}]}


def guidellm_new(run):
    requests = [
        {
            "prompt_tokens": inputs,
            "output_tokens": outputs,
            "info": {
                "timings": {
                    "request_start": start,
                    "first_token_iteration": first,
                    "last_token_iteration": last,
                }
            },
        }
        for start, first, last, inputs, outputs in rows(run)
    ]
    return {"benchmarks": [{"requests": {"successful": requests}}]}


def aiperf_lines(run):
    for start, first, last, inputs, outputs in rows(run):
        yield {
            "metadata": {"request_start_ns": int(start * 1e9), "benchmark_phase": "profiling"},
            "metrics": {
                "time_to_first_token": {"value": (first - start) * 1e3, "unit": "ms"},
                "request_latency": {"value": (last - start) * 1e3, "unit": "ms"},
                "input_sequence_length": {"value": inputs, "unit": "tokens"},
                "output_sequence_length": {"value": outputs, "unit": "tokens"},
            },
            "error": None,
        }
    yield {"metadata": {"request_start_ns": 5}, "metrics": {}, "error": {"code": 500}}


def same(run, other):
    assert other.input_tokens.tolist() == run.input_tokens.tolist()
    assert other.output_tokens.tolist() == run.output_tokens.tolist()
    # Doubles near the Unix epoch hold a quarter of a microsecond.
    assert np.abs(other.statistics() - run.statistics()).max() < 1e-6


@pytest.mark.parametrize("write", [vllm, guidellm_old, guidellm_new])
def test_json_with_times_per_request(write, served, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(write(served)))
    measured = read_benchmark(path)
    assert measured.points == []
    same(served, measured.runs[0])


def test_aiperf_records(served, tmp_path):
    path = tmp_path / "profile_export.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in aiperf_lines(served)))
    assert not is_request_log(path)
    same(served, read_benchmark(path).runs[0])


def test_vllm_style_log(served, tmp_path):
    path = tmp_path / "requests.jsonl"
    keys = ("queued_ts", "first_token_ts", "last_token_ts", "input_toks", "output_toks")
    lines = (json.dumps(dict(zip(keys, row, strict=True))) for row in rows(served))
    path.write_text("\n".join(lines) + "\n")
    assert is_request_log(path)
    same(served, read_request_log(path))


AVERAGES = [
    {
        "completed": 10,
        "total_input_tokens": 5000,
        "total_output_tokens": 2000,
        "mean_tpot_ms": 20.0,
        "median_itl_ms": 18.0,
        "output_throughput": 800.0,
    },
    {
        "inter_token_latency": {"avg": 20.0, "p50": 18.0, "unit": "ms"},
        "input_sequence_length": {"avg": 500},
        "output_sequence_length": {"avg": 200},
        "output_token_throughput": {"avg": 800.0},
    },
]


@pytest.mark.parametrize("document", AVERAGES)
def test_averages_become_a_point_by_little_s_law(document, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document))
    (point,) = read_benchmark(path).points
    assert point.batch == pytest.approx(16.0)
    assert (point.prompt_tokens, point.output_tokens) == (500, 200)
    assert (point.itl_s, point.tokens_per_s) == (pytest.approx(0.018), 800.0)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.json", "{", "1:2: got no JSON, it ends too early"),
        ("a.json", "[]", "expected results of vllm bench serve, GuideLLM or AIPerf"),
        ("a.json", '{"mean_tpot_ms": 3}', "got no key 'completed'"),
        ("a.json", '{"benchmarks": [{}]}', "got no key 'requests'"),
        ("a.jsonl", '{"metrics": {}}', "got no key 'metadata'"),
        (
            "a.json",
            json.dumps({**AVERAGES[0], "mean_tpot_ms": 0}),
            "got an average of 0 or below, expected averages above 0",
        ),
    ],
)
def test_other_files_are_refused_by_name(name, text, expected, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(TraceError) as caught:
        read_benchmark(path)
    assert str(caught.value).startswith(f"{path}:")
    assert expected in str(caught.value)


GOOD = (
    '{"queued_ts": 1, "first_token_ts": 2, "last_token_ts": 3, "input_toks": 4, "output_toks": 5}'
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nonsense", "expected a JSON object"),
        ("[1]", "expected a JSON object"),
        (GOOD.replace("4", "null"), "input_toks: got None, expected a number"),
        (GOOD.replace("4", "NaN"), "input_toks: got nan, expected a number"),
        (GOOD.replace("5", "0"), "tokens: got 4 in, 0 out, expected at least 1 each"),
        (GOOD.replace("3", "1.5"), "times: got out of order, expected queued <= first token"),
    ],
)
def test_a_bad_line_of_a_log_is_told_with_its_number(line, expected, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n{GOOD}\n")
    with pytest.raises(TraceError) as caught:
        read_request_log(path)
    (problem,) = caught.value.problems
    assert problem.line == 3
    assert expected in str(problem)


def test_an_absent_log_and_an_empty_one_are_refused(tmp_path):
    with pytest.raises(TraceError, match="no such file or directory"):
        read_request_log(tmp_path / "absent.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(TraceError, match="got no requests"):
        read_request_log(tmp_path / "empty.jsonl")
