"""Windows, thinning and superposition keep what they must keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import TraceError
from sim.interfaces import PrefixBlocks
from sim.traffic.fitting.statistics import dispersion
from sim.traffic.trace import Labels, make_trace, natural_span_s
from sim.traffic.transforms import scale_rate, shift_round, superpose, thin, window


def test_a_window_moves_its_start_to_zero(ten_seconds):
    part = window(ten_seconds, 2.0, 5.0)
    assert part.arrival_s.tolist() == [0.5, 1.5, 2.5]
    assert part.input_tokens.tolist() == [102, 103, 104]
    assert part.span_s == 3.0


def test_a_window_ends_where_the_trace_does(ten_seconds):
    assert window(ten_seconds, 8.0, np.inf).span_s == 2.0


def test_the_natural_span_gives_the_last_request_a_mean_gap():
    assert natural_span_s(np.array([1.0, 2.0, 5.0])) == 7.0
    assert natural_span_s(np.array([3.0])) == 4.0
    assert natural_span_s(np.array([])) == 0.0


def test_shifting_round_keeps_rows_together(ten_seconds):
    moved = shift_round(ten_seconds, -2.0)
    assert moved.arrival_s.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]
    assert moved.input_tokens.tolist() == [102, 103, 104, 105, 106, 107, 108, 109, 100, 101]


@given(st.floats(-60, 60), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_a_shifted_trace_stays_inside_its_span_and_in_order(offset_s, count, seed):
    arrivals = np.sort(np.random.default_rng(seed).uniform(0, 100, count))
    moved = shift_round(
        make_trace(arrivals, range(1, count + 1), range(1, count + 1), 100), offset_s
    )
    assert (np.diff(moved.arrival_s) >= 0).all()
    assert moved.arrival_s.min() >= 0
    assert moved.arrival_s.max() < 100
    assert sorted(moved.input_tokens.tolist()) == list(range(1, count + 1))


def test_thinning_keeps_rows_whole_and_about_its_share(generator):
    trace = make_trace(np.arange(100_000), range(1, 100_001), range(1, 100_001))
    part = thin(trace, 0.3, generator)
    assert (part.input_tokens == part.output_tokens).all()
    assert part.arrival_s.tolist() == (part.input_tokens - 1).tolist()
    # Binomial: three standard deviations of 100,000 draws at 0.3.
    assert abs(len(part) - 30_000) < 3 * np.sqrt(100_000 * 0.3 * 0.7)
    assert part.span_s == trace.span_s


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_whole_factors_superpose_every_row_so_often(ten_seconds, factor, generator):
    scaled = superpose(ten_seconds, factor, generator)
    assert sorted(scaled.input_tokens.tolist()) == sorted(
        ten_seconds.input_tokens.tolist() * factor
    )
    assert scaled.span_s == 10.0


def test_superposition_keeps_the_first_copy_in_place(ten_seconds, generator):
    scaled = superpose(ten_seconds, 2.5, generator)
    assert 20 <= len(scaled) <= 30
    assert set(ten_seconds.arrival_s.tolist()) <= set(scaled.arrival_s.tolist())
    assert (np.diff(scaled.arrival_s) >= 0).all()


def test_superposition_of_a_drifting_trace_keeps_its_slow_modulation(generator):
    """With drift far above the Poisson noise, f copies have f times the dispersion."""
    ten_minutes = np.where(np.arange(12) % 2, 9000, 3000)
    starts = np.repeat(np.arange(12) * 600.0, ten_minutes)
    arrivals = np.sort(starts + generator.random(len(starts)) * 600)
    trace = make_trace(arrivals, np.ones(len(starts)), np.ones(len(starts)), 7200.0)
    copies = scale_rate(trace, 4.0, "auto", generator)
    assert dispersion(trace.arrival_s, 60, 7200) > 100
    ratio = dispersion(copies.arrival_s, 60, 7200) / dispersion(trace.arrival_s, 60, 7200)
    assert 3.5 < ratio < 4.2


def test_stretching_changes_the_clock_only_when_asked(ten_seconds, generator):
    assert scale_rate(ten_seconds, 2.0, "stretch", generator).span_s == 5.0
    assert scale_rate(ten_seconds, 2.0, "auto", generator).span_s == 10.0


@pytest.mark.parametrize(
    ("factor", "method", "message"),
    [
        (0.0, "auto", "scale: got 0, expected a finite factor above 0"),
        (np.inf, "auto", "scale: got inf, expected a finite factor above 0"),
        (2.0, "thin", "scale: got 2 by thinning, expected at most 1 .method: superpose, or auto"),
        (0.5, "superpose", "scale: got 0.5 by superposition, expected at least 1 .method: thin"),
    ],
)
def test_impossible_factors_are_told(ten_seconds, generator, factor, method, message):
    with pytest.raises(TraceError, match=message):
        scale_rate(ten_seconds, factor, method, generator)


def test_labels_and_prefix_blocks_follow_their_rows():
    labels = Labels(np.array([0, 1, -1], dtype=np.int32), ("a", "b"))
    blocks = PrefixBlocks(np.array([1, 2, 3, 9, 9, 7]), np.array([0, 3, 5, 6]), 512)
    order = np.array([2, 0])
    assert labels.take(order).codes.tolist() == [-1, 0]
    taken = blocks.take(order)
    assert taken.of(0).tolist() == [7]
    assert taken.of(1).tolist() == [1, 2, 3]
