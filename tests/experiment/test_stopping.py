"""Sequential stopping reaches its width and no more than it has to."""

import numpy as np
import pytest

from sim.experiment.statistics.intervals import replication_interval
from sim.experiment.statistics.stopping import (
    Precision,
    next_size,
    replicate_until,
    replications_needed,
)


def runner(spread, calls):
    def run(numbers):
        calls.extend(numbers)
        return [{"x": 10 + spread * np.random.default_rng([2, n]).normal()} for n in numbers]

    return run


def test_reaches_the_width_and_repeats_no_replication():
    calls = []
    samples = replicate_until(runner(2.0, calls), Precision(relative=0.05))
    interval = replication_interval([sample["x"] for sample in samples])
    assert interval.relative_half_width <= 0.05
    assert calls == list(range(len(samples)))


def test_a_quiet_number_stops_at_the_least():
    assert len(replicate_until(runner(0.001, []), Precision(relative=0.05, least=4))) == 4


def test_gives_up_at_the_most():
    assert len(replicate_until(runner(500.0, []), Precision(relative=0.01, most=23))) == 23


def test_the_worst_number_decides():
    samples = [{"quiet": 1.0, "loud": float(value)} for value in (1, 2, 3, 4, 5)]
    assert next_size(samples, Precision(relative=0.05)) == 10


def test_replications_needed_follows_the_square_root_law():
    interval = replication_interval([9.0, 11.0, 9.0, 11.0])
    width = interval.relative_half_width
    assert replications_needed(interval, width) == 4
    assert replications_needed(interval, width / 3) in (36, 37)
    assert replications_needed(replication_interval([1.0]), 0.05) == 2


def test_needs_less_than_half_of_a_fixed_number_at_equal_width():
    # A fixed number has to serve the worst of the points; sequential stopping serves each.
    spreads = [0.3, 0.5, 0.8, 1.2, 2.5]
    used = [len(replicate_until(runner(s, []), Precision(relative=0.05))) for s in spreads]
    assert sum(used) <= 0.5 * max(used) * len(spreads)


def test_coverage_after_stopping_stays_close_to_nominal():
    hits = 0
    for seed in range(300):
        generator = np.random.default_rng([8, seed])
        samples = replicate_until(
            lambda numbers, g=generator: [{"x": g.normal(10.0, 1.5)} for _ in numbers],
            Precision(relative=0.05, least=10),
        )
        hits += replication_interval([sample["x"] for sample in samples]).contains(10.0)
    assert hits / 300 == pytest.approx(0.93, abs=0.04)
