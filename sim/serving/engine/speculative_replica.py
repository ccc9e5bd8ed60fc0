"""A replica that speculates: each step gives every decoding sequence several tokens."""

from __future__ import annotations

from typing import Any, cast

from sim.serving.engine.replica import Replica
from sim.serving.engine.speculation import SpeculativeEngine, TokenSchedule
from sim.serving.kv.memory import KvMemory


class LookaheadMemory(KvMemory):
    """KV memory in which a step writes all drafted tokens before it knows which ones stay.

    Its step index counts tokens, as `TokenSchedule` gives them.

    Args:
        blocks: capacity [blocks].
        block_size: tokens per block.
        watermark: blocks that an admission leaves free.
        schedule: when the tokens come.
        written: tokens that a step writes per sequence.
    """

    __slots__ = ("_schedule", "_written")

    def __init__(
        self, blocks: int, block_size: int, watermark: int, schedule: TokenSchedule, written: int
    ) -> None:
        super().__init__(blocks, block_size, watermark)
        self._schedule = schedule
        self._written = written

    def fits(self, need: int, step: int) -> bool:
        """Return whether ``need`` blocks can be taken now and everybody can still do one step."""
        free = self.blocks - self.prefill_blocks + self.unclaimed - need
        if self.decoding or self.prefill_blocks:
            free -= self.watermark
        return self.decode_blocks(step, self._written) <= free

    def steps_left(self, step: int, wanted: int) -> int:
        """Return how many of ``wanted`` tokens each the memory allows, 0 if not even one step."""
        free, schedule = self.blocks - self.prefill_blocks + self.unclaimed, self._schedule
        if not self.decoding:
            return wanted if free >= 0 else 0
        first = schedule.steps(step)
        low, high = 0, schedule.steps(step + wanted) - first
        while low < high:  # the last step of ``middle`` writes beyond what those before have kept
            middle = (low + high + 1) // 2
            kept = schedule.tokens(first + middle - 1) - step
            if self.decode_blocks(step, kept + self._written) <= free:
                low = middle
            else:
                high = middle - 1
        return schedule.tokens(first + low) - step


