"""The batch: which requests run together, who is admitted next, who gives way."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappush

from sim.interfaces import Request
from sim.serving.engine import CHUNKED, PREFILL_FIRST, STATIC, Engine
from sim.serving.memory import KvMemory
from sim.serving.queues import Queue

NO_CHUNKS: list[tuple[Request, int]] = []


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
        "_chunks",
        "_decodes",
        "_decoding",
        "_on_move",
        "_orders",
        "_prefilling",
        "_slots_full",
        "_static_size",
        "_steps_done",
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
        on_move: Callable[[int, int], None] | None = None,
    ) -> None:
        self.index = index
        self.engine = engine
        self.queue = queue
        self.max_num_seqs = engine.max_num_seqs
        self.memory = KvMemory(engine.kv_blocks, engine.block_size, engine.watermark_blocks)
        self._on_move = on_move
        # Below this many tokens nobody can run out of blocks: each sequence wastes less than one.
        spare_blocks = engine.max_num_seqs + 1 + engine.watermark_blocks
        self._ample_tokens = (engine.kv_blocks - spare_blocks) * engine.block_size
        # (finish step, admission order, request): who leaves next is known without a scan.
        self._decoding: list[tuple[int, int, Request]] = []
        self._prefilling: list[Request] = []
        self._chunks = NO_CHUNKS  # prompt tokens per step of this segment
        self._decodes = True  # decoding sequences take part in this segment's steps
        self._slots_full = False  # this segment's steps have no token budget left
        self._static_size = 0  # places that a static batch keeps until its last member ends
        self._steps_done = 0
        self._orders = 0

    @property
    def running(self) -> int:
        """Number of requests in the batch."""
        return len(self._decoding) + len(self._prefilling)

    def members(self) -> list[Request]:
        """Return the requests in the batch."""
        return [entry[2] for entry in self._decoding] + self._prefilling

    def clear(self) -> None:
        """Forget everybody and free the memory."""
        memory = self.memory
        self._decoding, self._prefilling, self._chunks = [], [], NO_CHUNKS
        self.memory = KvMemory(memory.blocks, memory.block_size, memory.watermark)
        self._static_size = 0

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
        """Take the least urgent, then latest admitted request out of the batch."""
        memory = self.memory
        victim = max(self.members(), key=lambda request: (request.priority, request.admit_order))
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
            need = self._blocks_to_admit(head, budget)
            if need == 0:
                return
            queue.pop()
            self._orders += 1
            head.admit_order = self._orders
            head.replica = self.index
            if head.admitted_s < 0.0:
                head.admitted_s = now
            if self._on_move is not None:
                self._on_move(self.index, 1)
            self.memory.prefill_blocks += need
            prefilling.append(head)
            budget -= head.prefill_tokens

    def _blocks_to_admit(self, head: Request, budget: int) -> int:
        """Return the blocks that the head of the queue takes, 0 if it has to wait."""
        memory, mode, tokens = self.memory, self.engine.mode, head.prefill_tokens
        if mode == STATIC:  # nobody can be preempted from it: room for the whole answer
            tokens += head.remaining_tokens - 1
        elif budget <= 0 or (mode == PREFILL_FIRST and self._prefilling and tokens > budget):
            return 0
        need = -(-tokens // memory.block_size)
        held = memory.tokens + (memory.prefill_blocks + need) * memory.block_size
        if held > self._ample_tokens and not memory.fits(need, self._steps_done):
            return 0
        return need

    # --- prompts ---------------------------------------------------------------------------------

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

    def _finish_chunks(self, steps: int, now: float) -> list[Request]:
        """Apply ``steps`` steps to the prompts; return requests that wanted one token only."""
        memory = self.memory
        ended: list[Request] = []
        for request, chunk in self._chunks:
            request.context_tokens += chunk * steps
            if request.context_tokens < request.prefill_tokens:
                continue
            self._prefilling.remove(request)
            if not self._static_size:
                memory.prefill_blocks -= -(-request.prefill_tokens // memory.block_size)
            if request.first_token_s < 0.0:
                request.first_token_s = now
            request.remaining_tokens -= 1
            if request.remaining_tokens == 0:
                ended.append(request)
                continue
            memory.join(request.prefill_tokens, self._steps_done)
            request.finish_step = self._steps_done + request.remaining_tokens
            heappush(self._decoding, (request.finish_step, request.admit_order, request))
        self._chunks = NO_CHUNKS
        return ended
