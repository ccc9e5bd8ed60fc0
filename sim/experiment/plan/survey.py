"""What can be said of a fleet without a run: capacity, rent, idle power, speed of its replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.pricing import standing_usd_per_h

if TYPE_CHECKING:
    from sim.serving.queues.pool_model import PoolModel
    from sim.world import World

# Steps at which replicas are compared: share of the largest batch that decodes, context of each
# sequence [tokens], prompt tokens beside them.
STEPS = (
    *((0.0, 512, 0), (0.25, 1024, 0), (0.5, 1024, 0), (1.0, 1024, 0)),
    *((0.0, 0, 512), (0.25, 1024, 512), (0.5, 1024, 2048)),
)
ALIKE = 0.97  # steps within 3 % count as equally long; no step time is known better
LONG = 4.0  # a request that is this many times the mean is long


@dataclass(frozen=True, slots=True)
class PoolSurvey:
    """One pool.

    Attributes:
        site: where it stands.
        model: what it serves.
        tiers: to whom.
        replicas: how many.
        capacity_per_s: requests that all of them get through [1/s].
        max_num_seqs: largest batch of one replica.
        kv_tokens: KV memory of one replica, at most what a full batch of long requests takes
            [tokens].
        steps_s: duration of the engine steps in `STEPS` [s].
        ttft_s: prefill of a mean prompt on an empty replica [s].
        tpot_s: a step that decodes one sequence [s].
        rent_usd_per_h: capital and upkeep of its part of what stands, or its rent, without energy;
            None where a price is unknown [USD/h].
    """

    site: str
    model: str
    tiers: tuple[str, ...]
    replicas: int
    capacity_per_s: float
    max_num_seqs: int
    kv_tokens: int
    steps_s: tuple[float, ...]
    ttft_s: float
    tpot_s: float
    rent_usd_per_h: float | None

    def no_more_than(self, other: PoolSurvey) -> bool:
        """Return whether the other pool has at least as much of everything that serves requests."""
        what = (self.site, self.model, self.tiers, self.max_num_seqs)
        return (
            what == (other.site, other.model, other.tiers, other.max_num_seqs)
            and self.replicas <= other.replicas
            and self.kv_tokens <= other.kv_tokens
            and all(s >= ALIKE * o for s, o in zip(self.steps_s, other.steps_s, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Survey:
    """A whole fleet.

    Attributes:
        pools: by name.
        idle_w: power of each site with every replica idle [W].
        load_per_s: offered requests by tier and model [1/s].
        reason: why the fleet cannot even be built; empty where it can.
    """

    pools: Mapping[str, PoolSurvey] = field(default_factory=dict)
    idle_w: Mapping[str, float] = field(default_factory=dict)
    load_per_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    reason: str = ""

    def parts(self) -> Iterator[tuple[tuple[str, ...], object]]:
        """Yield the parts of which a fleet consists, by name."""
        for pool, about in self.pools.items():
            yield ("pool", pool), about
        for site, watts in self.idle_w.items():
            yield ("site", site), watts
        for load, rate in self.load_per_s.items():
            yield ("load", *load), rate


def survey_scenarios(
    base: Path, candidates: Sequence[Sequence[str]], rents: Mapping[str, float]
) -> list[Survey]:
    """Return the survey of each candidate.

    Args:
        base: the scenario file.
        candidates: the overrides of each.
        rents: rent of an accelerator by name, before that of the catalogue [USD/h].
    """
    return [survey_scenario(base, overrides, rents) for overrides in candidates]


def survey_scenario(base: Path, overrides: Sequence[str], rents: Mapping[str, float]) -> Survey:
    """Return what a scenario with overrides comes to; its `reason` if it is wrong."""
    from sim.explain import explain_world
    from sim.load import load_scenario
    from sim.world import World

    try:
        world = World(load_scenario(base, overrides=list(overrides)), seed=0)
        view = explain_world(world)
    except InputError as error:
        return Survey(reason=str(error))
    lengths = {load.model: (load.input_tokens, load.output_tokens) for load in view.loads}
    pools, prices = {}, _prices(world, rents)
    for about, numbers in zip(view.pools, world.pool_numbers, strict=True):
        prompt, answer = lengths.get(about.model, (512.0, 256.0))
        time = numbers.step_time
        section = world.scenario.pools[about.name]
        pools[about.name] = PoolSurvey(
            site=about.site,
            model=about.model,
            tiers=tuple(t for t in world.scenario.tiers if section.serves(about.model, t)),
            replicas=about.replicas,
            capacity_per_s=about.capacity_per_s,
            max_num_seqs=section.batching.max_num_seqs,
            kv_tokens=min(
                about.kv_tokens, int(section.batching.max_num_seqs * LONG * (prompt + answer))
            ),
            steps_s=_steps_s(numbers),
            ttft_s=time.seconds(prompt, 0.0, 0.0, prompt**2 / 2.0),
            tpot_s=time.seconds(1.0, prompt, 1.0),
            rent_usd_per_h=prices[about.name],
        )
    return Survey(
        pools,
        {site.name: site.idle_w for site in view.sites},
        {(load.tier, load.model): load.requests_per_s for load in view.loads},
    )


def _steps_s(numbers: PoolModel) -> tuple[float, ...]:
    most = numbers.section.batching.max_num_seqs
    found = []
    for share, context, prompt in STEPS:
        batch = max(1.0, share * most) if context else 0.0
        attention = prompt**2 / 2.0
        found.append(numbers.step_time.seconds(prompt + batch, batch * context, batch, attention))
    return tuple(found)


def _prices(world: World, rents: Mapping[str, float]) -> dict[str, float | None]:
    """Return what the accelerators of each pool cost, None where nothing says it [USD/h].

    Capital and upkeep as in the ledger, or the rent that the study gives for an accelerator.
    """
    found = standing_usd_per_h(world)
    for at, (name, numbers) in enumerate(zip(found, world.pool_numbers, strict=True)):
        rent = rents.get(numbers.accelerator.name)
        if rent is not None:
            found[name] = rent * world.plant.pool_replicas(at) * numbers.section.tensor_parallel
    return found
