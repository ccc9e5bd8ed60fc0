"""Ids for the blocks of prompts, by which a prefix cache knows what it has.

Ids of different streams never meet: what two of them have in common is only the system prompt of
their entry. Where nothing says otherwise a prompt is like no other behind its system prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sim.errors import Problem, TraceError
from sim.interfaces import IntArray, PrefixBlocks, Request

_IDS = 1 << 40  # of one stream
_PARTS = 1 << 10  # streams of one entry of the traffic


@dataclass(frozen=True, slots=True)
class BlockSettings:
    """What the blocks of a stream of requests are.

    Attributes:
        block_tokens: size of a block [tokens].
        system_tokens: start of every prompt of the entry [tokens].
        tenant: index of the entry in the scenario's traffic.
        part: number of the stream within the entry.
    """

    block_tokens: int
    system_tokens: int = 0
    tenant: int = 0
    part: int = 0

    @property
    def first_id(self) -> int:
        """First id of the stream."""
        return (self.tenant * _PARTS + self.part) * _IDS

    def system_ids(self) -> IntArray:
        """Return the ids of the system prompt's whole blocks; below 0, so apart from all others."""
        return -1 - self.tenant * _IDS - np.arange(self.system_tokens // self.block_tokens)


class BlockNames:
    """Gives ids to the blocks of one stream, request after request.

    Args:
        settings: what its blocks are.
    """

    def __init__(self, settings: BlockSettings) -> None:
        self._settings = settings
        self._system = settings.system_ids()
        self._next = settings.first_id

    def of_prompts(self, input_tokens: IntArray, output_tokens: IntArray) -> PrefixBlocks:
        """Return ids for prompts that share their system prompt only, and for their answers.

        The last token of an answer is shown and not stored.

        Args:
            input_tokens: lengths of the prompts, the system prompt in them [tokens].
            output_tokens: lengths of the answers [tokens].
        """
        block_tokens = self._settings.block_tokens
        counts = (input_tokens + output_tokens - 1) // block_tokens
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        numbers = np.arange(offsets[-1])
        ids = self._next + numbers
        self._next += len(ids)
        place = numbers - np.repeat(offsets[:-1], counts)
        shared = place < len(self._system)
        ids[shared] = self._system[place[shared]]
        return PrefixBlocks(ids, offsets, block_tokens)

    def of_trace(self, blocks: PrefixBlocks) -> PrefixBlocks:
        """Return the blocks that a trace gives, with ids of this stream."""
        ids = blocks.ids + self._settings.first_id
        return PrefixBlocks(ids, blocks.offsets, blocks.block_tokens)

    def of_turn(self, before: list[int], kept_tokens: int, stored_tokens: int) -> list[int]:
        """Return the ids of a turn's context, prompt and answer.

        Args:
            before: ids of the turn before; empty for the first one.
            kept_tokens: length of the start that both have in common [tokens].
            stored_tokens: length of the context at the end of the turn [tokens].
        """
        size = self._settings.block_tokens
        kept = (before or self._system.tolist())[: kept_tokens // size]
        kept = kept[: stored_tokens // size]
        first, self._next = self._next, self._next + stored_tokens // size - len(kept)
        return [*kept, *range(first, self._next)]


def regrained(blocks: PrefixBlocks, input_tokens: IntArray, block_tokens: int) -> PrefixBlocks:
    """Return a trace's blocks in another size, whole ones only, with ids from 0 up.

    A larger block is known by the last of those that it is made of, a smaller one by its place in
    the one that it comes from.

    Args:
        blocks: of the trace.
        input_tokens: prompt lengths [tokens].
        block_tokens: size of a block afterwards [tokens].

    Raises:
        TraceError: neither size is a multiple of the other.
    """
    own, found = blocks.block_tokens, np.diff(blocks.offsets)
    if own % block_tokens and block_tokens % own:
        got = f"{block_tokens} tokens, where the trace has blocks of {own}"
        raise TraceError([Problem("", got, "a multiple or a whole part of the trace's blocks")])
    parts = max(1, own // block_tokens)
    counts = np.minimum(found * own, input_tokens) // block_tokens
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    ends = ((place + 1) * block_tokens - 1) // own  # the trace's block in which each one ends
    codes = np.unique(blocks.ids, return_inverse=True)[1].astype(np.int64)
    ids = codes[np.repeat(blocks.offsets[:-1], counts) + ends] * parts + place % parts
    return PrefixBlocks(ids, offsets, block_tokens)


def with_blocks(requests: Iterable[Request], prefix: PrefixBlocks) -> Iterator[Request]:
    """Yield requests that know the blocks of their prompts."""
    ids, offsets = prefix.ids.tolist(), prefix.offsets.tolist()
    for row, request in enumerate(requests):
        request.prefix_blocks = ids[offsets[row] : offsets[row + 1]]
        yield request
