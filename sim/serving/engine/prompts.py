"""Prompts in process: how a step's budget of tokens is shared among them."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from sim.interfaces import Request
from sim.serving.engine.batch import NO_LIMIT, Batch
from sim.serving.engine.engine import CHUNKED, STATIC


@mypyc_attr(allow_interpreted_subclasses=True)
class Prompts(Batch):
    """A batch that knows how far its prompts are."""

    __slots__ = ()

    def _later(self, request: Request, chunk: int) -> int:
        """Return the blocks of a prompt that its next ``chunk`` tokens do not reach."""
        size = self.memory.block_size
        return -(-request.prefill_tokens // size) + -(request.context_tokens + chunk) // size

    def _unclaimed(self) -> int:
        """Return the blocks of prompts in process that the next step does not reach."""
        if self.engine.mode != CHUNKED:
            return 0
        budget = self.engine.max_num_batched_tokens - (1 + self._drafted) * len(self._decoding)
        most, later = self._longest_chunk(), 0
        for request in self._prefilling:
            left = request.prefill_tokens - request.context_tokens
            chunk = max(0, min(left, budget, most))
            budget -= chunk
            later += self._later(request, chunk)
        return later

    def _longest_chunk(self) -> int:
        """Return the most tokens of one prompt in the next step, apart from the budget.

        The limit on long prompts holds where anybody else runs or waits.
        """
        if not self._long_prefill:
            return NO_LIMIT
        others = len(self._decoding) + len(self._prefilling) + self._through - 1
        if others == 0 and self.queue and self.queue.head().offered_s <= self._seen_s:
            others = 1
        return self._long_prefill if others else NO_LIMIT

    def _compose_chunks(self) -> int:
        """Share the token budget of a step among prompts; return for how many steps it holds.

        Prompts get their tokens in order of admission. Without a limit on long ones, all but the
        last of those that take part are through with the step.
        """
        mode, decoding, prefilling = self.engine.mode, self._decoding, self._prefilling
        self._decodes = mode == CHUNKED
        most = NO_LIMIT
        if mode == CHUNKED:
            whole = self.engine.max_num_batched_tokens - (1 + self._drafted) * len(decoding)
            if self._long_prefill:
                most = self._longest_chunk()
        else:
            whole = NO_LIMIT
            if mode == STATIC:
                self._static_size = len(prefilling)
        budget, attention, chunk, chunks = whole, 0.0, 0, self._chunks
        chunks.clear()
        for request in prefilling:
            if budget <= 0:
                break
            done = request.context_tokens
            chunk = request.prefill_tokens - done
            chunk = min(chunk, most)
            chunk = min(chunk, budget)
            budget -= chunk
            attention += chunk * (done + 0.5 * chunk)
            chunks.append(chunk)
        if self._long_prefill:
            self.memory.unclaimed = self._unclaimed()
        self._prompts, self._last_chunk = len(chunks), chunk
        self._new = new = whole - budget
        self._attention = attention
        # One that runs alone takes the whole budget until somebody else comes.
        alone = self._long_prefill and most == NO_LIMIT
        self._slots_full = mode == CHUNKED and budget <= 0 and not alone
        # One long prompt fills step after step alike.
        if len(chunks) == 1 and new in (whole, most) and not (self._long_prefill and self._through):
            request = prefilling[0]
            steps = max(1, (request.prefill_tokens - request.context_tokens) // new)
            return min(steps, -self._leaves[-1] - self._steps_done) if decoding else steps
        return 1

    def _first_tokens(self, steps: int) -> int:
        """Return how many of the prompts in this segment are through after ``steps`` steps."""
        return sum(
            request.context_tokens + chunk * steps >= request.prefill_tokens
            for request, chunk in zip(self._prefilling, self._chunks, strict=False)
        )

    def _finish_chunks(self, steps: int, now: float) -> int:
        """Apply ``steps`` steps to the prompts; return how many yield a token."""
        memory, prefilling = self.memory, self._prefilling
        step, through = self._steps_done, self._prompts
        if self._long_prefill:
            ready = self._advance_prompts(steps)
        else:
            last = prefilling[through - 1]
            done = last.context_tokens + self._last_chunk * steps
            if done < last.prefill_tokens:
                last.context_tokens = done
                through -= 1
            ready = prefilling[:through]
            del prefilling[:through]
        for request in ready:
            request.context_tokens = request.prefill_tokens
            tokens = request.prefill_tokens - request.shared_tokens
            if not self._static_size:
                memory.prefill_blocks -= -(-tokens // memory.block_size)
            if request.first_token_s < 0.0:
                request.first_token_s = now
            request.remaining_tokens -= 1
            if request.remaining_tokens == 0:
                self._complete(request, now, tokens)
                continue
            memory.ring[(step - tokens) % memory.block_size] += 1  # `KvMemory.join`
            memory.tokens += tokens
            if request.shared_tokens:
                self._shared_reads += request.shared_tokens
            request.finish_step = step + request.remaining_tokens
            self._decode(request)
        return len(ready)

    def _advance_prompts(self, steps: int) -> list[Request]:
        """Apply steps to prompts of which several go on; return those that are through."""
        prefilling = self._prefilling
        ready: list[Request] = []
        rest: list[Request] = []
        for request, chunk in zip(prefilling, self._chunks, strict=False):
            request.context_tokens += chunk * steps
            (ready if request.context_tokens >= request.prefill_tokens else rest).append(request)
        prefilling[: len(self._chunks)] = rest
        return ready
