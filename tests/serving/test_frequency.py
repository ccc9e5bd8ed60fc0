"""A lower clock slows prompts more than decoding, as far as it was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.serving.engine.frequency import clock_for_power, speed_at


def test_full_clock_changes_nothing():
    full = speed_at(1.0)
    assert (full.prefill, full.decode, full.power) == (1.0, 1.0, 1.0)


def test_the_capped_dgx_h100_of_splitwise():
    # 8 x 700 W of 10.2 kW are accelerators; 3.06 kW less leave 2.54 of their 5.0 kW above idle.
    capped = speed_at(1.0 / 1.3)
    assert 1.0 / capped.prefill == pytest.approx(1.30)
    assert capped.decode == 1.0
    assert capped.power == pytest.approx(0.53, abs=0.03)


def test_decode_slows_below_the_knee_only():
    assert speed_at(0.6).decode == 1.0
    assert speed_at(0.275).decode == pytest.approx(0.5)


@given(st.floats(0.05, 1.0))
def test_the_clock_for_a_power_draws_that_power(power):
    assert speed_at(clock_for_power(power)).power == pytest.approx(power)
