"""Reads result files of load generators: vLLM bench, GuideLLM and AIPerf.

Files with times per request become runs, which the fit replays; files with averages only become
operating points. The batch of a point follows from Little's law: tokens per second times the time
that a token takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from sim.calibration.logs import read_text, run_of
from sim.calibration.run import Run
from sim.calibration.servers import ServerRun
from sim.errors import Problem, TraceError
from sim.reasons import json_value

Row = tuple[float, float, float, float, float]
NS = 1e-9
MS = 1e-3


class _NotPositiveError(Exception):
    """An average that has to be above 0 is not."""


@dataclass(slots=True)
class Measured:
    """What was read: runs with times per request, and points with averages only."""

    runs: list[Run] = field(default_factory=list)
    points: list[ServerRun] = field(default_factory=list)


def read_benchmark(path: Path) -> Measured:
    """Read one result file, whichever of the three tools wrote it.

    Args:
        path: ``vllm bench serve --save-result`` JSON (with ``--save-detailed``, times per
            request), GuideLLM ``benchmarks.json``, AIPerf ``profile_export.jsonl`` or
            ``profile_export_aiperf.json``.

    Raises:
        TraceError: it is none of them, or numbers are missing; names which.
    """
    text, expected = read_text(path), "a JSON result file"
    try:
        if path.suffix == ".jsonl":
            rows = [
                _aiperf_row(json_value(line, str(path), expected, number, TraceError))
                for number, line in enumerate(text.splitlines(), 1)
                if line.strip()
            ]
            return Measured(runs=_runs([rows]))
        document = json_value(text, str(path), expected, error=TraceError)
        if isinstance(document, dict):
            for mark, reader in READERS.items():
                if mark in document:
                    return reader(document)
    except KeyError as missing:
        got = f"no key {missing.args[0]!r}"
        raise _refusal(path, got, "the tool's own result format") from None
    except _NotPositiveError:
        raise _refusal(path, "an average of 0 or below", "averages above 0") from None
    except (ValueError, TypeError, IndexError):
        got = "a value of another kind than the tool writes"
        raise _refusal(path, got, "the tool's own result format") from None
    expected = "results of vllm bench serve, GuideLLM or AIPerf"
    raise _refusal(path, "another kind of JSON", expected)


def _refusal(path: Path, got: str, expected: str) -> TraceError:
    return TraceError([Problem("", got, expected, str(path))])


def _vllm(document: Mapping[str, Any]) -> Measured:
    if "start_times" in document and "itls" in document:
        keys = ("start_times", "ttfts", "itls", "input_lens", "output_lens")
        columns = zip(*(document[key] for key in keys), strict=True)
        rows = [
            (start, start + ttft, start + ttft + sum(gaps), inputs, outputs)
            for start, ttft, gaps, inputs, outputs in columns
            if outputs > 0 and ttft > 0
        ]
        return Measured(runs=_runs([rows]))
    completed = document["completed"]
    tpot_s, tokens_per_s = document["mean_tpot_ms"] * MS, document["output_throughput"]
    point = _point(
        document["total_input_tokens"] / completed,
        document["total_output_tokens"] / completed,
        document.get("median_itl_ms", document["mean_tpot_ms"]) * MS,
        tokens_per_s,
        tpot_s,
    )
    return Measured(points=[point])


def _guidellm(document: Mapping[str, Any]) -> Measured:
    return Measured(
        runs=_runs(
            [
                [_guidellm_row(request) for request in benchmark["requests"]["successful"]]
                for benchmark in document["benchmarks"]
            ]
        )
    )


def _guidellm_row(request: Mapping[str, Any]) -> Row:
    if "first_token_time" in request:
        start, first, last = (
            request[key] for key in ("start_time", "first_token_time", "last_token_time")
        )
    else:
        timings = request["info"]["timings"]
        start = timings["request_start"]
        first = _either(timings, "first_token_iteration", "first_iteration")
        last = _either(timings, "last_token_iteration", "last_iteration")
    return start, first, last, request["prompt_tokens"], request["output_tokens"]


def _aiperf_row(record: Mapping[str, Any]) -> Row | None:
    if record.get("error") or record["metadata"].get("benchmark_phase", "profiling") == "warmup":
        return None
    metrics, start = record["metrics"], record["metadata"]["request_start_ns"] * NS
    first = start + _seconds(metrics["time_to_first_token"])
    last = start + _seconds(metrics["request_latency"])
    inputs, outputs = (metrics[f"{side}_sequence_length"]["value"] for side in ("input", "output"))
    return start, first, last, inputs, outputs


def _aiperf(document: Mapping[str, Any]) -> Measured:
    records = document.get("records", document)
    gap_s = _seconds(records["inter_token_latency"], "avg")
    point = _point(
        records["input_sequence_length"]["avg"],
        records["output_sequence_length"]["avg"],
        _seconds(records["inter_token_latency"], "p50"),
        records["output_token_throughput"]["avg"],
        gap_s,
    )
    return Measured(points=[point])


# A key of the document -> the tool that writes it.
READERS: Mapping[str, Callable[[Mapping[str, Any]], Measured]] = {
    "mean_tpot_ms": _vllm,
    "benchmarks": _guidellm,
    "inter_token_latency": _aiperf,
    "records": _aiperf,
}


def _seconds(metric: Mapping[str, Any], statistic: str = "value") -> float:
    scale = {"ms": MS, "s": 1.0, "us": 1e-6, "ns": NS}[metric.get("unit", "ms")]
    return float(metric[statistic]) * scale


def _either(mapping: Mapping[str, Any], *keys: str) -> Any:
    return mapping[next((key for key in keys if mapping.get(key) is not None), keys[0])]


def _point(
    inputs: float, outputs: float, median_gap_s: float, tokens_per_s: float, mean_gap_s: float
) -> ServerRun:
    numbers = (inputs, outputs, median_gap_s, tokens_per_s, mean_gap_s)
    if not all(isfinite(number) and number > 0 for number in numbers):
        raise _NotPositiveError
    return ServerRun(
        batch=tokens_per_s * mean_gap_s,
        prompt_tokens=inputs,
        prompt_cv=0.0,
        output_tokens=outputs,
        itl_s=median_gap_s,
        tokens_per_s=tokens_per_s,
        power_w=nan,
    )


def _runs(groups: list[list[Row | None]] | list[list[Row]]) -> list[Run]:
    return [run_of(np.array(rows, dtype=np.float64)) for rows in _usable(groups) if rows]


def _usable(groups: list[Any]) -> Iterator[list[Row]]:
    """Yield each group without failed requests and without those of a single token."""
    for group in groups:
        yield [row for row in group if row is not None and all(map(isfinite, row)) and row[4] >= 1]
