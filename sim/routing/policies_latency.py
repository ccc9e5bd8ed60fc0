"""Placement by prediction: the nearest pool that is expected to keep the request's SLO."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from sim.interfaces import Request, Station
from sim.routing.policies import PLACEMENTS, PolicySettings

_MEMORY = 0.05  # weight of a new answer in the running mean of answer lengths
_RATE_S = 10.0  # time over which the prompts sent to a pool are averaged
_MOST_BUSY = 0.95  # beyond it a pool is as good as full


@PLACEMENTS.register("slo-aware")
class SloAware:
    """The nearest pool that should keep the tier's limits; the soonest first token when none does.

    The first token is expected after the way there and back, the wait for a free slot, the step
    that is running and the prompt. A slot comes free once in (answer length x step / batch). The
    prompts of others take their part of the engine's time, so steps and the prompt itself take
    1 / (1 - that part) times as long; the part is known from what this policy has sent.
    """

    def __init__(self, settings: PolicySettings) -> None:
        self._limits_s = settings.limits_s
        self._round_trip_s = settings.round_trip_s
        self._answer_tokens = 0.0
        self._sent: dict[int, tuple[float, float]] = {}  # by pool: prompt seconds/s, and when

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the nearest pool whose prediction is within the limits."""
        known = self._answer_tokens or float(request.output_tokens)
        self._answer_tokens = known + _MEMORY * (request.output_tokens - known)
        first_limit_s, token_limit_s = self._limits_s[request.tier]
        best, soonest_s = candidates[0], float("inf")
        for station in candidates:
            if not station.in_service:
                continue
            first_s, token_s = self._predict(request, station, known)
            if first_s <= first_limit_s and token_s <= token_limit_s:
                best = station
                break
            if first_s < soonest_s:
                best, soonest_s = station, first_s
        self._note(request, best)
        return best

    def _predict(
        self, request: Request, station: Station, answer_tokens: float
    ) -> tuple[float, float]:
        """Return the expected time to the first token and per output token [s]."""
        places = station.slots / station.in_service
        load = station.outstanding / station.in_service
        batch = min(load + 1.0, places)
        step_s = station.decode_step_s(batch)
        wait_s = max(load + 1.0 - places, 0.0) * answer_tokens * step_s / places
        way_s = self._round_trip_s[request.region][station.site]
        busy = self._prompt_load(station, request.arrival_s) / station.in_service
        stretch = 1.0 / (1.0 - min(busy, _MOST_BUSY))
        prompt_s = station.prefill_s(request.input_tokens)
        return way_s + (wait_s + step_s + prompt_s) * stretch, step_s * stretch

    def _prompt_load(self, station: Station, now_s: float) -> float:
        """Return how many replicas the prompts sent to a pool of late keep busy."""
        load, since_s = self._sent.get(station.index, (0.0, now_s))
        # A request that is sent a second time arrived before the last one did.
        return load * exp(min(since_s - now_s, 0.0) / _RATE_S)

    def _note(self, request: Request, station: Station) -> None:
        _, since_s = self._sent.get(station.index, (0.0, 0.0))
        now_s = max(request.arrival_s, since_s)
        prompt_s = station.prefill_s(request.input_tokens)
        load = self._prompt_load(station, now_s) + prompt_s / _RATE_S
        self._sent[station.index] = load, now_s
