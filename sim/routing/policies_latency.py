"""Placement by prediction: the nearest pool that is expected to keep the request's SLO."""

from __future__ import annotations

from collections.abc import Sequence

from sim.interfaces import Request, Station
from sim.routing.policies import PLACEMENTS, PolicySettings

_MEMORY = 0.05  # weight of a new answer in the running mean of answer lengths


@PLACEMENTS.register("slo-aware")
class SloAware:
    """The nearest pool that should keep the tier's limits; the soonest first token when none does.

    The first token is expected after the way there and back, the wait for a free slot, the step
    that is running and the prompt. A slot comes free once in (answer length x step / batch).
    """

    def __init__(self, settings: PolicySettings) -> None:
        self._limits_s = settings.limits_s
        self._round_trip_s = settings.round_trip_s
        self._answer_tokens = 0.0

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
                return station
            if first_s < soonest_s:
                best, soonest_s = station, first_s
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
        return way_s + wait_s + step_s + station.prefill_s(request.input_tokens), step_s
