"""Sessions: conversations and agent tasks whose next request follows the answer to the last one."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from sim import units
from sim.document.quantities import (
    PositiveInt,
    PositiveSeconds,
    Quantity,
    Share,
    refusal,
)
from sim.scenario.schema.arrivals import Arrivals, Duration
from sim.scenario.schema.base import Reference, Section
from sim.scenario.schema.lengths import Lognormal


class Turns(Section):
    """How many requests a session makes, evenly between two numbers."""

    least: Annotated[PositiveInt, Field(le=10_000)]
    """Fewest."""
    most: Annotated[PositiveInt, Field(le=10_000)]
    """Most."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.most < self.least:
            raise refusal("a number from least up", at=("most",))
        return self


class Dialogue(Section):
    """Sessions drawn at random."""

    turns: Turns
    """Requests of a session."""
    first_input: Lognormal
    """Prompt of the first request."""
    new_input: Lognormal
    """What the user or a tool adds to the context before each further request."""
    output: Lognormal
    """Length of an answer."""
    think: Duration
    """Time from the end of an answer to the user's next request."""
    tool: Duration | None = None
    """Time that a tool takes after an answer that calls one."""
    tool_share: Share = 0.0
    """Share of the answers that call a tool instead of waiting for the user."""
    context_limit_tokens: Annotated[int, Quantity(units.TOKENS, low=16.0, whole=True)] | None = None
    """Longest prompt; a session that outgrows it goes on with its first prompt (compaction)."""

    @model_validator(mode="after")
    def _tool_has_time(self) -> Self:
        if self.tool_share > 0 and self.tool is None:
            raise refusal("the time that a tool takes (tool)", got="nothing")
        return self


class SessionReplay(Section):
    """Sessions out of a trace: its prompts, answers and pauses, in closed loop."""

    path: Reference
    """A trace with sessions: a file or folder relative to the scenario."""
    format: Reference | None = None
    """Format of the file; recognised by its first lines unless given."""
    pause_limit_s: PositiveSeconds | None = None
    """Longer pauses are cut to this."""


class Sessions(Section):
    """Requests in closed loop: thinking starts when the answer has ended."""

    starts: Arrivals | None = None
    """When sessions start."""
    concurrency: Annotated[PositiveInt, Field(le=10**7)] | None = None
    """Sessions that are always open: when one ends the next starts. Instead of starts."""
    dialogue: Dialogue | None = None
    """Sessions drawn at random."""
    replay: SessionReplay | None = None
    """Recorded sessions, in turn and from the first one again."""
    deadline_s: PositiveSeconds | None = None
    """Longest time from the first request of a session to its last answer, for reports."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for pair in (("starts", "concurrency"), ("dialogue", "replay")):
            given = [name for name in pair if getattr(self, name) is not None]
            if len(given) != 1:
                got = " and ".join(given) or "neither"
                raise refusal(f"either {pair[0]} or {pair[1]}", got=got)
        return self
