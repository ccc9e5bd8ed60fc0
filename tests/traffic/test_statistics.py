"""Statistics on streams whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.traffic.fitting.statistics import (
    autocorrelation,
    counts,
    dispersion,
    empty_share,
    gap_cv,
    rate_size_correlation,
    ruler_waits,
    ruler_work,
)


def test_counts_leave_out_the_partial_window():
    assert counts(np.array([0.0, 0.9, 1.0, 2.5, 3.1]), 1.0, 3.5).tolist() == [2, 1, 1]


def test_a_regular_stream_has_no_dispersion():
    assert dispersion(np.arange(100) + 0.5, 10.0, 100.0) == 0.0


def test_dispersion_is_the_sample_variance_over_the_mean():
    arrivals = np.array([0.1, 0.2, 0.3, 1.5])
    assert dispersion(arrivals, 1.0, 2.0) == pytest.approx(2.0 / 2.0)


def test_poisson_has_dispersion_one_at_every_window(generator):
    arrivals = np.sort(generator.uniform(0, 20_000, 100_000))
    for window_s in (1.0, 10.0):
        windows = 20_000 / window_s
        assert dispersion(arrivals, window_s, 20_000) == pytest.approx(
            1, abs=4 * np.sqrt(2 / windows)
        )


def test_too_short_streams_have_no_statistics():
    assert np.isnan(dispersion(np.array([0.5]), 1.0, 1.0))
    assert np.isnan(gap_cv(np.array([0.5])))
    assert np.isnan(autocorrelation(np.array([1.0])))
    assert np.isnan(autocorrelation(np.ones(10)))
    assert np.isnan(rate_size_correlation(np.array([1.0, 2.0]), np.array([1, 2])))


def test_empty_seconds():
    assert empty_share(np.array([0.5, 0.6, 3.5]), 1.0, 4.0) == 0.5


def test_autocorrelation_of_alternating_values_is_minus_one():
    assert autocorrelation(np.tile([1.0, -1.0], 1000)) == pytest.approx(-1, abs=0.01)


def test_rate_and_size_that_move_together():
    minutes = np.repeat([0, 1, 2, 3], [10, 20, 30, 40])
    arrivals = minutes * 60.0 + 1
    assert rate_size_correlation(arrivals, 100 - 2 * minutes) == pytest.approx(-1)


def test_the_ruler_by_hand():
    """Speed is 10.5 work in 2 s at load 0.7, so the first request takes 10 / 7.5 s."""
    work = np.array([10.0, 0.25, 0.25])
    waits = ruler_waits(np.array([0.0, 1.0, 2.0]), work, load=0.7)
    assert waits == pytest.approx([0.0, 10 / 7.5 - 1, 0.0])
    assert ruler_work(np.array([1000]), np.array([40])).tolist() == [3.0]


@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_the_ruler_is_lindleys_recursion(count, seed):
    generator = np.random.default_rng(seed)
    arrivals = np.cumsum(generator.exponential(1.0, count))
    work = generator.exponential(1.0, count)
    service = work / work.sum() * (arrivals[-1] - arrivals[0]) * 0.9
    waits = [0.0]
    for i in range(1, count):
        waits.append(max(0.0, waits[-1] + service[i - 1] - (arrivals[i] - arrivals[i - 1])))
    assert ruler_waits(arrivals, work, 0.9) == pytest.approx(waits, abs=1e-9)


def test_the_reference_numbers_of_the_azure_trace(shared_data):
    from sim.traffic.reader import read_trace

    path = shared_data / "traces/azure-2023/AzureLLMInferenceTrace_conv.csv"
    if not path.is_file():
        pytest.skip("the Azure 2023 conversation trace is not in ../shared/data")
    trace = read_trace(path)
    arrivals, span_s = trace.arrival_s, trace.span_s
    idc = [dispersion(arrivals, window_s, span_s) for window_s in (1, 10, 60, 300)]
    assert idc == pytest.approx([1.39, 3.87, 16.41, 61.70], abs=0.006)
    waits = ruler_waits(arrivals, ruler_work(trace.input_tokens, trace.output_tokens))
    assert np.quantile(waits, [0.5, 0.95, 0.99]) == pytest.approx([0.13, 1.10, 1.97], abs=0.006)
    assert rate_size_correlation(arrivals, trace.input_tokens) == pytest.approx(0.52, abs=0.006)
    assert rate_size_correlation(arrivals, trace.output_tokens) == pytest.approx(-0.84, abs=0.006)
    assert gap_cv(arrivals) == pytest.approx(1.094, abs=0.001)
    assert empty_share(arrivals, 1.0, span_s) == pytest.approx(0.011, abs=0.0005)
    assert autocorrelation(counts(arrivals, 1.0, span_s)) == pytest.approx(0.219, abs=0.0006)
    assert autocorrelation(counts(arrivals, 60.0, span_s)) == pytest.approx(0.810, abs=0.0006)
