"""A replica of a model some of whose layers attend to a window only."""

from __future__ import annotations

from typing import Any, cast

from sim.interfaces import Request
from sim.serving.engine.activity import add_kv_tokens
from sim.serving.engine.replica import Replica
from sim.serving.kv.windows import WindowEngine, WindowMemory


class WindowReplica(Replica):
    """Reads and keeps no more than the windows of windowed layers.

    That a sequence reaches the window changes by how much steps grow, so a segment ends there, as
    it does when a sequence joins or leaves. The same holds for a long prompt: its chunks lie before
    the window's length, across it (one step) or behind it.
    """

    __slots__ = ("_attention_growth", "_reaches", "_spared_tokens", "_write_all")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._attention_growth = 0.0  # of this segment: attention that each step adds
        self._reaches: dict[Request, int] = {}  # step at which each decoding one reaches the window
        self._spared_tokens = 0.0  # behind windows, counted by the rows of a segment
        self._write_all, self._write = self._write, self._write_spared

    @property
    def _windowed(self) -> WindowEngine:
        return cast(WindowEngine, self.engine)

    @property
    def _memory(self) -> WindowMemory:
        return cast(WindowMemory, self.memory)

    def _empty_memory(self) -> WindowMemory:
        engine = self._windowed
        sizes = (engine.kv_blocks, engine.block_size, engine.watermark_blocks)
        return WindowMemory(*sizes, engine.window, engine.touched)

    def clear(self) -> None:
        """Forget everybody and free the memory."""
        super().clear()
        self._reaches = {}

    def _stays_full(self) -> bool:
        return False  # a window gives memory back while its segment runs

    # --- who is watched --------------------------------------------------------------------------

    def _decode(self, request: Request) -> None:
        super()._decode(request)
        step = self._steps_done
        self._reaches[request] = when = step - request.context_tokens + self._windowed.window.tokens
        self._memory.watch(when, step)

    def _complete(self, request: Request, now: float, private: int) -> None:
        self._forget(request)
        super()._complete(request, now, private)

    def _forget(self, request: Request) -> None:
        when = self._reaches.pop(request, None)
        if when is not None:  # else it wanted one token only
            self._memory.forget(when, self._steps_done)

    # --- memory of prompts -----------------------------------------------------------------------

    def _claim(self, head: Request, budget: int) -> bool:
        claimed = super()._claim(head, budget)
        if claimed:
            self._count_spared(head.prefill_tokens, 1)
        return claimed

    def _take_out(self, request: Request, *, preempted: bool = False) -> None:
        if request in self._prefilling:
            self._count_spared(request.prefill_tokens, -1)
        self._forget(request)
        super()._take_out(request, preempted=preempted)

    def _finish_chunks(self, steps: int, now: float) -> int:
        tokens = {request: request.prefill_tokens for request in self._prefilling[: self._prompts]}
        through = super()._finish_chunks(steps, now)
        for request in list(tokens)[:through]:
            self._count_spared(tokens[request], -1)
        return through

    def _count_spared(self, tokens: int, times: int) -> None:
        memory = self._memory
        memory.spared += times * memory.spare(memory.blocks_for(tokens))

    # --- the segment -----------------------------------------------------------------------------

    def _blocks_of(self, stored: int) -> int:
        window, size = self._windowed.window, self.memory.block_size
        behind = max(0, stored - window.tokens) // size
        return -(-stored // size) - behind * window.layers // window.of

    def _unclaimed(self) -> int:
        return 0  # windows give memory of long prompts back: the whole is claimed from the start

    def _later(self, request: Request, chunk: int) -> int:
        return 0

    def _compose_chunks(self) -> int:
        """Share the budget as always, and see what of the context the chunks attend to."""
        steps = super()._compose_chunks()
        window, taking = self._windowed.window, self._prefilling[: self._prompts]
        last = taking[-1]
        self._attention = sum(
            window.attention(
                request.context_tokens,
                chunk,
            )
            for request, chunk in zip(taking, self._chunks, strict=True)
        )
        self._attention_growth = 0.0
        if steps > 1:
            done, chunk = last.context_tokens, self._new
            growth = float(chunk * chunk)
            if done >= window.tokens:
                self._attention_growth = growth * (1.0 - window.share)
            elif done + 2 * chunk <= window.tokens:
                self._attention_growth = growth
                steps = min(steps, (window.tokens - done) // chunk)
            else:
                steps = 1
        return steps

    def _start_segment(self, now: float, steps: int) -> None:
        """Start a segment of ``steps`` steps, or of fewer if a sequence reaches the window."""
        engine, memory, pace, new = self._windowed, self._memory, self._memory_pace, self._new
        time, share = engine.step_time, engine.window.share
        sequences = len(self._decoding) if self._decodes else 0
        places = self._static_size or sequences if sequences else 0
        memory_s, growth_s = engine.memory_s[places], 0.0
        behind = share * memory.behind(self._steps_done)
        if sequences:
            crossing = memory.next_crossing(self._steps_done)
            if crossing is not None:
                steps = min(steps, crossing - self._steps_done)
            if steps > 1 and self.queue and self.running < self.max_num_seqs:
                need = memory.blocks_for(self.queue.head().prefill_tokens)
                steps = memory.steps_until_fit(self._steps_done, need, steps)
            memory_s += time.c_s_per_kv_token * (memory.tokens - behind)
            growth_s = time.c_s_per_kv_token * (sequences - share * memory.beyond) * pace
        compute_s = engine.compute_s[places]
        if new:
            compute_s = time.new_tokens_s(places + new) + time.e_s_per_token2 * self._attention
            growth_s += time.e_s_per_token2 * self._attention_growth * self._compute_pace
        first_s = compute_s * self._compute_pace + memory_s * pace
        first_s += self._copied_tokens * engine.swap_s_per_token
        self._first_s, self._growth_s, self._steps = first_s, growth_s, steps
        self._begin(now, places)
        spared = memory.spared * memory.block_size if self._prompts else 0
        self._spared_tokens = behind + share * spared
        self._end_at(now + (steps * first_s + growth_s * (steps * (steps - 1)) * 0.5))

    def _go_idle(self, now: float) -> None:
        super()._go_idle(now)
        self._spared_tokens = 0.0

    def _write_spared(self, row: bytes) -> None:
        self._write_all(add_kv_tokens(row, -self._spared_tokens) if self._spared_tokens else row)
