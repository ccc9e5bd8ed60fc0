"""A run that the simulator itself served, so that the right coefficients are known."""

from __future__ import annotations

import numpy as np
import pytest

from sim.calibration.replay import Limits, replay
from sim.calibration.run import Run
from sim.performance.steptime import StepTime

TRUTH = StepTime(12e-3, 40e-6, 80e-9)
LIMITS = Limits(max_num_seqs=64, max_num_batched_tokens=2048)


@pytest.fixture
def truth() -> StepTime:
    return TRUTH


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture(scope="session")
def served() -> Run:
    """Sixty requests at 6 per second."""
    generator = np.random.default_rng(7)
    count = 60
    arrivals = np.cumsum(generator.exponential(1 / 6.0, count))
    inputs = generator.integers(50, 1500, count)
    outputs = generator.integers(20, 200, count)
    empty = np.zeros(count)
    return replay(Run(arrivals - arrivals[0], inputs, outputs, empty, empty), TRUTH, LIMITS)
