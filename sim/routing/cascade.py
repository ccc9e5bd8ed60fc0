"""Model cascade: simple requests try a small model first; some have to go on to a large one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.interfaces import COMPLETED, IN_FLIGHT, NOT_YET, Request, RequestLog


@dataclass(frozen=True, slots=True)
class CascadeSettings:
    """Which requests try the small model, and how many of them fail to get by with it.

    Attributes:
        large: index of the model that is asked for.
        small: index of the model that is tried first.
        longest_input_tokens: longer prompts go to the large model at once [tokens].
        share: part of the other requests that is taken for simple.
        escalation: part of the small model's answers that is not good enough.
    """

    large: int
    small: int
    longest_input_tokens: float
    share: float
    escalation: float


class Cascade:
    """Stands before the router and behind the pools; implements `RequestLog`.

    An escalated request is the same request with a new timeline from there on: its user waits for
    both models, and the books see it once, with the answer of the large one.

    Args:
        settings: what goes where.
        log: is told of requests with their final answer.
        uniform: draws U(0, 1) numbers.

    Attributes:
        asked: requests for the large model.
        tried: requests that the small model was asked first.
        escalated: of those, how many went on to the large one.
    """

    def __init__(
        self, settings: CascadeSettings, log: RequestLog, uniform: Callable[[], float]
    ) -> None:
        self._settings, self._log, self._uniform = settings, log, uniform
        self._trying: dict[int, bool] = {}  # whether the answer will not be good enough
        self.asked = self.tried = self.escalated = 0

    def connect(self, route: Callable[[Request], None]) -> None:
        """Set where requests go."""
        self._route = route

    def send(self, request: Request) -> None:
        """Take a request that has just arrived at its front door."""
        settings = self._settings
        if request.model == settings.large:
            self.asked += 1
            # Both are drawn for every request, so that variants differ in nothing else.
            seems_simple = self._uniform() < settings.share
            is_hard = self._uniform() < settings.escalation
            if seems_simple and request.input_tokens <= settings.longest_input_tokens:
                request.model = settings.small
                self._trying[request.number] = is_hard
                self.tried += 1
        self._route(request)

    def ended(self, request: Request) -> None:
        """Pass an answer on, unless the large model has to give a better one."""
        is_hard = self._trying.pop(request.number, False)
        if is_hard and request.status == COMPLETED:
            self._escalate(request)
        else:
            self._log.ended(request)

    def report(self) -> dict[str, float]:
        """Return how many requests went where, and as shares."""
        return {
            "asked": self.asked,
            "tried_small": self.tried,
            "escalated": self.escalated,
            "tried_share": self.tried / self.asked if self.asked else 0.0,
            "escalated_share": self.escalated / self.tried if self.tried else 0.0,
        }

    def _escalate(self, request: Request) -> None:
        self.escalated += 1
        request.model = self._settings.large
        request.status = IN_FLIGHT
        request.sent_s = request.finished_s
        request.queued_s = request.admitted_s = NOT_YET
        request.first_token_s = request.finished_s = NOT_YET
        request.prefill_tokens, request.context_tokens = request.input_tokens, 0
        request.remaining_tokens = request.output_tokens
        self._route(request)
