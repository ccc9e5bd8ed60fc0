"""Who enters the batch next, and who gives way."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from sim.interfaces import Request
from sim.serving.engine.engine import CHUNKED, PREFILL_FIRST, STATIC
from sim.serving.engine.prompts import Prompts
from sim.serving.engine.sharing import SharedPrefixes


@mypyc_attr(allow_interpreted_subclasses=True)
class Admission(Prompts):
    """A batch that takes requests from its queue, and returns some when memory is short."""

    __slots__ = ()

    def _change_batch(self, now: float, tight: bool) -> bool:
        """Preempt if memory is tight, and admit, in the mode's order.

        Returns:
            Whether anybody was preempted.
        """
        preempted = self._change_seen(now, tight)
        self._unseen = bool(self._hidden)
        if self._hidden:
            self.queue.put_back(self._hidden)
            self._hidden = []
        return preempted

    def _change_seen(self, now: float, tight: bool) -> bool:
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

    def _waits(self) -> bool:
        """Return whether anybody waits whom this step is not too early for."""
        queue = self.queue
        if self._lags:
            while queue and queue.head().offered_s > self._seen_s:  # others may be behind
                self._hidden.append(queue.pop())
        return bool(queue)

    def _make_room(self) -> bool:
        """Preempt until the next step's tokens fit; return whether anybody was."""
        memory = self.memory
        if self._static_size or not (memory.decoding or self._prefilling):
            return False
        preempted = False
        while memory.steps_left(self._steps_done, 1) == 0 and self._preempt():
            preempted = True
        return preempted

    def _preempt(self) -> bool:
        """Return the least urgent, then latest admitted request to the queue, if there is one."""
        ending = [entry[0] for entry in self._ending]
        candidates = self._decoding + self._prefilling + ending
        if not candidates:
            return False
        victim = max(candidates, key=lambda request: (request.priority, request.admit_order))
        victim.preemptions += 1
        if victim in ending:  # it is through, and only its memory is wanted
            self._release(ending.index(victim))
            return True
        decoding = victim.context_tokens >= victim.prefill_tokens
        self._take_out(victim, preempted=True)
        if decoding and self.engine.swap_tokens:
            self._swap_out(victim)
        if self._on_move is not None:
            self._on_move(self.index, -1)
        self.queue.push_back(victim)
        if self._prefilling:
            self.memory.unclaimed = self._unclaimed()
        return True

    def outranks(self, request: Request) -> bool:
        """Return whether a running request would give way to this one."""
        return self.engine.gives_way and any(
            member.priority > request.priority for member in self._decoding + self._prefilling
        )

    def _give_way(self, now: float) -> bool:
        """Preempt for a more urgent head of the queue until it is in, or only waits for the budget.

        Returns:
            Whether to look at the queue again at the next boundary.
        """
        queue, looked = self.queue, False
        while self._waits() and self.engine.mode != STATIC and self.outranks(queue.head()):
            looked = True
            head = queue.head()
            if self._has_room(head):
                break
            self._preempt()
            self._admit(now)
        return looked

    def _has_room(self, head: Request) -> bool:
        """Return whether there is a place and memory for the head of the queue."""
        memory = self.memory
        if len(self._decoding) + len(self._prefilling) + len(self._ending) >= self.max_num_seqs:
            return False
        if self.prefixes is None or self.engine.mode == STATIC:
            need = memory.blocks_for(head.prefill_tokens)
        else:
            need = self.prefixes.look_up(head).need
        return memory.fits(need, self._steps_done)

    def _admit(self, now: float) -> None:
        """Take requests from the queue while the head fits."""
        queue, prefilling, mode = self.queue, self._prefilling, self.engine.mode
        if mode == STATIC and self._decoding:
            return
        if self.prefixes is not None:
            self.prefixes.evict(self.memory, self._steps_done, self._ahead())
        budget, decoding = self.engine.max_num_batched_tokens, len(self._decoding)
        if mode == CHUNKED:
            budget -= (1 + self._drafted) * decoding
        for request in prefilling:
            left = request.prefill_tokens - request.context_tokens
            budget -= min(left, self._long_prefill) if self._long_prefill else left
        places = self.max_num_seqs - decoding - len(prefilling) - len(self._ending)
        lags = self._lags
        while places > 0 and (self._waits() if lags else queue):
            head = queue.head()
            # What was shown elsewhere since makes a swapped cache stale: then it is recomputed.
            restored = self._swapped and self._swapped.get(head) == head.prefill_tokens - 1
            if not (self._restore if restored else self._claim)(head, budget):
                break
            queue.pop()
            places -= 1
            self._orders += 1
            head.admit_order = self._orders
            head.replica = self.index
            if head.admitted_s < 0.0:
                head.admitted_s = now
            if self._on_move is not None:
                self._on_move(self.index, 1)
            budget -= self._enter(head, budget, restored=bool(restored))
            if self.prefixes is not None:
                self.prefixes.evict(self.memory, self._steps_done, self._ahead())

    def _enter(self, head: Request, budget: int, *, restored: bool) -> int:
        """Put a request into the batch; return the tokens of the budget that it takes."""
        if restored:
            self._decode(head)
            return 1 + self._drafted
        if self.hand_over is not None and head.remaining_tokens > 1:
            # It leaves after its first token; the rest of its answer is put back then.
            self._answers[head] = head.remaining_tokens - 1
            head.remaining_tokens = 1
        self._prefilling.append(head)
        left = head.prefill_tokens - head.context_tokens
        if self.engine.mode != CHUNKED:
            return left
        chunk = left if left <= budget else budget
        if self._long_prefill and chunk > self._long_prefill:
            chunk = self._long_prefill
        if chunk < left:
            self.memory.unclaimed += self._later(head, chunk)
        return chunk

    def _restore(self, head: Request, budget: int) -> bool:
        """Copy a swapped head's KV cache back, so that it decodes on, unless it has to wait."""
        memory = self.memory
        need = memory.blocks_for(head.prefill_tokens)
        if budget <= 0 or not memory.fits(need, self._steps_done):
            return False
        stored = self._swapped.pop(head)
        if self._arrived is None:  # else a link brought it: no step waits for a copy
            self._copied_tokens += stored
        head.prefill_tokens = head.context_tokens = stored
        memory.join(stored, self._steps_done)
        head.finish_step = self._steps_done + head.remaining_tokens
        return True

    def _claim(self, head: Request, budget: int) -> bool:
        """Take memory for the prompt of the head of the queue, unless it has to wait."""
        memory, mode, tokens = self.memory, self.engine.mode, head.prefill_tokens
        prefixes = self.prefixes
        if prefixes is not None:
            if head.prefix_blocks or prefixes.cache.active:
                return self._claim_shared(prefixes, head, budget)
            if head.admitted_s < 0.0:
                prefixes.counts.input_tokens += head.input_tokens
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

    def _claim_shared(self, prefixes: SharedPrefixes, head: Request, budget: int) -> bool:
        """Take memory for what of the prompt is not here yet, unless it has to wait."""
        hit, memory = prefixes.look_up(head), self.memory
        waits_first = self.engine.mode == PREFILL_FIRST and self._prefilling
        if budget <= 0 or (waits_first and head.prefill_tokens - hit.cached_tokens > budget):
            return False
        if not memory.fits(hit.need, self._steps_done):
            return False
        memory.prefill_blocks += hit.need
        prefixes.take(head, hit)
        return True

    def _ahead(self) -> int:
        """Return the tokens that each decoding sequence writes in the next step."""
        return 1

    def _evict_behind(self, steps: int) -> None:
        """Evict what the steps of this segment took the memory of."""
        prefixes, memory = self.prefixes, self.memory
        if prefixes is None or not prefixes.cache.idle_blocks:
            return
        if self._prompts and steps > 1:
            chunk = self._last_chunk * steps
            memory.unclaimed = self._later(self._prefilling[self._prompts - 1], chunk)
        prefixes.evict(memory, self._steps_done, self._written_by(steps) if self._decodes else 0)

    def _written_by(self, steps: int) -> int:
        """Return the tokens that each decoding sequence has written ``steps`` steps from now."""
        return steps
