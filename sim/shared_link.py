"""Bandwidth that flows share: everything on a link gets an equal part of it."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from sim.interfaces import Scheduler


class SharedLink:
    """Processor sharing: n flows at once get 1/n of the bandwidth each.

    All flows lose bits at the same pace, so a flow ends when the bits that one flow could have
    sent since the start of the run reach its own mark; the next end is the smallest mark, and
    nothing has to be updated per flow (virtual time, doi 10.1109/90.234856).

    Args:
        clock: runs calls at absolute times.
        bandwidth_bps: what the flows share [bit/s].
    """

    def __init__(self, clock: Scheduler, bandwidth_bps: float) -> None:
        self._clock, self.bandwidth_bps = clock, bandwidth_bps
        self._marks: list[tuple[float, int, Callable[[], None]]] = []
        self._sent_bits = 0.0  # by a flow that was there all the time
        self._since_s = self._busy_s = 0.0
        self._flows = self._changes = 0

    @property
    def busy_s(self) -> float:
        """Time in which there was something to send so far [s]."""
        return self._busy_s + (self._clock.now - self._since_s if self._marks else 0.0)

    def send(self, bits: float, done: Callable[[], None]) -> int:
        """Start a flow of ``bits`` and return its number.

        Args:
            bits: what there is to send [bit].
            done: called when the last bit has left.
        """
        self._advance()
        self._flows += 1
        heappush(self._marks, (self._sent_bits + bits, self._flows, done))
        self._wait()
        return self._flows

    def stop(self, flow: int) -> None:
        """Break off a flow, if it is still there."""
        self._advance()
        self._marks = [mark for mark in self._marks if mark[1] != flow]
        heapify(self._marks)
        self._wait()

    def _advance(self) -> None:
        now = self._clock.now
        if self._marks:
            share_bps = self.bandwidth_bps / len(self._marks)
            self._sent_bits += (now - self._since_s) * share_bps
            self._busy_s += now - self._since_s
        self._since_s = now

    def _wait(self) -> None:
        """Schedule the end of the flow that ends next, as things are now."""
        self._changes += 1
        if self._marks:
            left_bits = max(0.0, self._marks[0][0] - self._sent_bits)
            left_s = left_bits * len(self._marks) / self.bandwidth_bps
            self._clock.call_at(self._clock.now + left_s, self._end, self._changes)

    def _end(self, change: int) -> None:
        if change != self._changes:  # another flow came or went since
            return
        self._advance()
        mark, _, done = heappop(self._marks)
        self._sent_bits = mark  # exactly, so that rounding does not add up
        self._wait()
        done()
