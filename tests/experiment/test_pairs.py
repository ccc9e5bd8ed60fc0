"""Paired differences: verdicts, the factor of common random numbers, replications to go."""

import math

import numpy as np
import pytest

from sim import theory
from sim.errors import ModelLimitError
from sim.experiment.statistics.pairs import MOST_REPLICATIONS, paired_difference


def test_paired_t_by_hand():
    pair = paired_difference([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert pair.difference.value == 2.0
    assert pair.difference.half_width == pytest.approx(4.3027 / math.sqrt(3), abs=1e-3)
    assert pair.relative == pytest.approx(1.0)
    assert pair.variance_reduction == pytest.approx((1 + 4) / 1)


@pytest.mark.parametrize(
    ("second", "lower_is_better", "verdict"),
    [
        ([2.1, 3.0, 4.1], True, "worse"),
        ([2.1, 3.0, 4.1], False, "better"),
        ([0.1, 1.0, 2.1], True, "better"),
        ([1.0, 2.0, 3.0], True, "same"),
        ([0.0, 3.0, 3.1], True, "cannot tell yet"),
    ],
)
def test_verdicts(second, lower_is_better, verdict):
    pair = paired_difference([1.0, 2.0, 3.0], second, lower_is_better=lower_is_better)
    assert pair.verdict == verdict
    assert (pair.more_replications > 0) == (verdict == "cannot tell yet")


def test_common_random_numbers_shrink_the_variance_of_a_difference_more_than_ten_times():
    means = {1.0: [], 0.95: []}
    for number in range(40):
        generator = np.random.default_rng([4, number])
        arrival = np.cumsum(generator.exponential(1.0, 3000))
        work = generator.exponential(0.7, 3000)
        for speed, column in means.items():
            column.append(theory.fcfs_waits(arrival, work * speed).mean())
    pair = paired_difference(means[1.0], means[0.95])
    assert pair.verdict == "better"
    assert pair.variance_reduction > 10


def test_the_replications_to_go_settle_it():
    generator = np.random.default_rng(21)
    first = generator.normal(10.0, 1.0, 2000)
    second = first + generator.normal(0.3, 1.0, 2000)
    start = paired_difference(first[:10], second[:10])
    assert start.verdict == "cannot tell yet"
    needed = 10 + 2 * start.more_replications  # the estimate itself has an error
    assert paired_difference(first[:needed], second[:needed]).verdict == "worse"


def test_no_difference_in_sight_is_said_in_words():
    pair = paired_difference([1.0, 2.0], [2.0, 1.0])
    assert (
        pair.more_replications == MOST_REPLICATIONS - 2
        or pair.more_replications == MOST_REPLICATIONS
    )
    assert str(pair) == "cannot tell yet: no difference in sight"


def test_one_pair_is_never_enough():
    pair = paired_difference([1.0], [2.0])
    assert str(pair) == "cannot tell yet: 4 more replications"
    assert math.isnan(pair.variance_reduction)


def test_constant_difference_has_an_infinite_factor():
    assert paired_difference([1.0, 2.0], [2.0, 3.0]).variance_reduction == math.inf


def test_unequal_numbers_of_replications_are_refused():
    with pytest.raises(ModelLimitError, match="equally many replications"):
        paired_difference([1.0], [1.0, 2.0])
