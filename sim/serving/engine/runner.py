"""What makes a replica fast: it advances by segments, closed forms of many steps.

This is the hot path, the one file that may trade elegance for speed; each trick says why.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy_extensions import mypyc_attr

from sim.interfaces import ActivityLog, Request, Scheduler
from sim.serving.engine.activity import pack_row
from sim.serving.engine.admission import Admission
from sim.serving.engine.engine import Engine, Speed
from sim.serving.engine.segment import boundary_after
from sim.serving.queues.queues import Queue

IDLE = -1.0  # planned end of a replica that has nothing to do
FULL_SPEED = Speed()


@mypyc_attr(allow_interpreted_subclasses=True)
class SegmentRunner(Admission):
    """Runs a batch segment by segment: plans one, sleeps until it ends, applies its steps.

    It is a batch and does not hold one: a look-up less for each of a dozen accesses per segment.

    Args:
        index: number of the replica in the run.
        clock: runs calls at absolute times.
        engine: step time, power and limits; shared by all replicas of a pool.
        queue: where its requests wait; replicas of a pool may share one.
        log: takes one activity row per segment.
        on_end: called once with each request that completed here.
        on_move: told when a request enters the batch or is preempted, see `Batch`.
    """

    __slots__ = (
        "_clock",
        "_compute_pace",
        "_end_s",
        "_first_s",
        "_fresh",
        "_growth_s",
        "_memory_pace",
        "_pending",
        "_power_w",
        "_row_answers",
        "_row_prompts",
        "_row_start_s",
        "_start_s",
        "_steps",
        "_write",
        "speed",
    )

    def __init__(
        self,
        index: int,
        clock: Scheduler,
        engine: Engine,
        queue: Queue,
        log: ActivityLog,
        on_end: Callable[[Request], None],
        on_move: Callable[[int, int], None] | None = None,
    ) -> None:
        super().__init__(index, engine, queue, on_end, on_move)
        self._set_speed(FULL_SPEED)
        self._clock = clock
        self._write = log.extend
        # To do at the next step boundary. Empty, it is the one empty tuple that all replicas share,
        # where a list of each would be a cache miss at each boundary.
        self._pending: tuple[Callable[[], None], ...] = ()
        self._start_s = self._row_start_s = clock.now
        self._row_prompts = self._row_answers = 0.0  # tokens in rows of this segment so far
        self._end_s = IDLE
        self._steps = 0
        self._fresh = False  # this segment follows a rest
        self._first_s = self._growth_s = 0.0
        self._power_w = engine.idle_w

    # --- the segment ---------------------------------------------------------------------------

    def _at_boundary(self, action: Callable[[], None]) -> None:
        """Do ``action`` at the next step boundary, at once if the replica is idle."""
        self._pending = (*self._pending, action)
        if self._end_s == IDLE:
            self._start(self._clock.now)
        else:
            self._cut(self._clock.now)

    def _start(self, now: float) -> None:
        """Plan the first segment after a rest."""
        if now > self._row_start_s:
            self._write_idle_row(now)
        self._look(now, fresh=True)
        self._plan(now)

    def _look(self, seen_s: float, *, fresh: bool) -> None:
        """Note up to when arrivals are seen by an engine that schedules a step ahead [s]."""
        self._fresh = fresh
        if self._lags:
            self._seen_s = seen_s

    def _cut(self, now: float, ahead: int = 0) -> None:
        """End the segment at the first step boundary that is not before ``now``.

        Args:
            now: the time [s].
            ahead: steps that go on beyond that.
        """
        if now == self._start_s:  # the segment starts right now: nothing has happened yet
            if self._fresh or not self._lags:
                self._look(now, fresh=self._fresh)
                self._plan(now)
                return
            if not ahead:  # its step was put together before: only what is to be done is done
                self._look(-1.0, fresh=False)
                self._plan(now)
                return
            steps, end_s = 0, now
        else:
            steps, end_s = self._boundary_after(now)
        if ahead:
            steps += ahead
            end_s = self._start_s + self._elapsed_s(steps)
        if steps < self._steps:
            self._steps, self._end_s = steps, end_s
            self._clock.call_at(end_s, wake, self)

    def _boundary_after(self, moment_s: float) -> tuple[int, float]:
        """Return how many steps the segment takes to reach a moment, and when that is [s]."""
        return boundary_after(self._start_s, moment_s, self._first_s, self._growth_s)

    def _elapsed_s(self, steps: int) -> float:
        """Return the time of the first ``steps`` steps of the segment [s]."""
        return steps * self._first_s + self._growth_s * (steps * (steps - 1)) * 0.5

    def _finish(self, now: float) -> None:
        """Apply the segment's steps, which end at ``now``, and write its row."""
        decoding, memory, steps = self._decoding, self.memory, self._steps
        if self._lags or self.prefixes is not None:
            kv_tokens = self._look_back(steps)
        else:  # as there, in place
            kv_tokens = memory.tokens
            if self._prompts:
                kv_tokens += memory.prefill_blocks * memory.block_size
        batch = len(decoding) + len(self._prefilling)
        prompts = answers = self._copied_tokens = 0
        if self._decodes:
            answers = len(decoding) * steps
            memory.tokens += answers
            done = self._steps_done = self._steps_done + steps
            leaves = self._leaves
            while decoding and leaves[-1] == -done:
                leaves.pop()
                request = decoding.pop()
                stored = request.context_tokens + request.remaining_tokens
                if request.shared_tokens:
                    stored -= request.shared_tokens
                    self._shared_reads -= request.shared_tokens
                memory.ring[(done - stored) % memory.block_size] -= 1  # `KvMemory.leave`
                memory.tokens -= stored
                self._complete(request, now, stored)
        if self._prompts:
            prompts = self._new * steps
            answers += self._finish_chunks(steps, now)
        if self._static_size and not decoding:  # the batch is through: free its reservation
            self._static_size = 0
            memory.prefill_blocks = 0
        start_s = self._start_s
        if self._row_start_s == start_s:  # nearly always: one row for the whole segment
            self._write(
                pack_row(
                    self.index,
                    start_s,
                    now,
                    self._power_w,
                    batch,
                    kv_tokens + 0.5 * answers,
                    prompts,
                    answers,
                )
            )
        else:
            self._write_rest(now, batch, kv_tokens, prompts, answers)

    def _look_back(self, steps: int) -> int:
        """Do what comes first when a segment ends; return the KV tokens at its start."""
        memory = self.memory
        kv_tokens = memory.tokens
        if self.prefixes is not None:
            self._evict_behind(steps)
        if self._prompts or self.prefixes is not None:
            kv_tokens += memory.prefill_blocks * memory.block_size
        if self._lags:
            self._seen_s, self._fresh = self._start_s + self._elapsed_s(steps - 1), False
        return kv_tokens

    # --- composing the next segment ------------------------------------------------------------

    def _plan(self, now: float) -> None:
        """Do boundary events 2 to 5 and start the next segment."""
        if self._pending:
            actions, self._pending = self._pending, ()
            for action in actions:
                action()
        memory, decoding = self.memory, self._decoding
        self._through = len(self._ending)
        memory.unclaimed = self._unclaimed() if self._prefilling else 0
        preempted = False
        # Below this bound nobody can run out of memory, so most boundaries skip the question.
        tight = memory.tokens + memory.prefill_blocks * memory.block_size > self._ample_tokens
        if tight or self.queue:
            preempted = self._change_batch(now, tight)
        if self._ending or self._unseen:
            preempted |= self._catch_up(now, tight)
        if self._prefilling:
            steps = self._compose_chunks()
        elif decoding:
            steps = -self._leaves[-1] - self._steps_done
            self._prompts = self._new = 0
            self._decodes, self._slots_full = True, False
        else:
            self._go_idle(now)
            return
        # The queue gets its turn at the next boundary, or memory is claimed chunk by chunk.
        if preempted or self._copied_tokens or (tight and memory.unclaimed):
            steps = 1
        elif steps > 1 and not self._static_size:
            grown = memory.tokens + len(decoding) * steps
            if grown + memory.prefill_blocks * memory.block_size > self._ample_tokens:
                steps = 1 if memory.unclaimed else memory.steps_left(self._steps_done, steps)
        self._start_segment(now, steps)

    def _catch_up(self, now: float, tight: bool) -> bool:
        """Do what an engine that schedules a step ahead could not do before this step.

        Returns:
            Whether the queue is to be looked at again at the next boundary.
        """
        if self._ending and self.prefixes is not None:
            self.prefixes.evict(self.memory, self._steps_done, self._ahead())
        looks = self._unseen or bool(self._ending)
        while self._ending:
            self._release(0)
        self._unseen = False
        if self.queue and not self._decoding and not self._prefilling:
            self._through = 0
            self._look(now, fresh=True)  # nothing was to be scheduled: the engine waits for work
            return self._change_batch(now, tight)
        return looks and bool(self.queue)

    def _start_segment(self, now: float, steps: int) -> None:
        """Start a segment of ``steps`` steps: work out how long they take and what they draw."""
        engine, pace, new = self.engine, self._memory_pace, self._new
        time = engine.step_time
        sequences = len(self._decoding) if self._decodes else 0
        places = self._static_size or sequences if sequences else 0
        memory_s, growth_s = engine.memory_s[places], 0.0
        if sequences:
            memory_s += time.c_s_per_kv_token * (self.memory.tokens + self._shared_reads)
            growth_s = time.c_s_per_kv_token * sequences * pace
        if new:
            compute_s = time.new_tokens_s(places + new) + time.e_s_per_token2 * self._attention
            if steps > 1:
                growth_s += time.e_s_per_token2 * new * new * self._compute_pace
        else:
            compute_s = engine.compute_s[places]
        first_s = compute_s * self._compute_pace + memory_s * pace
        if self._copied_tokens:
            first_s += self._copied_tokens * engine.swap_s_per_token
        if new or self.speed is not FULL_SPEED:
            self._power_w = engine.power_w(places, new, first_s, self.speed)
        else:
            self._power_w = engine.decode_w[places]
        self._first_s, self._growth_s, self._steps = first_s, growth_s, steps
        self._start_s = self._row_start_s = now
        end_s = now + (steps * first_s + growth_s * (steps * (steps - 1)) * 0.5)
        if end_s != self._end_s:  # a wake-up at the same instant is already queued
            self._end_s = end_s
            self._clock.call_at(end_s, wake, self)

    def _begin(self, now: float, places: int) -> None:
        """Note power and start of a segment; for replicas with segments of their own kind.

        The plain segment above does it, and what `_end_at` does, in place: it saves two calls.
        """
        engine, new = self.engine, self._new
        if new or self.speed is not FULL_SPEED:
            self._power_w = engine.power_w(places, new, self._first_s, self.speed)
        else:
            self._power_w = engine.decode_w[places]
        self._start_s = self._row_start_s = now

    def _end_at(self, end_s: float) -> None:
        """Sleep until ``end_s`` [s], unless a wake-up at that instant is already queued."""
        if end_s != self._end_s:
            self._end_s = end_s
            self._clock.call_at(end_s, wake, self)

    def _set_speed(self, speed: Speed) -> None:
        """Slow compute with one part of the speed, memory with the other."""
        self.speed = speed
        self._compute_pace = 1.0 / speed.prefill
        self._memory_pace = 1.0 / speed.decode

    def _go_idle(self, now: float) -> None:
        self._row_start_s = self._start_s = now
        self._end_s = IDLE
        self._slots_full = False
        self._power_w = self.engine.power_w(0, 0, 0.0, self.speed) if self.alive else 0.0

    # --- the activity log ----------------------------------------------------------------------

    def _write_idle_row(self, end_s: float) -> None:
        row = pack_row(self.index, self._row_start_s, end_s, self._power_w, 0, 0.0, 0.0, 0.0)
        self._write(row)
        self._row_start_s = end_s

    def _decode_answers(self) -> int:
        """Return the tokens that decoding sequences show in this segment."""
        return len(self._decoding) * self._steps if self._decodes else 0

    def _write_part(self, end_s: float) -> None:
        """Write the part of a running segment from its last row to ``end_s``, by time."""
        if self._row_start_s == self._start_s:
            self._row_prompts = self._row_answers = 0.0
        memory, batch = self.memory, len(self._decoding) + len(self._prefilling)
        kv_tokens = float(memory.tokens)
        answers = self._decode_answers()
        if self._prompts or self.prefixes is not None:
            kv_tokens += memory.prefill_blocks * memory.block_size
        if self._prompts:
            answers += self._first_tokens(self._steps)
        share = (end_s - self._row_start_s) / (self._end_s - self._start_s)
        prompt_part, answer_part = self._new * self._steps * share, answers * share
        if not self._prompts:
            prompt_part = 0.0
        self._row_prompts += prompt_part
        self._row_answers += answer_part
        self._write_row(end_s, batch, kv_tokens, answers, prompt_part, answer_part)

    def _write_rest(
        self, end_s: float, batch: int, kv_tokens: float, prompts: int, answers: int
    ) -> None:
        """Write the rest of a segment of which a part is written already."""
        prompt_part, answer_part = prompts - self._row_prompts, answers - self._row_answers
        self._write_row(end_s, batch, kv_tokens, answers, prompt_part, answer_part)

    def _write_row(
        self,
        end_s: float,
        batch: int,
        kv_tokens: float,
        answers: int,
        prompt_part: float,
        answer_part: float,
    ) -> None:
        begin_s, length_s = self._row_start_s, self._end_s - self._start_s
        kv_tokens += answers * (0.5 * (end_s + begin_s) - self._start_s) / length_s
        self._write(
            pack_row(
                self.index,
                begin_s,
                end_s,
                self._power_w,
                batch,
                kv_tokens,
                prompt_part,
                answer_part,
            )
        )
        self._row_start_s = end_s


def wake(replica: SegmentRunner) -> None:
    """Apply the segment of a replica that ends now, and start the next one.

    A function and not a method: one object for all replicas, where a bound method of each would
    be a cache miss per event.
    """
    now = replica._clock.now
    if now == replica._end_s:  # otherwise a cut made this wake-up stale
        replica._finish(now)
        replica._plan(now)
