"""Power by phase and the logistic decode curve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.performance.power import PhasePower, constant_decode

# The fit of the ML.ENERGY chat runs of Llama-3.1-8B on one H100.
H100_8B = PhasePower(113.0, 700.0, 480.0, 214.0, 1.21, 5.5, 700.0, 8.0, 691.0)


@pytest.mark.parametrize(
    ("batch", "watts"), [(8, 486), (32, 560), (64, 610), (128, 669), (691, 685)]
)
def test_the_curve_passes_through_the_measured_powers(batch, watts):
    assert H100_8B.decode_w(batch) == pytest.approx(watts, rel=0.025)


def test_outside_its_range_the_curve_is_held():
    assert H100_8B.decode_w(1) == H100_8B.decode_w(8)
    assert H100_8B.decode_w(5000) == H100_8B.decode_w(691)


@given(st.integers(1, 4096))
def test_decode_power_rises_with_the_batch_and_keeps_to_the_limit(batch):
    here, next_up = H100_8B.decode_w(batch), H100_8B.decode_w(batch + 1)
    assert H100_8B.floor_w <= here <= next_up <= H100_8B.limit_w


def test_a_given_decode_power_is_constant():
    curve = constant_decode(100.0, 680.0, 400.0)
    assert {curve.decode_w(batch) for batch in (1, 7, 900)} == {400.0}
    assert (curve.idle_w, curve.prefill_w) == (100.0, 680.0)
