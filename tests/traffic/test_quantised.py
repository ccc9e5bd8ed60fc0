"""Clocks that tick in steps."""

from __future__ import annotations

import numpy as np
import pytest

from sim.traffic.fitting.quantised import de_jitter, grid_step_s, is_coarse, smooth
from sim.traffic.fitting.statistics import dispersion, empty_share
from sim.traffic.trace import make_trace


def ticking(step_s, generator, rate=6.0, span_s=3600.0):
    """Return Poisson traffic whose stamps are rounded down to a grid."""
    times = np.sort(generator.uniform(0, span_s, int(rate * span_s)))
    ones = np.ones(len(times))
    return make_trace(np.floor(times / step_s) * step_s, ones, ones, span_s)


@pytest.mark.parametrize("step_s", [0.02, 0.5, 1.0, 3.0, 57.0])
def test_a_coarse_grid_is_found(step_s, generator):
    trace = ticking(step_s, generator)
    assert grid_step_s(trace.arrival_s) == pytest.approx(step_s)
    assert is_coarse(trace.arrival_s, step_s)


def test_milliseconds_are_a_grid_that_does_no_harm(generator):
    trace = ticking(0.001, generator)
    assert grid_step_s(trace.arrival_s) == pytest.approx(0.001)
    assert not is_coarse(trace.arrival_s, 0.001)
    assert smooth(trace, generator) is trace


def test_a_continuous_clock_has_no_grid(generator):
    assert grid_step_s(np.sort(generator.uniform(0, 100, 1000))) == 0.0
    assert grid_step_s(np.arange(10.0)) == 0.0


def test_a_few_stamps_off_the_grid_do_not_hide_it(generator):
    trace = ticking(3.0, generator)
    times = trace.arrival_s.copy()
    times[1000] += 0.4
    assert grid_step_s(times) == 3.0


def test_spreading_undoes_the_artefacts(generator):
    """On a grid of three seconds a Poisson trace looks over-dispersed and half empty."""
    trace = ticking(3.0, generator)
    assert dispersion(trace.arrival_s, 1.0, trace.span_s) > 10
    assert empty_share(trace.arrival_s, 1.0, trace.span_s) > 0.6
    spread = smooth(trace, generator)
    assert dispersion(spread.arrival_s, 1.0, spread.span_s) == pytest.approx(1.0, abs=0.1)
    assert empty_share(spread.arrival_s, 1.0, spread.span_s) < 0.01


def test_spreading_keeps_rows_whole_and_inside_their_tick(generator):
    trace = make_trace([0, 0, 2, 2, 2], [1, 2, 3, 4, 5], [1] * 5, 4.0)
    spread = de_jitter(trace, 2.0, generator)
    assert (np.diff(spread.arrival_s) >= 0).all()
    assert set(spread.input_tokens[:2].tolist()) == {1, 2}
    assert (spread.arrival_s // 2).tolist() == [0, 0, 1, 1, 1]
