"""A policy of a user's own that fails: the error names it, the request and what it did."""

from __future__ import annotations

import pytest

from sim import load_scenario, simulate
from sim.errors import PolicyError


class Raises:
    """Fails at its third request."""

    def __init__(self):
        self.asked = 0

    def choose(self, request, candidates):
        self.asked += 1
        if self.asked == 3:
            message = "no such pool"
            raise KeyError(message)
        return candidates[0]


class Returns:
    def __init__(self, answer):
        self.answer = answer

    def choose(self, request, candidates):
        return self.answer


def test_an_exception_of_a_policy_names_the_policy_and_the_request(tiny):
    with pytest.raises(
        PolicyError, match=r"policy Raises raised KeyError\('no such pool'\) for request 2"
    ):
        simulate(load_scenario(tiny), policy=Raises())


@pytest.mark.parametrize("answer", ["metro", 0, object()])
def test_what_is_no_candidate_is_refused_with_its_value(tiny, answer):
    with pytest.raises(PolicyError, match=r"policy Returns returned .* for request 0"):
        simulate(load_scenario(tiny), policy=Returns(answer))
