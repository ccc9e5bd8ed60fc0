"""Intervals: hand calculations, invariants, and coverage of theory on M/M/c."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim import theory
from sim.errors import ModelLimitError
from sim.experiment.statistics import intervals


def test_t_interval_of_a_textbook_sample():
    # The worked example of Law 2015, section 4.5: ten numbers with mean 1.343 and variance 0.1675 give 1.34 +- 0.24 (90 %).
    sample = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]
    interval = intervals.replication_interval(sample, level=0.90)
    assert interval.value == pytest.approx(1.343)
    assert interval.half_width == pytest.approx(0.237, abs=1e-3)
    assert interval.as_dict()["n"] == 10


def test_one_replication_has_no_interval_and_says_so():
    interval = intervals.replication_interval([3.0])
    assert (interval.low, interval.high) == (-math.inf, math.inf)
    assert interval.as_dict() == {
        "value": 3.0,
        "ci95": [None, None],
        "n": 1,
        "method": "replications",
    }


def test_missing_numbers_are_left_out():
    assert intervals.replication_interval([1.0, math.nan, 3.0]).n == 2
    assert math.isnan(intervals.replication_interval([math.nan]).value)


def test_relative_half_width_of_zero():
    assert intervals.replication_interval([0.0, 0.0]).relative_half_width == 0.0
    assert intervals.replication_interval([-1.0, 1.0]).relative_half_width == math.inf


def test_batch_means_by_hand():
    interval = intervals.batch_interval([9.0, 1.0, 3.0, 5.0, 7.0], batches=2)
    assert interval.value == 4.0  # the first observation does not fill a batch
    assert interval.half_width == pytest.approx(stats.t.ppf(0.975, 1) * 2.0)


def test_overlapping_batches_equal_the_direct_formula():
    series = np.random.default_rng(1).normal(size=103)
    interval = intervals.overlapping_batch_interval(series, batches=10)
    size = 10
    means = np.array([series[k : k + size].mean() for k in range(103 - size + 1)])
    spread = size * ((means - series.mean()) ** 2).sum() / ((103 - size + 1) * (103 - size))
    assert interval.value == pytest.approx(series.mean())
    assert interval.half_width == pytest.approx(stats.t.ppf(0.975, 13) * math.sqrt(spread))


def test_too_few_observations_are_refused():
    with pytest.raises(ModelLimitError, match="20 batches need at least"):
        intervals.batch_interval([1.0] * 19)


@given(
    shift=st.floats(-100, 100),
    scale=st.floats(0.01, 100),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_interval_moves_and_scales_with_its_data(shift, scale, seed):
    data = np.random.default_rng(seed).exponential(size=200)
    for method in (
        intervals.replication_interval,
        intervals.batch_interval,
        intervals.overlapping_batch_interval,
        lambda values: intervals.quantile_by_batches(values, 0.9),
    ):
        plain, moved = method(data), method(shift + scale * data)
        assert moved.value == pytest.approx(shift + scale * plain.value, rel=1e-6, abs=1e-6)
        assert moved.half_width == pytest.approx(scale * plain.half_width, rel=1e-6, abs=1e-6)


def test_half_width_shrinks_with_the_square_root_of_n():
    generator = np.random.default_rng(5)
    few = np.mean(
        [intervals.replication_interval(generator.normal(size=50)).half_width for _ in range(200)]
    )
    many = np.mean(
        [intervals.replication_interval(generator.normal(size=200)).half_width for _ in range(200)]
    )
    assert few / many == pytest.approx(2.0, rel=0.05)


def mmc_waits(generator, count, servers=2, rate=1.4):
    """Waits of a station in steady state: the first fifth is left out."""
    arrival = np.cumsum(generator.exponential(1 / rate, count))
    waits = theory.fcfs_waits(arrival, generator.exponential(1.0, count), servers)
    return waits[count // 5 :]


def coverage(experiments, replications, count):
    """How many 95 % intervals contain the theory: mean, p99 by replications and by one run."""
    truth = theory.mmc_mean_wait_s(1.4, 1.0, 2)
    tail = theory.mmc_wait_quantile_s(1.4, 1.0, 2, 0.99)
    hits = dict.fromkeys(("mean", "p99", "batches", "overlapping", "p99 batches"), 0)
    for number in range(experiments):
        generator = np.random.default_rng([17, number])
        samples = [mmc_waits(generator, count) for _ in range(replications)]
        whole = np.concatenate(samples)
        means = [sample.mean() for sample in samples]
        hits["mean"] += intervals.replication_interval(means).contains(truth)
        hits["p99"] += intervals.quantile_by_replications(samples, 0.99).contains(tail)
        hits["batches"] += intervals.batch_interval(whole).contains(truth)
        hits["overlapping"] += intervals.overlapping_batch_interval(whole).contains(truth)
        hits["p99 batches"] += intervals.quantile_by_batches(whole, 0.99).contains(tail)
    return hits


def test_coverage_on_a_few_experiments():
    hits = coverage(experiments=30, replications=8, count=1500)
    least = stats.binom.ppf(1e-4, 30, 0.90)
    assert min(hits.values()) >= least, hits


@pytest.mark.slow
def test_coverage_of_mmc_wait_and_p99_is_95_percent_within_binomial_bounds():
    experiments = 400
    hits = coverage(experiments, replications=20, count=6000)
    low, high = stats.binom.ppf([1e-3, 1 - 1e-3], experiments, 0.95)
    assert all(low <= count <= high for count in hits.values()), (hits, low, high)


@pytest.mark.parametrize("values", [[0.99, 1.0, 1.0, 0.97], [0.0, 0.02, 0.3, 0.0], [0.5, 0.9]])
def test_an_interval_of_shares_stays_between_none_and_all(values):
    found = intervals.share_interval(values)
    assert found.value == pytest.approx(np.mean(values))
    assert 0.0 <= found.low < found.value < found.high <= 1.0


def test_far_from_both_ends_a_share_is_a_number_like_any_other():
    values = 0.5 + 0.001 * np.array([-2.0, 1.0, 0.0, 1.5, -0.5])
    plain, share = intervals.replication_interval(values), intervals.share_interval(values)
    assert share.low == pytest.approx(plain.low, abs=1e-5)
    assert share.high == pytest.approx(plain.high, abs=1e-5)


def test_shares_that_are_all_one_have_no_width_and_one_run_has_no_interval():
    assert intervals.share_interval([1.0, 1.0]).high == 1.0
    assert intervals.share_interval([0.7]).high == 1.0
    assert intervals.share_interval([0.7]).low == 0.0


def test_the_name_decides_what_is_a_share():
    values = [0.99, 1.0, 1.0, 0.97]
    assert intervals.interval_of("sla.premium.attainment", values).high <= 1.0
    assert intervals.interval_of("latency.all.ttft_s.p99", values).high > 1.0
