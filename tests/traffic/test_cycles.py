"""Shuffling cycles keeps every request, every gap and the drift."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rng import Streams
from sim.traffic.arrivals.cycles import CycleShuffle
from sim.traffic.trace import make_trace


def bursts(count=30):
    """Return bursts of three requests 0.1 s apart, one every 10 s, with their own lengths."""
    starts = np.repeat(np.arange(count) * 10.0, 3)
    arrivals = starts + np.tile([0.0, 0.1, 0.2], count)
    lengths = np.arange(1, 3 * count + 1)
    return make_trace(arrivals, lengths, lengths, 10.0 * count)


def test_cycles_end_at_the_longest_silences():
    shuffle = CycleShuffle(bursts(), math.inf, cycle_s=10.0)
    assert shuffle.cycles == 30
    assert shuffle.freedom == pytest.approx(math.lgamma(31))


def test_bursts_stay_whole(generator):
    arranged = CycleShuffle(bursts(), math.inf, cycle_s=10.0).arrange(generator)
    first = arranged.input_tokens[::3]
    assert (arranged.input_tokens == np.repeat(first, 3) + np.tile([0, 1, 2], 30)).all()
    assert (first != bursts().input_tokens[::3]).any()
    assert np.diff(arranged.arrival_s) == pytest.approx(np.diff(bursts().arrival_s))


def test_single_requests_are_cycles_of_length_zero():
    assert CycleShuffle(bursts(), math.inf, cycle_s=0.0).cycles == 90


def test_cycles_stay_in_their_stretch(generator):
    arranged = CycleShuffle(bursts(), stretch_s=50.0, cycle_s=10.0).arrange(generator)
    before = np.floor(bursts().arrival_s[bursts().input_tokens - 1] / 50)
    after = np.floor(arranged.arrival_s / 50)
    assert (after == before[arranged.input_tokens - 1]).all()


traces = st.lists(st.floats(0, 500), min_size=2, max_size=60).map(
    lambda times: make_trace(sorted(times), range(1, len(times) + 1), [1] * len(times), 501.0)
)
stretches = st.sampled_from([math.inf, 100.0, 7.0])


@given(traces, stretches, st.sampled_from([0.0, 5.0, 50.0, 400.0]), st.integers(0, 2**32 - 1))
def test_any_arrangement_keeps_requests_gaps_and_span(trace, stretch_s, cycle_s, seed):
    shuffle = CycleShuffle(trace, stretch_s, cycle_s)
    arranged = shuffle.arrange(np.random.default_rng(seed))
    assert sorted(arranged.input_tokens.tolist()) == list(range(1, len(trace) + 1))
    assert arranged.span_s == trace.span_s
    assert arranged.arrival_s[0] == trace.arrival_s[0]
    assert (np.diff(arranged.arrival_s) >= 0).all()
    gaps = np.diff(np.append(trace.arrival_s, trace.span_s))
    again = np.diff(np.append(arranged.arrival_s, arranged.span_s))
    assert np.sort(again) == pytest.approx(np.sort(gaps), abs=1e-6)


def test_demand_goes_on_with_another_arrangement():
    shuffle = CycleShuffle(bursts(), math.inf, 10.0)
    pieces = shuffle.pieces(Streams(1).generator)
    first, second = next(pieces), next(pieces)
    assert second.arrival_s[0] == first.arrival_s[0] + 300.0
    assert second.input_tokens.tolist() != first.input_tokens.tolist()
    assert sorted(second.input_tokens.tolist()) == sorted(first.input_tokens.tolist())
