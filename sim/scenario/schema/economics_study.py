"""The file of ``loadbank economics``: places, chips, models and loads compared in money."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from sim.catalog.entries import Precision
from sim.document.quantities import (
    PositiveFloat,
    PositiveInt,
    PositiveSeconds,
    PositiveShare,
    Share,
    TokenCount,
    UsdPerToken,
    refusal,
)
from sim.scenario.schema.base import Name, Reference, Section, Text, not_empty
from sim.scenario.schema.business_case import BusinessCase
from sim.scenario.schema.roadmap import Action, Fits, Roadmap

References = Annotated[tuple[Reference, ...], Strict(False), AfterValidator(not_empty)]
Ownership = Literal["owned", "retrofit", "colocation", "rented"]

REGIONS = (
    *("us-virginia", "sweden", "china", "singapore", "india-mumbai", "japan-tokyo"),
    *("emirates", "indonesia", "australia-sydney", "brazil"),
)
CHIPS = (
    *("h100-sxm", "h200-sxm", "b200-sxm", "gb200-nvl72", "mi300x", "gaudi3"),
    *("trainium2", "ascend-910c"),
)


class Target(Section):
    """What users are promised; a request that misses one of the limits is a miss."""

    ttft_s: PositiveSeconds | None = None
    """Longest time to the first token."""
    tpot_s: PositiveSeconds | None = None
    """Longest time per output token after it."""
    e2e_s: PositiveSeconds | None = None
    """Longest time from request to last token."""
    share: PositiveShare = 0.99
    """Share of the requests that is to meet them."""

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        if self.ttft_s is self.tpot_s is self.e2e_s is None:
            raise refusal("at least one of ttft, tpot and e2e")
        return self


class Pattern(Section):
    """A kind of load: how requests come and how long they are."""

    arrivals: Literal["poisson", "gamma", "sessions"] = "poisson"
    """Independent; in clumps; or as sessions of agents whose turns follow each other."""
    cv: PositiveFloat = 1.0
    """Coefficient of variation of the gaps between arrivals, for gamma."""
    input_tokens: TokenCount
    """Mean prompt; of sessions that of the first turn."""
    output_tokens: TokenCount
    """Mean answer."""
    spread: PositiveFloat = 1.0
    """Coefficient of variation of both lengths."""
    turns: Annotated[PositiveInt, Field(le=200)] = 12
    """Mean number of turns of a session."""
    new_input_tokens: TokenCount = 500
    """Mean of what each later turn of a session adds to its context."""
    slo: Target
    """What is promised."""


PATTERNS: dict[str, Pattern] = {
    "steady": Pattern(input_tokens=1000, output_tokens=250, slo=Target(ttft_s=2.0, tpot_s=0.1)),
    "bursty": Pattern(
        arrivals="gamma",
        cv=4.0,
        input_tokens=1000,
        output_tokens=250,
        slo=Target(ttft_s=2.0, tpot_s=0.1),
    ),
    "batch": Pattern(input_tokens=4000, output_tokens=400, slo=Target(e2e_s=300.0, share=0.95)),
    "agents": Pattern(
        arrivals="sessions",
        input_tokens=6000,
        output_tokens=250,
        slo=Target(ttft_s=10.0, share=0.95),
    ),
}


class Income(Section):
    """What users pay."""

    input_usd_per_token: UsdPerToken = 0.0
    """Price of prompt tokens."""
    output_usd_per_token: UsdPerToken = 0.0
    """Price of answer tokens."""


class EconomicsStudy(Section):
    """One table of money: every place with every chip, model, load and way to own."""

    version: Literal[1] = 1
    """Version of this format."""
    name: Name
    """Name for the page and the folder."""
    description: Text = ""
    """The question."""
    regions: References = REGIONS
    """Regions of the catalogue."""
    chips: References = CHIPS
    """Accelerators or rack types of the catalogue."""
    models: References = ("llama-3.1-70b", "qwen3-30b-a3b")
    """Models of the catalogue."""
    patterns: dict[Name, Pattern] = Field(default=PATTERNS, min_length=1)
    """Loads by name."""
    ownership: Annotated[tuple[Ownership, ...], Strict(False), AfterValidator(not_empty)] = (
        "owned",
        "rented",
    )
    """Owned: hardware and a new hall are capital. Retrofit: liquid cooling comes into a hall that
    is paid for. Colocation: own hardware, rent by rated power. Rented: by the hour."""
    owner: Reference = "operator"
    """Entry of the catalogue's owners."""
    precision: Precision = "bf16"
    """Number format of the weights."""
    price: Income | None = None
    """What users pay; without it there is no margin and no payback."""
    used: Share = 1.0
    """Mean load over the month as a share of the load at which the target holds."""
    replicas: Annotated[PositiveInt, Field(le=64)] = 2
    """Replicas that are simulated; the rest of the fleet is taken to do alike."""
    requests: Annotated[PositiveInt, Field(ge=100, le=1_000_000)] = 1000
    """Requests of a run, at least."""
    replications: Annotated[PositiveInt, Field(ge=2, le=100)] = 3
    """Independent searches for the load at which the target holds."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of all runs; all cells see the same random numbers."""

    pool: dict[str, Any] = Field(default_factory=dict)
    """Further keys of the pool of every cell, as in a scenario, such as ``speculation``."""
    case: BusinessCase | None = None
    """A fleet over years: cash, break-even and how sure it is."""
    roadmap: Roadmap | None = None
    """What could be done to a fleet, put in order by runs."""
    fits: Fits | None = None
    """A limit of power or money; how much of every row it holds."""

    @model_validator(mode="after")
    def _serves_something(self) -> Self:
        if self.used <= 0.0:
            raise refusal("a share above 0 %", at=("used",))
        if self.case is not None:
            self._is_of_this_study(self.case, ("case",))
            self._has_generations(self.case)
        if self.roadmap is not None:
            self._is_of_this_study(self.roadmap, ("roadmap",))
            for name, action in self.roadmap.actions.items():
                self._is_of_this_study(action, ("roadmap", "actions", name))
        return self

    def _is_of_this_study(
        self, part: BusinessCase | Roadmap | Action, place: tuple[str, ...]
    ) -> None:
        """Refuse a section that names what the study does not have."""
        known = {
            "chip": self.chips,
            "model": self.models,
            "pattern": tuple(self.patterns),
            "region": self.regions,
            "ownership": self.ownership,
        }
        for key, names in known.items():
            value = getattr(part, key, None)
            if value is not None and value not in names:
                raise refusal(f"one of the study's: {', '.join(names)}", at=(*place, key))

    def _has_generations(self, case: BusinessCase) -> None:
        for at, generation in enumerate(case.generations):
            if generation.chip not in self.chips:
                shown = f"one of the study's chips: {', '.join(self.chips)}"
                raise refusal(shown, at=("case", "generations", at, "chip"))
