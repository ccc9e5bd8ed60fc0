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
        tried: requests that the small model was asked first.
        escalated: of those, how many went on to the large one.
    """

    def __init__(
        self, settings: CascadeSettings, log: RequestLog, uniform: Callable[[], float]
    ) -> None:
        self._settings, self._log, self._uniform = settings, log, uniform
        self._trying: dict[int, None] = {}
        self.tried = self.escalated = 0

    def connect(self, route: Callable[[Request], None]) -> None:
        """Set where requests go."""
        self._route = route

    def send(self, request: Request) -> None:
        """Take a request that has just arrived at its front door."""
        settings = self._settings
        if request.model == settings.large and self._seems_simple(request):
            request.model = settings.small
            self._trying[request.number] = None
            self.tried += 1
        self._route(request)

    def ended(self, request: Request) -> None:
        """Pass an answer on, unless the large model has to give a better one."""
        if request.number in self._trying:
            del self._trying[request.number]
            if request.status == COMPLETED and self._uniform() < self._settings.escalation:
                self._escalate(request)
                return
        self._log.ended(request)

    def _seems_simple(self, request: Request) -> bool:
        short = request.input_tokens <= self._settings.longest_input_tokens
        return short and self._uniform() < self._settings.share

    def _escalate(self, request: Request) -> None:
        self.escalated += 1
        request.model = self._settings.large
        request.status = IN_FLIGHT
        request.queued_s = request.admitted_s = NOT_YET
        request.first_token_s = request.finished_s = NOT_YET
        request.prefill_tokens, request.context_tokens = request.input_tokens, 0
        request.remaining_tokens = request.output_tokens
        self._route(request)
