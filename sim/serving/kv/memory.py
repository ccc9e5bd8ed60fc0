"""KV-cache memory in blocks, counted without touching a sequence per step."""

from __future__ import annotations

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class KvMemory:
    """Block accounting of one replica's KV cache.

    A decoding sequence stores one token more in every step, so all of them move through their
    last blocks in lockstep. It is enough to know how many sequences cross a block boundary at
    each step index modulo the block size; the number of blocks in use after any number of steps
    is then a closed form of that ring, the sum of contexts and the step index.

    Args:
        blocks: capacity [blocks].
        block_size: tokens per block.
        watermark: blocks that an admission leaves free, unless the replica is empty.

    Attributes:
        tokens: what decoding sequences store, at the replica's current step index.
        prefill_blocks: blocks of everybody else, in the end: of prompts in process, of what
            several requests share, of what is on its way elsewhere.
        unclaimed: of these, what prompts whose chunks are still to come do not hold yet.
    """

    __slots__ = (
        "block_size",
        "blocks",
        "prefill_blocks",
        "ring",
        "tokens",
        "unclaimed",
        "watermark",
    )

    def __init__(self, blocks: int, block_size: int, watermark: int = 0) -> None:
        self.blocks = blocks
        self.block_size = block_size
        self.watermark = watermark
        self.ring = [0] * block_size
        self.tokens = self.prefill_blocks = self.unclaimed = 0

    @property
    def decoding(self) -> int:
        """Number of sequences that decode."""
        return sum(self.ring)

    def blocks_for(self, tokens: int) -> int:
        """Return the blocks that hold ``tokens`` tokens of one sequence."""
        return -(-tokens // self.block_size)

    def join(self, stored: int, step: int) -> None:
        """Count a sequence that starts to decode at ``step`` with ``stored`` tokens."""
        self.ring[(step - stored) % self.block_size] += 1
        self.tokens += stored

    def leave(self, stored: int, step: int) -> None:
        """Forget a sequence that holds ``stored`` tokens at ``step``."""
        self.ring[(step - stored) % self.block_size] -= 1
        self.tokens -= stored

    def decode_blocks(self, step: int, ahead: int) -> int:
        """Return the blocks of the decoding sequences ``ahead`` steps after ``step``."""
        size = self.block_size
        last = (step + ahead) % size
        padding = sum(count * ((key - last) % size) for key, count in enumerate(self.ring) if count)
        return (self.tokens + self.decoding * ahead + padding) // size

    def fits(self, need: int, step: int) -> bool:
        """Return whether ``need`` blocks can be taken now and everybody can still do one step."""
        free = self.blocks - self.prefill_blocks + self.unclaimed - need
        if self.decoding or self.prefill_blocks:
            free -= self.watermark
        # Each sequence wastes less than one block, so this bound settles nearly every call.
        if (self.tokens + self.decoding) // self.block_size + self.decoding + 1 <= free:
            return True
        return self.decode_blocks(step, 1) <= free

    def steps_left(self, step: int, wanted: int) -> int:
        """Return how many of ``wanted`` decode steps the memory allows, 0 if not even one."""
        free = self.blocks - self.prefill_blocks + self.unclaimed
        grown = self.tokens + self.decoding * wanted
        if grown // self.block_size + self.decoding + 1 <= free:
            return wanted
        low, high = 0, wanted
        while low < high:
            middle = (low + high + 1) // 2
            if self.decode_blocks(step, middle) <= free:
                low = middle
            else:
                high = middle - 1
        return low
