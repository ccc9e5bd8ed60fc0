"""The replica: one model on one group of accelerators, advanced segment by segment.

Order of events at a step boundary, at time t:

1. the step ends: each decoding sequence gains one token; a sequence with its last token leaves;
   a prompt that is now processed yields its first token and starts to decode (or leaves, if it
   wanted one token only);
2. a pending change of speed or batch limit takes effect, and requests whose user has gone leave;
3. room for the next step's tokens is made: while the decoding sequences do not fit, the running
   request of the least urgent tier that was admitted last is preempted, loses its memory and
   returns to the queue, to be recomputed. With swapping, the cache of one that was decoding is
   copied to host memory if that has room, and back when it is admitted again, as one token of
   the budget; the step that follows a copy waits for it;
4. unless somebody was just preempted, waiting requests are admitted in queue order while the
   head fits: a free place in the batch, memory for its whole prompt, token budget left. Where
   the pool says so, one running request gives way to a head that is more urgent and lacks a
   place or memory, and another one if that is not enough;
5. the next step is composed. Chunked prefill: every decoding sequence takes one token of the
   budget, prompts share the rest in order of admission. Prefill first: whole prompts alone while
   there are any (3 then follows 4, since decoding sequences pause), else a decode step. Static:
   a batch is admitted when the last one is through, memory is reserved for whole answers, and a
   finished sequence keeps its place in the computation until the batch ends.

An arrival at exactly t takes part in the boundary at t; several of them are admitted one by one
in the order in which they arrive. `tests/support/stepwise.py` does the same one step at a time;
both agree on every time stamp to 1e-9 s.
"""

from __future__ import annotations

from functools import partial

from mypy_extensions import mypyc_attr

from sim.interfaces import FAILED, TIMED_OUT, Request
from sim.serving.engine.engine import STATIC, Speed
from sim.serving.engine.runner import FULL_SPEED, IDLE, SegmentRunner
from sim.serving.engine.segment import boundary_after

__all__ = ["FULL_SPEED", "Replica"]


@mypyc_attr(allow_interpreted_subclasses=True)
class Replica(SegmentRunner):
    """A continuous-batching engine, as pools and the facility see it.

    It is a batch and does not hold one: a look-up less for each of a dozen accesses per segment.
    The arguments are those of `SegmentRunner`.
    """

    __slots__ = ()

    def nudge(self) -> bool:
        """The head of the queue changed: admit it at the next step boundary if it may fit.

        Returns:
            Whether the replica will look at the queue at its next boundary because of this call.
        """
        now = self._clock.now
        if self._end_s == IDLE:
            if self.alive:
                self._start(now)
            return self._end_s != IDLE
        if self._long_prefill and len(self._prefilling) == 1 and not self._decoding:
            self._cut(now, int(self._lags))  # a long prompt is no longer alone
            return True
        if self.engine.mode == STATIC:
            if self._decoding or now != self._start_s:
                return False
        elif self._slots_full or len(self._decoding) + len(self._prefilling) >= self.max_num_seqs:
            return self._interrupt(now)
        if self._stays_full():
            return self._interrupt(now)
        self._cut(now, int(self._lags))
        return True

    def _stays_full(self) -> bool:
        """Return whether the head of the queue finds no memory before this segment ends."""
        if self.prefixes is not None and self.prefixes.cache.active:
            return False  # the prefix may be here already
        memory = self.memory
        need_tokens = self.queue.head().prefill_tokens + memory.tokens
        free = memory.blocks - memory.prefill_blocks + memory.unclaimed
        # Memory only shrinks until then, so "no" now stays "no".
        return need_tokens > free * memory.block_size

    def _interrupt(self, now: float) -> bool:
        """Look at a queue whose head does not fit, if somebody would give way to it."""
        if self.outranks(self.queue.head()):
            self._cut(now, int(self._lags))
            return True
        return False

    def open_places(self) -> int:
        """Return how many requests the next boundary admits for sure; 0 if memory may be short."""
        if self.engine.mode == STATIC and self._decoding:
            return 0
        memory = self.memory
        if memory.tokens + memory.prefill_blocks * memory.block_size > self._ample_tokens:
            return 0
        return self.max_num_seqs - self.running

    def set_speed(self, speed: Speed) -> None:
        """Change how fast steps run, from the next step boundary."""
        if self._pending or speed != self.speed:
            self._at_boundary(partial(self._set_speed, speed))

    def set_max_num_seqs(self, limit: int) -> None:
        """Change the batch limit, from the next step boundary; nobody is evicted."""
        if self._pending or limit != self.max_num_seqs:
            self._at_boundary(partial(self._set_limit, limit))

    def evict(self, request: Request, status: int = TIMED_OUT) -> bool:
        """Take a running request out at the next step boundary, unless it completes there.

        Args:
            request: whose user has gone.
            status: its fate, told to ``on_end`` then.

        Returns:
            Whether it runs here; if not, it may be in the queue, see `Queue.remove`.
        """
        running = any(member is request for member in self.members())
        if running:
            self._at_boundary(partial(self._leave_early, request, status))
        return running

    def checkpoint(self, now: float) -> None:
        """Write the activity up to ``now`` [s] without touching the run."""
        if now <= self._row_start_s:
            return
        if self._end_s == IDLE:
            self._write_idle_row(now)
        elif now < self._end_s:  # else the segment is about to write all of itself
            self._write_part(now)

    def fail(self, now: float) -> list[Request]:
        """Stop at once and return the requests that were running, with status FAILED.

        Their tokens count up to the last whole step: ``remaining_tokens`` is what each still has
        to show and ``prefill_tokens`` what to process before, should another replica resume it.
        """
        self.checkpoint(now)
        self._apply_whole_steps(now)
        lost = self.members()
        for request in lost:
            self._lose_progress(request)
            request.status = FAILED
            request.finished_s = now
        self.clear()
        self.alive = False
        self._go_idle(now)
        return lost

    def restore(self, now: float) -> None:
        """Return to service after a failure, empty, and look at the queue."""
        self.checkpoint(now)
        self.alive = True
        self._start(now)

    def _set_limit(self, limit: int) -> None:
        self.max_num_seqs = limit

    def _leave_early(self, request: Request, status: int) -> None:
        if any(member is request for member in self.members()):
            self._take_out(request)
            request.status = status
            request.finished_s = self._clock.now
            self._on_end(request)

    def _apply_whole_steps(self, now: float) -> None:
        """Count the steps of the running segment that are over by ``now``."""
        if self._end_s == IDLE:
            return
        steps, end_s = boundary_after(self._start_s, now, self._first_s, self._growth_s)
        if end_s > now:
            steps -= 1
        if self._decodes:
            self._steps_done += steps
            self.memory.tokens += steps * len(self._decoding)
