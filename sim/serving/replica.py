"""The replica: one model on one group of accelerators, advanced segment by segment.

This is the hot path, the one file that may trade elegance for speed; each trick says why.

Order of events at a step boundary, at time t:

1. the step ends: each decoding sequence gains one token; a sequence with its last token leaves;
   a prompt that is now processed yields its first token and starts to decode (or leaves, if it
   wanted one token only);
2. a pending change of speed or batch limit takes effect;
3. room for the next step's tokens is made: while the decoding sequences do not fit, the running
   request of the least urgent tier that was admitted last is preempted, loses its memory and
   returns to the queue, to be recomputed;
4. unless somebody was just preempted, waiting requests are admitted in queue order while the
   head fits: a free place in the batch, memory for its whole prompt, token budget left;
5. the next step is composed. Chunked prefill: every decoding sequence takes one token of the
   budget, prompts share the rest in order of admission. Prefill first: whole prompts alone while
   there are any (3 then follows 4, since decoding sequences pause), else a decode step. Static:
   a batch is admitted when the last one is through, memory is reserved for whole answers, and a
   finished sequence keeps its place in the computation until the batch ends.

An arrival at exactly t takes part in the boundary at t; several of them are admitted one by one
in the order in which they arrive. `tests/support/stepwise.py` does the
same one step at a time; both agree on every time stamp to 1e-9 s.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import sqrt
from typing import Any

from sim.interfaces import COMPLETED, FAILED, ActivityLog, Request, Scheduler
from sim.serving.engine import CHUNKED, PREFILL_FIRST, STATIC, Engine, Speed
from sim.serving.memory import KvMemory
from sim.serving.queues import Queue
from sim.serving.segment import elapsed_s, steps_until

IDLE = -1.0  # planned end of a replica that has nothing to do
FULL_SPEED = Speed()
NO_CHUNKS: list[tuple[Request, int]] = []


class Replica:
    """A continuous-batching engine whose unit of work is the segment, not the step.

    Args:
        index: number of the replica in the run.
        clock: runs calls at absolute times.
        engine: step time, power and limits; shared by all replicas of a pool.
        queue: where its requests wait; replicas of a pool may share one.
        log: takes one activity row per segment.
        on_end: called once with each request that completed here.
        on_move: told (index, +1) when a request enters the batch and (index, -1) when one is
            preempted; pools whose queue is shared keep their loads by it.
    """

    __slots__ = (
        "_ample_tokens",
        "_chunks",
        "_clock",
        "_decodes",
        "_decoding",
        "_end_s",
        "_first_s",
        "_growth_s",
        "_log",
        "_on_end",
        "_on_move",
        "_orders",
        "_pending",
        "_power_w",
        "_prefilling",
        "_row_answers",
        "_row_prompts",
        "_row_start_s",
        "_slots_full",
        "_start_s",
        "_static_size",
        "_steps",
        "_steps_done",
        "_wake_at",
        "alive",
        "engine",
        "index",
        "max_num_seqs",
        "memory",
        "queue",
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
        self.index = index
        self.engine = engine
        self.queue = queue
        self.memory = KvMemory(engine.kv_blocks, engine.block_size, engine.watermark_blocks)
        self.speed = FULL_SPEED
        self.max_num_seqs = engine.max_num_seqs
        self.alive = True
        self._clock = clock
        self._wake_at = clock.timer(self._wake)
        self._log = log
        self._on_end = on_end
        self._on_move = on_move
        # Below this many tokens nobody can run out of blocks: each sequence wastes less than one.
        spare_blocks = engine.max_num_seqs + 1 + engine.watermark_blocks
        self._ample_tokens = (engine.kv_blocks - spare_blocks) * engine.block_size
        # (finish step, admission order, request): who leaves next is known without a scan.
        self._decoding: list[tuple[int, int, Request]] = []
        self._prefilling: list[Request] = []
        self._chunks = NO_CHUNKS  # prompt tokens per step of this segment
        self._steps_done = 0
        self._orders = 0
        self._static_size = 0  # places that a static batch keeps until its last member ends
        self._slots_full = False  # this segment's steps have no token budget left
        self._decodes = True  # decoding sequences take part in this segment's steps
        self._pending: tuple[Speed, int] | None = None
        self._start_s = clock.now
        self._row_start_s = clock.now
        self._row_prompts = 0.0  # tokens of this segment that earlier rows already counted
        self._row_answers = 0.0
        self._end_s = IDLE
        self._steps = 0
        self._first_s = 0.0
        self._growth_s = 0.0
        self._power_w = engine.idle_w

    @property
    def running(self) -> int:
        """Number of requests in the batch."""
        return len(self._decoding) + len(self._prefilling)

    @property
    def busy(self) -> bool:
        """Whether a step is under way."""
        return self._end_s != IDLE

    # --- what the outside may ask for ---------------------------------------------------------

    def nudge(self) -> bool:
        """The head of the queue changed: admit it at the next step boundary if it may fit.

        Returns:
            Whether the replica will look at the queue at its next boundary because of this call.
        """
        now = self._clock.now
        if self._end_s == IDLE:
            if self.alive:
                self._plan(now)
            return self._end_s != IDLE
        engine = self.engine
        if engine.mode == STATIC:
            if self._decoding or now != self._start_s:
                return False
        elif self._slots_full or len(self._decoding) + len(self._prefilling) >= self.max_num_seqs:
            return False
        memory = self.memory
        need_tokens = self.queue.head().prefill_tokens + memory.tokens
        # Memory only shrinks until this segment's end, so "no" now stays "no" until then.
        if need_tokens > (memory.blocks - memory.prefill_blocks) * memory.block_size:
            return False
        self._cut(now)
        return True

    def set_speed(self, speed: Speed) -> None:
        """Change how fast steps run, from the next step boundary."""
        self._change(speed, self._pending[1] if self._pending else self.max_num_seqs)

    def set_max_num_seqs(self, limit: int) -> None:
        """Change the batch limit, from the next step boundary; nobody is evicted."""
        self._change(self._pending[0] if self._pending else self.speed, limit)

    def checkpoint(self, now: float) -> None:
        """Write the activity up to ``now`` [s] without touching the run."""
        if now <= self._row_start_s:
            return
        if self._end_s == IDLE:
            self._write_idle_row(now)
        else:
            self._write_row(now, False)

    def fail(self, now: float) -> list[Request]:
        """Stop at once and return the requests that were running, with status FAILED."""
        self.checkpoint(now)
        lost = [entry[2] for entry in self._decoding] + self._prefilling
        for request in lost:
            request.status = FAILED
            request.finished_s = now
        self._decoding, self._prefilling, self._chunks = [], [], NO_CHUNKS
        memory = self.memory
        self.memory = KvMemory(memory.blocks, memory.block_size, memory.watermark)
        self.alive = False
        self._static_size = 0
        self._go_idle(now)
        return lost

    def restore(self, now: float) -> None:
        """Return to service after a failure, empty, and look at the queue."""
        self.checkpoint(now)
        self.alive = True
        self._plan(now)

    def abandon(self) -> list[Request]:
        """Return the running requests, for counting, when the run ends."""
        return [entry[2] for entry in self._decoding] + self._prefilling

    # --- the segment ---------------------------------------------------------------------------

    def _wake(self, _event: Any) -> None:
        now = self._clock.now
        if now == self._end_s:  # otherwise a cut made this wake-up stale
            self._finish(now)
            self._plan(now)

    def _change(self, speed: Speed, limit: int) -> None:
        self._pending = (speed, limit)
        if self._end_s == IDLE:
            self._plan(self._clock.now)
        else:
            self._cut(self._clock.now)

    def _cut(self, now: float) -> None:
        """End the segment at the first step boundary that is not before ``now``."""
        steps = steps_until(self._start_s, now, self._first_s, self._growth_s)
        if steps == 0:  # the segment starts right now: nothing has happened yet
            self._plan(now)
        elif steps < self._steps:
            self._steps = steps
            self._end_s = self._start_s + elapsed_s(steps, self._first_s, self._growth_s)
            self._wake_at(self._end_s)

    def _write_idle_row(self, end_s: float) -> None:
        self._log.extend((self.index, self._row_start_s, end_s, self._power_w, 0, 0.0, 0.0, 0.0))
        self._row_start_s = end_s

    def _write_row(self, end_s: float, whole: bool) -> None:
        """Write what the segment did since its last row: all the rest, or its part by time."""
        steps, memory, decoding = self._steps, self.memory, len(self._decoding)
        kv_tokens: float = memory.tokens
        answers = prompts = 0
        batch = self._static_size or decoding
        if self._decodes:
            answers = decoding * steps
        if self._chunks:
            batch += len(self._prefilling)
            kv_tokens += memory.prefill_blocks * memory.block_size
            for request, chunk in self._chunks:
                prompts += chunk * steps
                if request.context_tokens + chunk * steps >= request.prefill_tokens:
                    answers += 1
        start_s, begin_s = self._start_s, self._row_start_s
        if whole and start_s == begin_s:  # nearly always: one row for the whole segment
            kv_tokens += 0.5 * answers
            self._log.extend(
                (self.index, begin_s, end_s, self._power_w, batch, kv_tokens, prompts, answers)
            )
        else:
            self._write_part(end_s, batch, kv_tokens, prompts, answers, whole)
        self._row_start_s = end_s

    def _write_part(
        self, end_s: float, batch: int, kv_tokens: float, prompts: int, answers: int, whole: bool
    ) -> None:
        begin_s, length_s = self._row_start_s, self._end_s - self._start_s
        if whole:
            prompt_part, answer_part = prompts - self._row_prompts, answers - self._row_answers
        else:
            share = (end_s - begin_s) / length_s
            prompt_part, answer_part = prompts * share, answers * share
            self._row_prompts += prompt_part
            self._row_answers += answer_part
        kv_tokens += answers * (0.5 * (end_s + begin_s) - self._start_s) / length_s
        self._log.extend(
            (self.index, begin_s, end_s, self._power_w, batch, kv_tokens, prompt_part, answer_part)
        )

    def _finish(self, now: float) -> None:
        """Apply the segment's steps, which end at ``now``."""
        self._write_row(now, True)
        decoding = self._decoding
        if self._decodes:
            steps, memory = self._steps, self.memory
            memory.tokens += memory.decoding * steps
            done = self._steps_done = self._steps_done + steps
            while decoding and decoding[0][0] == done:
                request = heappop(decoding)[2]
                memory.leave(request.context_tokens + request.remaining_tokens, done)
                request.finished_s = now
                request.status = COMPLETED
                self._on_end(request)
        if self._chunks:
            self._finish_chunks(now)
        if self._static_size and not decoding:  # the batch is through: free its reservation
            self._static_size = 0
            self.memory.prefill_blocks = 0

    def _finish_chunks(self, now: float) -> None:
        steps, memory = self._steps, self.memory
        for request, chunk in self._chunks:
            request.context_tokens += chunk * steps
            if request.context_tokens < request.prefill_tokens:
                continue
            self._prefilling.remove(request)
            if not self._static_size:
                memory.prefill_blocks -= memory.blocks_for(request.prefill_tokens)
            if request.first_token_s < 0.0:
                request.first_token_s = now
            request.remaining_tokens -= 1
            if request.remaining_tokens == 0:
                request.finished_s = now
                request.status = COMPLETED
                self._on_end(request)
                continue
            memory.join(request.prefill_tokens, self._steps_done)
            request.finish_step = self._steps_done + request.remaining_tokens
            heappush(self._decoding, (request.finish_step, request.admit_order, request))
        self._chunks = NO_CHUNKS

    # --- composing the next segment ------------------------------------------------------------

    def _plan(self, now: float) -> None:
        """Do boundary events 2 to 5 and start the next segment."""
        if self._pending is not None:
            self.speed, self.max_num_seqs = self._pending
            self._pending = None
        decoding, memory = self._decoding, self.memory
        paused = self.engine.mode == PREFILL_FIRST
        # The bound in front of each call to `KvMemory` settles it unless memory is nearly full.
        preempted = (
            decoding
            and not paused
            and memory.tokens + memory.prefill_blocks * memory.block_size > self._ample_tokens
            and self._make_room()
        )
        if self.queue and not preempted and self.alive:
            self._admit(now)
        if paused and not self._prefilling:
            preempted = self._make_room()
        if self._end_s == IDLE and now > self._row_start_s:
            self._write_idle_row(now)
        new, attention = 0, 0.0
        if self._prefilling:
            steps, new, attention = self._compose_chunks()
        elif decoding:
            steps = decoding[0][0] - self._steps_done
            self._chunks = NO_CHUNKS
            self._decodes, self._slots_full = True, False
        else:
            self._go_idle(now)
            return
        if preempted:  # the queue gets its turn at the next boundary
            steps = 1
        if steps > 1 and not self._static_size:
            grown = memory.tokens + len(decoding) * steps
            if grown + memory.prefill_blocks * memory.block_size > self._ample_tokens:
                steps = memory.steps_left(self._steps_done, steps)
        self._start_segment(now, steps, new, attention)

    def _start_segment(self, now: float, steps: int, new: int, attention: float) -> None:
        engine, speed, time = self.engine, self.speed, self.engine.step_time
        memory_s = time.a_s
        growth_s = 0.0
        places = 0
        if self._decodes and self._decoding:
            live = len(self._decoding)
            places = self._static_size or live
            memory_s += time.c_s_per_kv_token * self.memory.tokens
            growth_s = time.c_s_per_kv_token * live
            if time.d_s_per_sqrt_seq:
                memory_s += time.d_s_per_sqrt_seq * sqrt(places)
        compute_s = time.b_s_per_token * (places + new) + time.e_s_per_token2 * attention
        if speed is not FULL_SPEED:
            compute_s /= speed.prefill
            memory_s /= speed.decode
            growth_s /= speed.decode
        first_s = compute_s + memory_s
        if steps > 1 and new:
            growth_s += time.e_s_per_token2 * new * new / speed.prefill
        if new or speed is not FULL_SPEED:
            self._power_w = engine.power_w(places, new, first_s, speed)
        else:
            self._power_w = engine.decode_w[places]
        self._start_s = self._row_start_s = now
        self._row_prompts = self._row_answers = 0.0
        self._steps = steps
        self._first_s = first_s
        self._growth_s = growth_s
        end_s = now + (steps * first_s + growth_s * (steps * (steps - 1)) * 0.5)
        if end_s != self._end_s:  # a wake-up at the same instant is already queued
            self._end_s = end_s
            self._wake_at(end_s)

    def _go_idle(self, now: float) -> None:
        self._row_start_s = self._start_s = now
        self._end_s = IDLE
        self._slots_full = False
        self._power_w = self.engine.power_w(0, 0, 0.0, self.speed) if self.alive else 0.0

    def _make_room(self) -> bool:
        """Preempt until the next step's tokens fit; return whether anybody was."""
        memory = self.memory
        if not memory.decoding or self._static_size:
            return False
        preempted = False
        while memory.steps_left(self._steps_done, 1) == 0:
            self._preempt()
            preempted = True
        return preempted

    def _preempt(self) -> None:
        """Take the least urgent, then latest admitted request out of the batch."""
        memory = self.memory
        running = [entry[2] for entry in self._decoding] + self._prefilling
        victim = max(running, key=lambda request: (request.priority, request.admit_order))
        if victim in self._prefilling:
            self._prefilling.remove(victim)
            memory.prefill_blocks -= memory.blocks_for(victim.prefill_tokens)
        else:
            self._decoding.remove((victim.finish_step, victim.admit_order, victim))
            heapify(self._decoding)
            left = victim.finish_step - self._steps_done
            stored = victim.context_tokens + victim.remaining_tokens - left
            memory.leave(stored, self._steps_done)
            victim.remaining_tokens = left
            victim.prefill_tokens = stored + 1  # its last token was shown but not yet stored
        victim.context_tokens = 0
        victim.preemptions += 1
        if self._on_move is not None:
            self._on_move(self.index, -1)
        self.queue.push_back(victim)

    def _admit(self, now: float) -> None:
        """Take requests from the queue while the head fits."""
        engine, memory, queue = self.engine, self.memory, self.queue
        decoding, prefilling = self._decoding, self._prefilling
        mode = engine.mode
        if mode == STATIC and decoding:
            return
        budget = engine.max_num_batched_tokens - (len(decoding) if mode == CHUNKED else 0)
        for request in prefilling:
            budget -= request.prefill_tokens - request.context_tokens
        while queue and len(decoding) + len(prefilling) < self.max_num_seqs:
            head = queue.head()
            tokens = head.prefill_tokens
            if mode == STATIC:
                # Nobody can be preempted from a static batch: room for the whole answer.
                need = memory.blocks_for(tokens + head.remaining_tokens - 1)
                if not memory.fits(need, self._steps_done):
                    break
            else:
                if budget <= 0 or (mode == PREFILL_FIRST and prefilling and tokens > budget):
                    break
                need = -(-tokens // memory.block_size)
                held = memory.tokens + (memory.prefill_blocks + need) * memory.block_size
                if held > self._ample_tokens and not memory.fits(need, self._steps_done):
                    break
            queue.pop()
            self._orders += 1
            head.admit_order = self._orders
            head.replica = self.index
            if head.admitted_s < 0.0:
                head.admitted_s = now
            if self._on_move is not None:
                self._on_move(self.index, 1)
            memory.prefill_blocks += need
            prefilling.append(head)
            budget -= tokens

    def _compose_chunks(self) -> tuple[int, int, float]:
        """Share the token budget among prompts; return steps, prompt tokens and attention."""
        mode, decoding = self.engine.mode, self._decoding
        self._decodes = mode == CHUNKED
        if mode == CHUNKED:
            whole = self.engine.max_num_batched_tokens - len(decoding)
        else:
            whole = sum(r.prefill_tokens - r.context_tokens for r in self._prefilling)
        if mode == STATIC:
            self._static_size = len(self._prefilling)
        chunks: list[tuple[Request, int]] = []
        budget, attention = whole, 0.0
        for request in self._prefilling:
            done = request.context_tokens
            chunk = min(request.prefill_tokens - done, budget)
            if chunk <= 0:
                break
            budget -= chunk
            attention += chunk * (done + 0.5 * chunk)
            chunks.append((request, chunk))
        self._chunks = chunks
        self._slots_full = mode == CHUNKED and budget <= 0
        steps = 1
        if mode == CHUNKED and len(chunks) == 1 and chunks[0][1] == whole:
            request = chunks[0][0]  # one long prompt fills step after step alike
            steps = max(1, (request.prefill_tokens - request.context_tokens) // whole)
            if decoding:
                steps = min(steps, decoding[0][0] - self._steps_done)
        return steps, whole - budget, attention