class SpeculativeReplica(Replica):
    """Advances its sequences by the token schedule of its engine.

    The order of events is that of `sim.serving.engine.replica`, with these differences. In event 1
    each decoding sequence gains the tokens of the schedule; those behind its last one are dropped.
    In event 3 room is made for all tokens that the next step writes, drafted and own, and in event
    5 each decoding sequence takes as many tokens of the budget. The schedule counts the steps of
    the replica that decode.

    What `Batch` counts in steps, a replica without speculation gaining one token in each, is
    counted in tokens here.
    """

    __slots__ = ("_decode_steps", "_kv_growth_s")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        engine = self._speculation
        self._decode_steps = 0  # steps of this replica that decoded
        self._kv_growth_s = 0.0  # of this segment: time per token that every sequence has gained
        # A step writes `drafted` tokens more per sequence than the bound counts with.
        self._ample_tokens -= engine.max_num_seqs * (engine.drafted + engine.block_size)

    @property
    def _speculation(self) -> SpeculativeEngine:
        return cast(SpeculativeEngine, self.engine)

    def _empty_memory(self) -> KvMemory:
        engine = self._speculation
        sizes = (engine.kv_blocks, engine.block_size, engine.watermark_blocks)
        return LookaheadMemory(*sizes, engine.schedule, engine.drafted + 1)

    def _restore(self, head: Any, budget: int) -> bool:
        memory = self.memory  # it decodes in the very next step
        need = memory.blocks_for(head.prefill_tokens + self._speculation.drafted)
        return memory.fits(need, self._steps_done) and super()._restore(head, budget)

    def _ahead(self) -> int:
        return self._speculation.drafted + 1

    def _written_by(self, steps: int) -> int:
        return self._gain(steps - 1) + self._speculation.drafted + 1

    def _compose_chunks(self) -> int:
        """Share the budget among prompts; return the tokens, or steps if nobody decodes."""
        steps = super()._compose_chunks()
        if steps == 1 or not self._decoding:
            return steps
        prompt = self._prefilling[0]  # one long prompt fills step after step alike
        steps = max(1, (prompt.prefill_tokens - prompt.context_tokens) // self._new)
        return min(self._gain(steps), -self._leaves[-1] - self._steps_done)

    def _gain(self, steps: int) -> int:
        """Return the tokens that the next ``steps`` steps give to each sequence."""
        return self._speculation.schedule.tokens(self._decode_steps + steps) - self._steps_done

    def _elapsed_s(self, steps: int) -> float:
        """Return the time of the first ``steps`` steps of the segment [s]."""
        seconds = steps * self._first_s + self._growth_s * (steps * (steps - 1)) * 0.5
        if self._kv_growth_s:
            schedule, first = self._speculation.schedule, self._decode_steps
            gained = schedule.sum(first + steps) - schedule.sum(first) - steps * self._steps_done
            seconds += self._kv_growth_s * gained
        return seconds

    def _start_segment(self, now: float, steps: int) -> None:
        """Start a segment of ``steps`` tokens each, or of steps if nobody decodes."""
        engine, pace, new = self._speculation, self._memory_pace, self._new
        times = engine.times
        sequences = len(self._decoding) if self._decodes else 0
        places = self._static_size or sequences if sequences else 0
        memory_s, self._growth_s, self._kv_growth_s = engine.memory_s[places], 0.0, 0.0
        if sequences:
            steps = engine.schedule.steps(self._steps_done + steps) - self._decode_steps
            memory_s += times.kv_s_per_token * (self.memory.tokens + self._shared_reads)
            self._kv_growth_s = times.kv_s_per_token * sequences * pace
        compute_s = engine.compute_s[places]
        if new:
            compute_s = times.products_s(places, new) + times.attention_s(self._attention)
            self._growth_s = times.attention_s(float(new * new)) * self._compute_pace
        first_s = compute_s * self._compute_pace + memory_s * pace
        first_s += self._copied_tokens * engine.swap_s_per_token
        self._first_s, self._steps = first_s, steps
        self._begin(now, places)
        self._end_at(now + self._elapsed_s(steps))

    def _steps_until(self, moment_s: float) -> int:
        """Return the smallest number of steps after which the segment has reached a moment."""
        low, high = 0, self._steps
        while low < high:
            middle = (low + high) // 2
            if self._start_s + self._elapsed_s(middle) >= moment_s:
                high = middle
            else:
                low = middle + 1
        return low

    def _boundary_after(self, moment_s: float) -> tuple[int, float]:
        steps = self._steps_until(moment_s)
        return steps, self._start_s + self._elapsed_s(steps)

    def _decode_answers(self) -> int:
        if not self._decodes:
            return 0
        done = self._steps_done + self._gain(self._steps)
        dropped = sum(done + leaves for leaves in self._leaves if -leaves < done)
        return len(self._decoding) * (done - self._steps_done) - dropped

    def _finish(self, now: float) -> None:
        """Apply the segment's steps, which end at ``now``, and write its row."""
        decoding, memory, steps = self._decoding, self.memory, self._steps
        kv_tokens = self._look_back(steps)
        self._last_gain = self._gain(steps) - self._gain(steps - 1)
        batch = len(decoding) + len(self._prefilling)
        prompts = self._copied_tokens = 0
        answers = self._decode_answers()
        if self._decodes and decoding:
            self._advance(steps)
            done = self._steps_done
            while decoding and -self._leaves[-1] <= done:
                finish, request = -self._leaves.pop(), decoding.pop()
                stored = request.context_tokens + request.remaining_tokens + done - finish
                private = stored - request.shared_tokens
                memory.leave(private, done)
                self._shared_reads -= request.shared_tokens
                self._complete(request, now, private + finish - done)
        if self._prompts:
            prompts = self._new * steps
            answers += self._finish_chunks(steps, now)
        if self._static_size and not decoding:
            self._static_size = 0
            memory.prefill_blocks = 0
        if self._row_start_s == self._start_s:
            self._row_prompts = self._row_answers = 0.0
        self._write_rest(now, batch, kv_tokens, prompts, answers)

    def _advance(self, steps: int) -> None:
        """Give every decoding sequence the tokens of ``steps`` steps."""
        gained = self._gain(steps)
        self._decode_steps += steps
        self._steps_done += gained
        self.memory.tokens += len(self._decoding) * gained

    def _apply_whole_steps(self, now: float) -> None:
        """Count the steps of the running segment that are over by ``now``."""
        if self._end_s < 0.0:
            return
        steps = self._steps_until(now)
        if self._start_s + self._elapsed_s(steps) > now:
            steps -= 1
        if self._decodes and self._decoding:
            self._advance(steps)
