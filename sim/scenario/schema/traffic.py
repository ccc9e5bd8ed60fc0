"""Traffic: who asks for which model, from where, and where the requests come from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from sim.document.quantities import (
    PositiveFloat,
    PositiveSeconds,
    Seconds,
    Share,
    TokenCount,
    refusal,
)
from sim.scenario.schema.arrivals import Arrivals
from sim.scenario.schema.base import Name, Reference, Section, Text, sums_to_one
from sim.scenario.schema.clients import ClientBehaviour
from sim.scenario.schema.lengths import Lengths
from sim.scenario.schema.sessions import Sessions
from sim.scenario.schema.sla import Usage

TRACE_KEYS = ("path", "empirical")
"""Keys of the traffic section whose text names a trace."""

Shares = Annotated[dict[Name, Share], AfterValidator(sums_to_one)]


class TraceReplay(Section):
    """Replay of recorded requests."""

    path: Reference
    """Name of a shipped trace, or a file relative to the scenario."""
    format: Reference | None = None
    """Format of the file; recognised by its first lines unless given."""
    scale: PositiveFloat = 1.0
    """Factor on the request rate."""
    method: Literal["auto", "superpose", "thin"] = "auto"
    """How the rate is scaled: by leaving requests out (thin), by laying shifted copies over each
    other (superpose), or whichever the factor calls for (auto)."""
    from_s: Seconds = 0.0
    """Start of the window of the file that is replayed."""
    to_s: Seconds | None = None
    """End of that window; by default the end of the file."""
    loop: bool = False
    """Whether the window starts again when it ends."""
    bad_rows: Literal["refuse", "skip"] = "refuse"
    """What to do with malformed rows: refuse the file, or leave them out and count them."""
    tiers: dict[Text, Name] | None = None
    """Tier of the requests that the trace labels so. A label that equals a tier's name means it;
    the others follow the shares."""
    regions: dict[Text, Name] | None = None
    """User region of the requests that the trace labels so, likewise."""
    models: dict[Text, Reference] | None = None
    """Model of the requests that the trace labels so: one that traffic asks for or a pool runs. A
    label that equals such a model's name means it; the others ask for the entry's model."""

    @model_validator(mode="after")
    def _window_in_order(self) -> Self:
        if self.to_s is not None and self.to_s <= self.from_s:
            raise refusal("an end of the window after its start (from)", at=("to",))
        return self

    @model_validator(mode="after")
    def _method_gives_the_scale(self) -> Self:
        if self.method == "thin" and self.scale > 1.0:
            raise refusal("at most 1 by thinning", "method: superpose, or auto", at=("scale",))
        if self.method == "superpose" and self.scale < 1.0:
            raise refusal("at least 1 by superposition", "method: thin, or auto", at=("scale",))
        return self


class Client(Section):
    """One client of a service, with arrivals and lengths of its own."""

    arrivals: Arrivals
    """When its requests come."""
    lengths: Lengths
    """How long they are."""


class ServeGen(Section):
    """Clients out of a ServeGen folder."""

    path: Reference
    """Folder with ``*-trace.csv`` and ``*-dataset.json``."""
    scale: PositiveFloat = 1.0
    """Factor on every rate."""


class Fitted(Section):
    """A generator fitted to a trace, as `loadbank traces fit` chooses it."""

    path: Reference
    """Name of a shipped trace, or a file relative to the scenario."""
    format: Reference | None = None
    """Format of the file; recognised by its first lines unless given."""
    bad_rows: Literal["refuse", "skip"] = "refuse"
    """What to do with malformed rows: refuse the file, or leave them out and count them."""
    stretch_s: PositiveSeconds | None = None
    """Length of the stretches within which cycles are shuffled; chosen unless given."""
    cycle_s: Seconds | None = None
    """Mean length of a cycle; chosen unless given."""
    scale: PositiveFloat = 1.0
    """Factor on the request rate."""


class Workload(Section):
    """A stream of requests for one model."""

    model: Reference
    """Model out of the catalogue."""
    regions: Shares
    """Share of the requests that comes from each user region."""
    tiers: Shares
    """Share of the requests in each tier."""
    system_prompt_tokens: TokenCount | None = None
    """Start that all prompts of this stream have in common, on top of their own lengths."""
    usage: Usage | None = None
    """Usage cap of whoever sends this stream; by default there is none."""
    client: ClientBehaviour | None = None
    """What its users' software does when answers are late; by default it waits for ever."""
    trace: TraceReplay | None = None
    """Recorded requests."""
    arrivals: Arrivals | None = None
    """When requests come; together with lengths."""
    lengths: Lengths | None = None
    """How long they are; together with arrivals."""
    clients: dict[Name, Client] | None = None
    """Clients by name, whose requests are mixed."""
    servegen: ServeGen | None = None
    """Clients as ServeGen describes them."""
    fitted: Fitted | None = None
    """A generator fitted to recorded requests."""
    sessions: Sessions | None = None
    """Conversations or agent tasks in closed loop."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        alone = ("trace", "clients", "servegen", "fitted", "sessions")
        given = [
            name for name in (*alone, "arrivals", "lengths") if getattr(self, name) is not None
        ]
        if given in (["arrivals", "lengths"], *([name] for name in alone)):
            return self
        got = {0: "no requests", 1: f"{''.join(given)} alone"}.get(len(given), " and ".join(given))
        expected = "either trace, or arrivals and lengths, or clients, servegen, fitted or sessions"
        raise refusal(expected, got=got)

    @property
    def is_endless(self) -> bool:
        """Whether requests never stop by themselves."""
        return self.trace is None or self.trace.loop
