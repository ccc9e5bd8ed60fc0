"""Prefill and decode in pools of their own: prompts here, answers there, KV caches on a link.

A request goes to a `PrefillPool`. There its prompt is processed and its first token shown, in the
order of events of `sim.serving.engine.replica`; then it leaves the batch, and its KV cache goes
over a link that all transfers of the pool share. Until it has arrived, the memory that holds it
stays taken. At the other end the request joins the queue of a `DecodePool`, whose replicas admit
it with its KV cache in place: it takes one token of the budget and decodes on, as one that was
swapped. What has arrived waits in the memory of the hosts. A request that is preempted there, or
loses its replica, is recomputed in the decode pool.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sim.interfaces import IN_FLIGHT, Request
from sim.serving.engine.transfer import Handed
from sim.serving.queues.affinity import AffinityPool
from sim.serving.queues.pool import Pool
from sim.shared_link import SharedLink

_BITS_PER_BYTE = 8.0


class DecodePool(Pool):
    """A pool that gets its requests from prefill pools; see the module for what it does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arrived: dict[Request, int] = {}
        for member in self.members:
            member.take_from(self._arrived)

    @property
    def longest_tokens(self) -> int:
        """Longest context that one replica has memory for [tokens]."""
        return self._longest_tokens

    def receive(self, request: Request, tokens: int) -> None:
        """Take a request whose KV cache of ``tokens`` tokens has arrived."""
        self.outstanding += 1
        self._arrived[request] = tokens
        request.prefill_tokens = tokens + 1  # with the token that was shown and is not stored
        request.replica = self._first
        self._join(request)

    def has(self, request: Request) -> bool:
        """Return whether a request is here."""
        return self._first <= request.replica < self._first + self.replicas

    def _fail_over(self, request: Request) -> None:
        self._arrived.pop(request, None)
        super()._fail_over(request)

    def _end_early(self, request: Request, status: int) -> None:
        self._arrived.pop(request, None)
        super()._end_early(request, status)


class PrefillPool(Pool):
    """A pool that processes prompts and hands requests over to a `DecodePool`.

    For the books a request that it handed over stays its own: it is the pool in whose queue the
    request waited first. A request that the decode pool could never hold is rejected here.

    Attributes:
        handed_over: requests that arrived in the decode pool.
        sent_bytes: their KV caches [bytes].
        transfer_s: time from their first token to their arrival, summed [s].
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for member in self.members:
            member.hand_over = self._send
        self.handed_over = 0
        self.sent_bytes = self.transfer_s = 0.0

    def connect(
        self, decode: DecodePool, link: SharedLink, latency_s: float, bytes_per_token: float
    ) -> None:
        """Set where requests go from here.

        Args:
            decode: the pool at the other end.
            link: what their KV caches share.
            latency_s: time on the way behind the link [s].
            bytes_per_token: KV cache of one token over all accelerators of a replica [bytes].
        """
        self._decode, self._link, self._latency_s = decode, link, latency_s
        self._bytes_per_token = bytes_per_token
        self._longest_tokens = min(self._longest_tokens, decode.longest_tokens)

    def sends_per_s(self, tokens: float) -> float:
        """Return how many KV caches of ``tokens`` tokens the link carries [1/s]."""
        return self._link.bandwidth_bps / (tokens * self._bytes_per_token * _BITS_PER_BYTE)

    def cancel(self, request: Request) -> None:
        """Stop work on a request whose user has gone; it ends as timed out."""
        if self._decode.has(request):
            self._decode.cancel(request)
        else:
            super().cancel(request)

    def fail(self, replica: int) -> None:
        """Take a replica out of service now, with the KV caches that it was sending."""
        failing = self.members[replica - self._first]
        for handed in failing.handing():
            self._link.stop(handed.flow)
        super().fail(replica)

    def report(self) -> dict[str, Any]:
        """Return what the pool did beside serving, as plain values."""
        number, now = self.handed_over, self._clock.now
        return {
            **super().report(),
            "hand_over": {
                "requests": number,
                "gb": self.sent_bytes / 1e9,
                "transfer_mean_s": self.transfer_s / number if number else None,
                "link_busy": self._link.busy_s / now if now else None,
            },
        }

    def _send(self, handed: Handed) -> None:
        bits = handed.tokens * self._bytes_per_token * _BITS_PER_BYTE
        handed.flow = self._link.send(bits, partial(self._sent, handed))

    def _sent(self, handed: Handed) -> None:
        self._clock.call_at(self._clock.now + self._latency_s, self._arrive, handed)

    def _arrive(self, handed: Handed) -> None:
        request, replica = handed.request, self.members[handed.replica - self._first]
        if not replica.let_go(handed):
            return  # the replica failed meanwhile
        member = replica.index - self._first
        if request.status == IN_FLIGHT:  # its user is still there
            self.handed_over += 1
            self.sent_bytes += handed.tokens * self._bytes_per_token
            self.transfer_s += self._clock.now - handed.since_s
            self.outstanding -= 1
            self._dispatch.moved(member, -1)
            self._decode.receive(request, handed.tokens)
        self._check_drained(member)
        if replica.queue:
            replica.nudge()


class AffinityPrefillPool(AffinityPool, PrefillPool):
    """A prefill pool that dispatches by prompt."""
