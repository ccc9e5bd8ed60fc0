"""Largest batches and mean contexts are read off the activity."""

from __future__ import annotations

import numpy as np
import pytest

from sim.serving.engine.observed import Observed


def test_batch_is_the_largest_and_context_the_mean_over_running_time():
    """Replica 0 runs 2 requests with 100 tokens for 1 s and 1 with 400 for 2 s, then rests.

    In all 2 + 2 request-seconds with 100 + 800 token-seconds: 225 tokens.
    """
    rows = np.array(
        [
            # replica, start, end, watts, batch, kv, prompts, answers
            [0, 0.0, 1.0, 1.0, 2.0, 100.0, 0.0, 0.0],
            [0, 1.0, 3.0, 1.0, 1.0, 400.0, 0.0, 0.0],
            [0, 3.0, 9.0, 1.0, 0.0, 999.0, 0.0, 0.0],
            [1, 0.0, 1.0, 1.0, 7.0, 70.0, 0.0, 0.0],
        ]
    )
    seen = Observed(3)
    seen.advance(rows[:2])
    seen.advance(rows[2:])
    assert seen.of(0, 1) == pytest.approx((2.0, 225.0))
    assert seen.of(0, 2) == pytest.approx((7.0, 970.0 / 11.0))
    assert seen.of(2, 1) == (0.0, 0.0)
