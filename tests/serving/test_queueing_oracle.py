"""With a batch of one, a pool is a queue of theory: exact recursions and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from sim.performance.steptime import StepTime
from sim.serving.queues.pool import QueueSettings
from sim.theory import (
    erlang_b,
    fcfs_waits,
    md1_mean_wait_s,
    mg1_mean_wait_s,
    mmc_mean_wait_s,
    mmck_probabilities,
)

SHARED = QueueSettings(shared=True)


def service_s(inputs, outputs, time):
    """Batch one, no KV term: the prompt step and one step per further token."""
    return time.a_s * outputs + time.b_s_per_token * (inputs + outputs - 1)


@pytest.mark.parametrize("servers", [1, 4, 16])
@pytest.mark.parametrize("bursty", [False, True])
def test_waits_equal_kiefer_wolfowitz_on_the_same_numbers(bench, servers, bursty):
    generator = np.random.default_rng(servers)
    count = 5_000
    time = StepTime(a_s=0.004, b_s_per_token=1e-5)
    inputs = generator.lognormal(6, 1, count).astype(int) + 1
    outputs = generator.lognormal(4, 1.2, count).astype(int) + 1
    work_s = service_s(inputs, outputs, time)
    shape = 0.3 if bursty else 1.0
    gaps_s = generator.gamma(shape, work_s.mean() / (0.9 * servers * shape), count)
    arrival_s = np.cumsum(gaps_s)
    bench.run(arrival_s, inputs, outputs, time, replicas=servers, settings=SHARED)
    expected_s = fcfs_waits(arrival_s, work_s, servers)
    assert expected_s.max() > 0.5
    np.testing.assert_allclose(bench.waits_s(), expected_s, atol=1e-6)


def batched_mean(values, batches=20):
    """Mean and 95 % half-width by batch means (Student t, 19 degrees of freedom: 2.093)."""
    means = np.array([part.mean() for part in np.array_split(values, batches)])
    return means.mean(), 2.093 * means.std(ddof=1) / np.sqrt(batches)


THEORY = {
    "M/M/1": (1, lambda rng, n: rng.exponential(1.0, n), lambda rate: mmc_mean_wait_s(rate, 1.0)),
    "M/D/1": (1, lambda _, n: np.ones(n), lambda rate: md1_mean_wait_s(rate, 1.0)),
    "M/G/1": (
        1,
        lambda rng, n: rng.gamma(2.0, 0.5, n),
        lambda rate: mg1_mean_wait_s(rate, 1.0, np.sqrt(0.5)),
    ),
    "M/M/4": (
        4,
        lambda rng, n: rng.exponential(1.0, n),
        lambda rate: mmc_mean_wait_s(rate, 1.0, 4),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "count", "narrow"), [(0.8, 2_000_000, 0.03), (0.95, 4_500_000, 0.06)]
)
@pytest.mark.parametrize("system", sorted(THEORY))
def test_mean_wait_agrees_with_theory(bench, system, load, count, narrow):
    """Theory lies in an interval that is itself narrow.

    A request is one prompt step, 0.1 ms per token: rounding work to whole tokens moves the mean
    wait by a thousandth of the interval.
    """
    servers, draw, theory = THEORY[system]
    generator = np.random.default_rng(7)
    tokens = np.maximum(1, np.rint(draw(generator, count) * 1e4)).astype(int)
    arrival_s = np.cumsum(generator.exponential(1.0 / (load * servers), count))
    time = StepTime(a_s=0.0, b_s_per_token=1e-4)
    bench.run(arrival_s, tokens, np.ones(count, int), time, replicas=servers, settings=SHARED)
    mean_s, half_s = batched_mean(bench.waits_s()[count // 20 :])
    assert half_s < narrow * mean_s
    assert abs(mean_s - theory(load * servers)) < half_s


@pytest.mark.parametrize("servers", [1, 5])
@pytest.mark.parametrize("limit", [0, 2])
def test_a_queue_with_a_limit_loses_what_theory_says(bench, servers, limit):
    """M/M/c/c loses what Erlang's formula B says, M/M/c/c+2 what its balance equations say."""
    generator, count, load = np.random.default_rng(3), 40_000, 0.9
    tokens = np.maximum(1, np.rint(generator.exponential(1.0, count) * 1e4)).astype(int)
    arrival_s = np.cumsum(generator.exponential(1.0 / (load * servers), count))
    time = StepTime(a_s=0.0, b_s_per_token=1e-4)
    settings = QueueSettings(shared=True, limit=limit)
    bench.run(arrival_s, tokens, np.ones(count, int), time, replicas=servers, settings=settings)
    expected = mmck_probabilities(load * servers, 1.0, servers, servers + limit)[-1]
    if limit == 0:
        assert expected == pytest.approx(erlang_b(servers, load * servers))
    lost = (bench.waits_s() < 0.0).mean()
    assert lost == pytest.approx(expected, abs=4.0 * np.sqrt(expected / count) + 0.005)
