"""Service levels: completed and within every stated limit."""

from __future__ import annotations

import numpy as np
import pytest

from sim.interfaces import COMPLETED, FAILED, IN_FLIGHT, REJECTED, TIMED_OUT
from sim.metrics.sla import REASONS, TierTargets, attains, limits_s, miss_reasons

NAN = float("nan")
TIERS = [TierTargets("all", 0.5, 0.05, 30.0), TierTargets("first", ttft_s=0.5), TierTargets("none")]


def attained(tier, status=COMPLETED, ttft_s=0.1, tpot_s=0.01, e2e_s=1.0):
    columns = {"tier": tier, "status": status, "ttft_s": ttft_s, "tpot_s": tpot_s, "e2e_s": e2e_s}
    arrays = {name: np.array([value]) for name, value in columns.items()}
    return bool(attains(arrays, limits_s(TIERS))[0])


def test_limits_that_are_not_stated_are_infinite():
    inf = float("inf")
    assert limits_s(TIERS).tolist() == [[0.5, 0.05, 30.0], [0.5, inf, inf], [inf, inf, inf]]


@pytest.mark.parametrize("late", [{"ttft_s": 0.501}, {"tpot_s": 0.051}, {"e2e_s": 30.1}])
def test_every_stated_limit_has_to_hold(late):
    assert attained(0)
    assert not attained(0, **late)
    assert attained(1, **late) == ("ttft_s" not in late)
    assert attained(2, **late)


def test_a_limit_itself_is_within():
    assert attained(0, ttft_s=0.5, tpot_s=0.05, e2e_s=30.0)


def test_one_token_has_no_time_per_token_to_miss():
    assert attained(0, tpot_s=NAN)


@pytest.mark.parametrize("status", [IN_FLIGHT, REJECTED, TIMED_OUT, FAILED])
def test_only_completed_requests_attain(status):
    assert not attained(2, status, e2e_s=NAN, tpot_s=NAN)


def reason(tier, status=COMPLETED, ttft_s=0.1, tpot_s=0.01, e2e_s=1.0, arrival_s=90.0):
    columns = {"tier": tier, "status": status, "ttft_s": ttft_s, "tpot_s": tpot_s, "e2e_s": e2e_s}
    arrays = {
        name: np.array([value]) for name, value in {**columns, "arrival_s": arrival_s}.items()
    }
    found = int(miss_reasons(arrays, limits_s(TIERS), end_s=100.0)[0])
    return None if found < 0 else REASONS[found]


def test_a_miss_has_the_first_reason_that_a_user_feels():
    assert reason(0) is None
    assert reason(0, ttft_s=0.6, tpot_s=0.06) == "late_ttft"
    assert reason(0, tpot_s=0.06, e2e_s=31.0) == "late_tpot"
    assert reason(0, e2e_s=31.0) == "late_e2e"
    assert reason(0, REJECTED, ttft_s=9.0) == "rejected"
    assert reason(2, FAILED) == "failed"
    assert reason(2, TIMED_OUT, ttft_s=NAN) == "timed_out"


def test_a_request_in_flight_is_undecided_until_it_is_late():
    waiting = {"status": IN_FLIGHT, "ttft_s": NAN, "tpot_s": NAN, "e2e_s": NAN}
    assert reason(0, **waiting, arrival_s=99.6) == "undecided"
    assert reason(0, **waiting, arrival_s=99.4) == "late_ttft"
    assert reason(0, **{**waiting, "ttft_s": 0.4}, arrival_s=69.0) == "late_e2e"
    assert reason(2, **waiting, arrival_s=0.0) == "undecided"
