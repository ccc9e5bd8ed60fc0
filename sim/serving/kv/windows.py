"""Sliding-window attention: what layers with a window store and read of a long context.

Some layers of a model may attend to the last ``W`` tokens only. What lies behind their window is
neither read nor kept, while the other layers keep and read all of it. Memory is counted in blocks
that hold a few tokens of every layer; an engine that pages each kind of layer on its own (vLLM's
hybrid KV cache manager) frees the windowed layers' part of a block once all of it is behind the
window: ``floor((s - W) / block)`` blocks of a sequence with ``s`` tokens. A prompt in process keeps
the blocks that a window can touch, ``ceil((W - 1) / block) + 1``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from sim.catalog.entries import Model
from sim.interfaces import PowerCurve
from sim.performance.steptime import StepTime
from sim.serving.engine.engine import STATIC, Engine
from sim.serving.kv.memory import KvMemory

ALL = 1 << 40  # blocks; more than any memory has


@dataclass(frozen=True, slots=True)
class Window:
    """The layers of a model that attend to the last tokens only.

    Attributes:
        tokens: how many.
        layers: layers with the window.
        of: all layers.
    """

    tokens: int
    layers: int
    of: int

    @property
    def share(self) -> float:
        """Share of the layers with the window [1]."""
        return self.layers / self.of

    def touched(self, block_size: int) -> int:
        """Return the most blocks that a window can lie in."""
        return -(-(self.tokens - 1) // block_size) + 1

    def attention(self, done: float, chunk: float) -> float:
        """Return ``chunk (done + chunk / 2)`` with the layers' windows taken off [tokens^2].

        The windowed part is the integral of ``min(context, W)`` over the chunk.
        """
        whole = chunk * (done + 0.5 * chunk)
        return whole + self.share * (self._seen(done + chunk) - self._seen(done) - whole)

    def _seen(self, context: float) -> float:
        inside = min(context, self.tokens)
        return inside * (context - 0.5 * inside)

    def context(self, start: float, end: float) -> float:
        """Return the mean tokens that are read as a context grows from start to end [tokens]."""
        if end <= start:
            inside = min(start, self.tokens)
            return start + self.share * (inside - start)
        return self.attention(start, end - start) / (end - start)


def window_of(model: Model) -> Window | None:
    """Return the window of a model, None without one."""
    if model.window_tokens is None:
        return None
    return Window(model.window_tokens, round(model.window_share * model.layers), model.layers)


class WindowMemory(KvMemory):
    """KV memory that gets back what lies behind windows.

    Sequences beyond the window are counted like all others: their tokens behind it grow by one in
    every step, so a ring of residues tells how many whole blocks these fill after any number of
    steps, until the next sequence reaches the window.

    Args:
        blocks: capacity [blocks].
        block_size: tokens per block.
        watermark: blocks that an admission leaves free.
        window: of the model.
        touched: blocks that windowed layers keep of a prompt in process.
    """

    __slots__ = (
        "_behind_ring",
        "_crossings",
        "_heads",
        "_offset",
        "_touched",
        "_window",
        "beyond",
        "spared",
    )

    def __init__(
        self, blocks: int, block_size: int, watermark: int, window: Window, touched: int
    ) -> None:
        super().__init__(blocks, block_size, watermark)
        self._window = window
        self._touched = touched
        self._behind_ring = [0] * block_size
        self._offset = 0  # sum over sequences beyond the window of step less tokens behind it
        self._crossings: dict[int, int] = {}  # step -> sequences that reach the window then
        self._heads: list[int] = []  # heap of these steps
        self.beyond = 0  # sequences whose context has reached the window
        self.spared = 0  # blocks that windowed layers do not hold of prompts in process

    def watch(self, when: int, step: int) -> None:
        """Count a decoding sequence that reaches the window, or has reached it, at step ``when``.

        Args:
            when: that step.
            step: the step that begins now.
        """
        if when <= step:
            self._go_beyond(when, 1)
            return
        if when not in self._crossings:
            heappush(self._heads, when)
        self._crossings[when] = self._crossings.get(when, 0) + 1

    def forget(self, when: int, step: int) -> None:
        """Forget a sequence that was watched."""
        self._cross(step)
        if when <= step:
            self._go_beyond(when, -1)
        else:
            self._crossings[when] -= 1

    def _go_beyond(self, when: int, count: int) -> None:
        """Count sequences that reached the window at step ``when``."""
        self._behind_ring[when % self.block_size] += count
        self._offset += when * count
        self.beyond += count

    def _cross(self, step: int) -> None:
        """Move the sequences that have reached the window by now."""
        while self._heads and self._heads[0] <= step:
            when = heappop(self._heads)
            self._go_beyond(when, self._crossings.pop(when))

    def next_crossing(self, step: int) -> int | None:
        """Return the step at which the next sequence reaches the window, None if none does."""
        self._cross(step)
        while self._heads and not self._crossings[self._heads[0]]:
            del self._crossings[heappop(self._heads)]
        return self._heads[0] if self._heads else None

    def behind(self, step: int) -> int:
        """Return the tokens behind the windows of all decoding sequences."""
        self._cross(step)
        return self.beyond * step - self._offset

    def _freed(self, step: int, ahead: int) -> int:
        """Return the whole blocks behind the windows ``ahead`` steps after ``step``."""
        size, last = self.block_size, step + ahead
        rest = sum(n * ((last - key) % size) for key, n in enumerate(self._behind_ring) if n)
        return (self.beyond * last - self._offset - rest) // size

    def _used(self, step: int, ahead: int, need: int = 0) -> int:
        """Return the blocks in use, ``need`` blocks of one more prompt among them."""
        window = self._window
        freed = self._freed(step, ahead) + self.spared + self.spare(need)
        whole = self.decode_blocks(step, ahead) + self.prefill_blocks + need
        return whole - freed * window.layers // window.of

    def spare(self, need: int) -> int:
        """Return how many of a prompt's blocks windowed layers do not hold."""
        return max(0, need - self._touched)

    def fits(self, need: int, step: int) -> bool:
        """Return whether ``need`` blocks can be taken now and everybody can still do one step."""
        self._cross(step)
        watermark = self.watermark if self.decoding or self.prefill_blocks else 0
        return self._used(step, 1, need) <= self.blocks - watermark

    def steps_until_fit(self, step: int, need: int, most: int) -> int:
        """Return after how many decode steps ``need`` blocks fit, ``most`` if not before.

        Only here does memory come free while nobody leaves: a block whose tokens have all moved
        behind the window. If it is not enough within a block size of steps, it never will be.
        """
        limit = self.blocks - self.watermark
        for steps in range(1, min(self.block_size, most)):
            if self._used(step, steps + 1, need) <= limit:
                return steps
        return most

    def steps_left(self, step: int, wanted: int) -> int:
        """Return how many of ``wanted`` decode steps the memory allows, 0 if not even one.

        Whole blocks are freed and taken at different steps, so use may fall and rise from step to
        step; from one step to that a block size later it only rises, for each of them.
        """
        self._cross(step)
        for first in range(1, min(self.block_size, wanted) + 1):
            last = (wanted - first) // self.block_size
            low, high = 0, last + 1  # periods after which this step no longer fits
            while low < high:
                middle = (low + high) // 2
                if self._used(step, first + middle * self.block_size) <= self.blocks:
                    low = middle + 1
                else:
                    high = middle
            if low <= last:
                wanted = min(wanted, first + low * self.block_size - 1)
        return wanted


class WindowEngine(Engine):
    """The constants of replicas of a model with windows.

    Args:
        window: of the model.
        step_time: coefficients; KV and attention terms are those of layers without a window.
        curve: power of one accelerator by load.
        options: as of `Engine`.
    """

    __slots__ = ("touched", "window")

    def __init__(
        self, window: Window, step_time: StepTime, curve: PowerCurve, **options: Any
    ) -> None:
        super().__init__(step_time, curve, **options)
        self.window = window
        # Static batches reserve memory in full.
        self.touched = ALL if self.mode == STATIC else window.touched(self.block_size)
        self.longest_tokens = self._longest_blocks() * self.block_size

    def _longest_blocks(self) -> int:
        """Return the blocks of the longest context that fits alone."""
        window, touched = self.window, self.touched
        low, high = 0, ALL
        while low < high:
            middle = (low + high + 1) // 2
            if middle - max(0, middle - touched) * window.layers // window.of <= self.kv_blocks:
                low = middle
            else:
                high = middle - 1
        return low


def window_engine_maker(window: Window) -> Callable[..., Engine]:
    """Return what makes the engine of a pool whose model has windows."""

    def make(*args: Any, **options: Any) -> Engine:
        return WindowEngine(window, *args, **options)

    return make
