"""The batch: which requests run together, who is admitted next, who gives way."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable

from mypy_extensions import mypyc_attr

from sim.interfaces import COMPLETED, IN_FLIGHT, Request
from sim.serving.engine.engine import CHUNKED, PREFILL_FIRST, STATIC, Engine
from sim.serving.kv.memory import KvMemory
from sim.serving.queues.queues import Queue

NO_LIMIT = 1 << 62


@mypyc_attr(allow_interpreted_subclasses=True)
class Batch:
    """The requests that run on one replica: decoding ones, and those whose prompt is processed.

    Args:
        index: number of the replica in the run.
        engine: limits, shared by all replicas of a pool.
        queue: where requests wait; replicas of a pool may share one.
        on_move: told (index, +1) when a request enters the batch and (index, -1) when one is
            preempted; pools whose queue is shared keep their loads by it.
    """

    __slots__ = (
        "_ample_tokens",
        "_attention",
        "_copied_tokens",
        "_decodes",
        "_decoding",
        "_last_chunk",
        "_leaves",
        "_new",
        "_on_end",
        "_on_move",
        "_orders",
        "_prefill_first",
        "_prefilling",
        "_prompts",
        "_shared_reads",
        "_slots_full",
        "_static_size",
        "_steps_done",
        "_swapped",
        "alive",
        "engine",
        "index",
        "max_num_seqs",
        "memory",
        "queue",
    )

    def __init__(
        self,
        index: int,
        engine: Engine,
        queue: Queue,
        on_end: Callable[[Request], None],
        on_move: Callable[[int, int], None] | None = None,
    ) -> None:
        self.index = index
        self.engine = engine
        self.queue = queue
        self.max_num_seqs = engine.max_num_seqs
        self.alive = True
        self.memory = self._empty_memory()
        self._on_end = on_end
        self._on_move = on_move
        self._prefill_first = engine.mode == PREFILL_FIRST
        # Below this many tokens nobody can run out of blocks: each sequence wastes less than one.
        spare_blocks = engine.max_num_seqs + 1 + engine.watermark_blocks
        self._ample_tokens = (engine.kv_blocks - spare_blocks) * engine.block_size
        # Sorted, who leaves next at the end, so that it leaves without comparing or moving anybody;
        # beside it the steps, negated to ascend, at which they leave: unboxed, since a search in a
        # list of integers is a cache miss at each.
        self._decoding: list[Request] = []
        self._leaves = array("q")
        self._prefilling: list[Request] = []
        # Of this segment: prompts that take part, their tokens per step, those of the last one,
        # and the sum over prompts of new tokens times the context that they attend to.
        self._prompts = self._new = self._last_chunk = 0
        self._attention = 0.0
        self._decodes = True  # decoding sequences take part in this segment's steps
        self._slots_full = False  # this segment's steps have no token budget left
        # Requests whose KV cache is in host memory, with the tokens that it holds; and tokens that
        # the next step waits for because they are copied there or back.
        self._swapped: dict[Request, int] = {}
        self._copied_tokens = 0
        self._shared_reads = 0  # shared tokens that decoding sequences read, once for each of them
        self._static_size = 0  # places that a static batch keeps until its last member ends
        self._steps_done = 0
        self._orders = 0

    @property
    def running(self) -> int:
        """Number of requests in the batch."""
        return len(self._decoding) + len(self._prefilling)

    def members(self) -> list[Request]:
        """Return the requests in the batch."""
        return self._decoding + self._prefilling

    def clear(self) -> None:
        """Forget everybody and free the memory."""
        self._decoding, self._leaves = [], array("q")
        self._prefilling, self._prompts = [], 0
        self.memory = self._empty_memory()
        self._static_size = self._copied_tokens = self._shared_reads = 0
        self._swapped = {}

    def _empty_memory(self) -> KvMemory:
        """Return what counts the KV blocks of a replica without requests."""
        engine = self.engine
        return KvMemory(engine.kv_blocks, engine.block_size, engine.watermark_blocks)

    # --- who gives way ---------------------------------------------------------------------------

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
        """Return the least urgent, then latest admitted request to the queue."""
        victim = max(self.members(), key=lambda request: (request.priority, request.admit_order))
        decoding = victim.context_tokens >= victim.prefill_tokens
        self._take_out(victim)
        if decoding and self.engine.swap_tokens:
            self._swap_out(victim)
        victim.preemptions += 1
        if self._on_move is not None:
            self._on_move(self.index, -1)
        self.queue.push_back(victim)

    def _swap_out(self, victim: Request) -> None:
        """Copy the KV cache of a preempted request to host memory, if it has room."""
        stored, swapped = victim.prefill_tokens - 1, self._swapped
        if sum(swapped.values()) + stored > self.engine.swap_tokens:
            for request in [r for r in swapped if r.status != IN_FLIGHT]:
                del swapped[request]  # its user went away while it waited
        if sum(swapped.values()) + stored <= self.engine.swap_tokens:
            swapped[victim] = stored
            self._copied_tokens += stored

    def _take_out(self, request: Request) -> None:
        """Remove a running request; it keeps the tokens that it showed and loses its memory."""
        memory = self.memory
        if request in self._prefilling:
            self._prefilling.remove(request)
            if not self._static_size:  # a static batch keeps its reservation until it ends
                private = request.prefill_tokens - request.shared_tokens
                memory.prefill_blocks -= memory.blocks_for(private)
        else:
            place = self._decoding.index(request)
            del self._decoding[place], self._leaves[place]
            left = request.finish_step - self._steps_done
            stored = request.context_tokens + request.remaining_tokens - left
            memory.leave(stored - request.shared_tokens, self._steps_done)
            self._shared_reads -= request.shared_tokens
        self._lose_progress(request)
        if self._static_size and not self._decoding and not self._prefilling:
            self._static_size = memory.prefill_blocks = 0

    def _lose_progress(self, request: Request) -> None:
        """Set what a request that is taken out still has to process and to show."""
        if request.context_tokens >= request.prefill_tokens:  # it was decoding
            left = request.finish_step - self._steps_done
            # Its last token was shown but not yet stored.
            request.prefill_tokens = request.context_tokens + request.remaining_tokens - left + 1
            request.remaining_tokens = left
        request.context_tokens = 0

    def _change_batch(self, now: float, tight: bool) -> bool:
        """Preempt if memory is tight, and admit, in the mode's order.

        Returns:
            Whether anybody was preempted.
        """
        if self._prefill_first:  # decoding sequences pause, and need no room, beside prompts
            if self.queue and self.alive:
                self._admit(now)
            gave_way = self.engine.gives_way and self._give_way(now)
            return gave_way or (tight and not self._prefilling and self._make_room())
        preempted = tight and self._make_room()
        if self.queue and not preempted and self.alive:
            self._admit(now)
            preempted = self.engine.gives_way and self._give_way(now)
        return preempted

    def outranks(self, request: Request) -> bool:
        """Return whether a running request would give way to this one."""
        return self.engine.gives_way and any(
            member.priority > request.priority for member in self.members()
        )

    def _give_way(self, now: float) -> bool:
        """Preempt for a more urgent head of the queue until it is in, or only waits for the budget.

        Returns:
            Whether to look at the queue again at the next boundary.
        """
        queue, memory, looked = self.queue, self.memory, False
        while queue and self.engine.mode != STATIC and self.outranks(queue.head()):
            looked = True
            need = memory.blocks_for(queue.head().prefill_tokens)
            if self.running < self.max_num_seqs and memory.fits(need, self._steps_done):
                break
            self._preempt()
            self._admit(now)
        return looked

    # --- who is admitted -------------------------------------------------------------------------

    def _admit(self, now: float) -> None:
        """Take requests from the queue while the head fits."""
        queue, prefilling = self.queue, self._prefilling
        mode, decoding = self.engine.mode, len(self._decoding)
        if mode == STATIC and decoding:
            return
        budget = self.engine.max_num_batched_tokens - (decoding if mode == CHUNKED else 0)
        for request in prefilling:
            budget -= request.prefill_tokens - request.context_tokens
        while queue and decoding + len(prefilling) < self.max_num_seqs:
            head = queue.head()
            # What was shown elsewhere since makes a swapped cache stale: then it is recomputed.
            restored = self._swapped and self._swapped.get(head) == head.prefill_tokens - 1
            if not (self._restore if restored else self._claim)(head, budget):
                return
            queue.pop()
            self._orders += 1
            head.admit_order = self._orders
            head.replica = self.index
            if head.admitted_s < 0.0:
                head.admitted_s = now
            if self._on_move is not None:
                self._on_move(self.index, 1)
            if restored:
                self._decode(head)
                decoding += 1
                budget -= 1
            else:
                prefilling.append(head)
                budget -= head.prefill_tokens - head.context_tokens

    def _restore(self, head: Request, budget: int) -> bool:
        """Copy a swapped head's KV cache back, so that it decodes on, unless it has to wait."""
        memory = self.memory
        need = memory.blocks_for(head.prefill_tokens)
        if budget <= 0 or not memory.fits(need, self._steps_done):
            return False
        stored = self._swapped.pop(head)
        head.prefill_tokens = head.context_tokens = stored
        self._copied_tokens += stored
        memory.join(stored, self._steps_done)
        head.finish_step = self._steps_done + head.remaining_tokens
        return True

    def _claim(self, head: Request, budget: int) -> bool:
        """Take memory for the prompt of the head of the queue, unless it has to wait."""
        memory, mode, tokens = self.memory, self.engine.mode, head.prefill_tokens
        if mode == STATIC:  # nobody can be preempted from it: room for the whole answer
            tokens += head.remaining_tokens - 1
        elif budget <= 0 or (mode == PREFILL_FIRST and self._prefilling and tokens > budget):
            return False
        need = -(-tokens // memory.block_size)
        held = memory.tokens + (memory.prefill_blocks + need) * memory.block_size
        if held > self._ample_tokens and not memory.fits(need, self._steps_done):
            return False
        memory.prefill_blocks += need
        return True

    def _decode(self, request: Request) -> None:
        """Let a request decode until its finish step."""
        leaves = -request.finish_step
        place = bisect_left(self._leaves, leaves)
        self._leaves.insert(place, leaves)
        self._decoding.insert(place, request)

    def _complete(self, request: Request, now: float) -> None:
        """Report a request that showed its last token."""
        request.finished_s = now
        request.status = COMPLETED
        self._on_end(request)

    # --- prompts ---------------------------------------------------------------------------------

    def _compose_chunks(self, held: int = 0) -> int:
        """Share the token budget of a step among prompts; return for how many steps it holds.

        Prompts get their tokens in order of admission, so all but the last of those that take
        part are through with the step.

        Args:
            held: tokens of the budget that are taken beside one per decoding sequence.
        """
        mode, decoding, prefilling = self.engine.mode, self._decoding, self._prefilling
        self._decodes = mode == CHUNKED
        if mode == CHUNKED:
            whole = self.engine.max_num_batched_tokens - len(decoding) - held
        else:
            whole = NO_LIMIT
            if mode == STATIC:
                self._static_size = len(prefilling)
        budget, attention, taking, chunk = whole, 0.0, 0, 0
        for request in prefilling:
            if budget <= 0:
                break
            done = request.context_tokens
            chunk = request.prefill_tokens - done
            if chunk > budget:  # noqa: PLR1730 - a call of `min` takes longer
                chunk = budget
            budget -= chunk
            attention += chunk * (done + 0.5 * chunk)
            taking += 1
        self._prompts, self._last_chunk = taking, chunk
        self._new = new = whole - budget
        self._attention = attention
        self._slots_full = mode == CHUNKED and budget <= 0
        if taking == 1 and new == whole:  # one long prompt fills step after step alike
            request = prefilling[0]
            steps = max(1, (request.prefill_tokens - request.context_tokens) // whole)
            return min(steps, -self._leaves[-1] - self._steps_done) if decoding else steps
        return 1

    def _first_tokens(self, steps: int) -> int:
        """Return how many of the prompts in this segment are through after ``steps`` steps."""
        last = self._prefilling[self._prompts - 1]
        through = last.context_tokens + self._last_chunk * steps >= last.prefill_tokens
        return self._prompts if through else self._prompts - 1

    def _finish_chunks(self, steps: int, now: float) -> int:
        """Apply ``steps`` steps to the prompts; return how many yield a token."""
        memory, prefilling = self.memory, self._prefilling
        step, through = self._steps_done, self._prompts
        last = prefilling[through - 1]
        done = last.context_tokens + self._last_chunk * steps
        if done < last.prefill_tokens:
            last.context_tokens = done
            through -= 1
        for request in prefilling[:through]:
            request.context_tokens = request.prefill_tokens
            tokens = request.prefill_tokens - request.shared_tokens
            if not self._static_size:
                memory.prefill_blocks -= -(-tokens // memory.block_size)
            if request.first_token_s < 0.0:
                request.first_token_s = now
            request.remaining_tokens -= 1
            if request.remaining_tokens == 0:
                self._complete(request, now)
                continue
            memory.ring[(step - tokens) % memory.block_size] += 1  # `KvMemory.join`
            memory.tokens += tokens
            if request.shared_tokens:
                self._shared_reads += request.shared_tokens
            request.finish_step = step + request.remaining_tokens
            self._decode(request)
        del prefilling[:through]
        return through
