"""The description of a trace, on one whose numbers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.errors import TraceError
from sim.interfaces import PrefixBlocks
from sim.traffic.fitting.describe import describe
from sim.traffic.fitting.fingerprint import Fingerprint, fingerprint
from sim.traffic.trace import Labels, Trace, make_trace


def test_a_regular_trace():
    index = np.arange(1200)
    trace = make_trace(index * 0.5, np.full(1200, 100), 1 + index % 2, 600.0)
    found = describe(trace)
    assert found.requests == 1200
    assert found.rate_per_s == 2.0
    assert set(found.dispersion.values()) == {0.0}
    assert found.empty_seconds == 0.0
    assert found.gap_cv == 0.0
    assert found.gaps_s == {0.1: 0.5, 0.5: 0.5, 0.9: 0.5, 0.99: 0.5}
    assert found.peak_to_mean == {1.0: 1.0, 60.0: 1.0}
    assert (found.input_tokens.mean, found.input_tokens.cv) == (100.0, 0.0)
    assert found.output_tokens.quantiles[0.5] == 1.5
    assert math.isnan(found.input_output)
    assert found.grid_s == 0.5
    assert not found.is_coarse


def test_labels_sessions_and_blocks():
    plain = make_trace([0.0, 1.0, 2.0], [10, 20, 30], [1, 2, 3])
    codes = np.array([0, -1, 0], dtype=np.int32)
    trace = Trace(
        plain.arrival_s, plain.input_tokens, plain.output_tokens, 3.0,
        labels={"session": Labels(codes, ("a",))},
        blocks=PrefixBlocks(np.array([1, 2, 1]), np.array([0, 1, 2, 3]), 512),
    )  # fmt: skip
    found = describe(trace)
    assert found.sessions == 1
    assert found.labels == {"session": 1}
    assert found.block_hits[float("inf")] == pytest.approx(1 / 3)
    assert found.input_output == pytest.approx(1.0)


def test_one_request_can_be_described():
    found = describe(make_trace([5.0], [10], [2]))
    assert found.requests == 1
    assert math.isnan(found.gap_cv)
    assert math.isnan(found.gaps_s[0.5])


def test_errors_are_relative_but_for_shares_and_correlations():
    reference = Fingerprint({"idc_1s": 2.0, "empty_seconds": 0.5, "rate_output": -0.8})
    errors = Fingerprint({"idc_1s": 3.0, "empty_seconds": 0.6, "rate_output": -0.5}).errors(
        reference
    )
    assert errors == pytest.approx({"idc_1s": 0.5, "empty_seconds": 0.1, "rate_output": 0.3})


def test_statistics_that_a_trace_is_too_short_for_are_left_out(generator):
    times = np.sort(generator.uniform(0, 100, 500))
    values = fingerprint(make_trace(times, np.ones(500), np.ones(500), 100.0)).values
    assert "idc_10s" in values
    assert "idc_60s" not in values
    assert "rate_input" not in values


def test_a_clock_that_starts_long_before_the_first_request_does_not_count_as_empty():
    late = make_trace(400_000.0 + np.arange(1000), np.ones(1000), np.ones(1000))
    found = describe(late)
    assert found.span_s == pytest.approx(1000.0)
    assert found.empty_seconds == 0.0


def test_a_span_of_years_is_refused():
    trace = make_trace([0.0, 9e7], [1, 1], [1, 1])
    with pytest.raises(
        TraceError, match=r"got a span of .* expected at most a year .are the times"
    ):
        describe(trace)
