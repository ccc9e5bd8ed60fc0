"""A KV cache that leaves a replica: the record of it while it is on its way."""

from __future__ import annotations

from dataclasses import dataclass

from sim.interfaces import Request


@dataclass(slots=True, eq=False)
class Handed:
    """A request whose prompt is processed and whose KV cache is on its way.

    Attributes:
        request: the request.
        tokens: length of its context [tokens].
        blocks: what only its own part of that takes of the replica's memory.
        replica: index of the replica where the cache is.
        since_s: when the prompt was processed [s].
        flow: number of its transfer on the link.
    """

    request: Request
    tokens: int
    blocks: int
    replica: int
    since_s: float
    flow: int = 0
