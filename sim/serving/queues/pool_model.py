"""The numbers behind a pool: step time, power and memory resolved, and the engine made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sim.catalog.catalog import Accelerator, Catalog, Model
from sim.performance.coefficient_file import read_coefficients, shipped_coefficients
from sim.performance.coefficients import coefficient_warnings, resolve_power, resolve_step_time
from sim.performance.configuration import Coefficients
from sim.performance.engines import EngineRelease
from sim.performance.power import PhasePower, constant_decode
from sim.performance.roofline import computes_in, windows_at_typical_context
from sim.performance.steptime import StepTime
from sim.plant.memory_fit import kv_capacity_tokens, layout_of, memory_fit
from sim.scenario.schema.pools import Pool as PoolSection
from sim.scenario.schema.scenario import Scenario
from sim.serving.engine.engine import MODES, Engine, KvOptions
from sim.serving.engine.speculation import Speculation, SpeculativeTime, engine_maker
from sim.serving.kv.windows import Window, window_engine_maker, window_of


@dataclass(frozen=True, slots=True)
class PoolModel:
    """The numbers behind a pool, for the run and for whoever wants to see them.

    Attributes:
        section: the pool as the scenario gives it.
        accelerator: what its replicas run on.
        step_time: coefficients of one engine step.
        power: power of one accelerator by phase.
        kv_tokens: KV-cache capacity of one replica [tokens].
        kv_bytes_per_token: KV cache of one token on each accelerator [bytes].
        speculation: what is drafted, None without speculation.
        window: layers with a window that the replicas follow, None if there are none.
        windowed: whether the model has such layers, followed or not.
    """

    section: PoolSection
    accelerator: Accelerator
    step_time: StepTime
    power: PhasePower
    kv_tokens: int
    kv_bytes_per_token: float
    speculation: Speculation | None = None
    window: Window | None = None
    windowed: bool = False

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a step gives to each decoding sequence, on average."""
        return self.speculation.mean_tokens if self.speculation else 1.0

    def step_s(
        self, prompt_tokens: float, context: float, sequences: float, attention: float = 0.0
    ) -> float:
        """Return the duration of one step, drafts and verification included [s].

        Args:
            prompt_tokens: new tokens of prompts.
            context: mean context of the decoding sequences [tokens].
            sequences: sequences that decode.
            attention: of the prompts, see `StepTime.seconds` [tokens^2].
        """
        read = context
        if self.window is not None:
            read -= self.window.share * max(0.0, context - self.window.tokens)
        kv_tokens = sequences * read
        if self.speculation is not None:
            times = SpeculativeTime(self.step_time, self.speculation)
            return times.seconds(prompt_tokens, kv_tokens, sequences, attention)
        new_tokens = prompt_tokens + sequences
        return self.step_time.seconds(new_tokens, kv_tokens, sequences, attention)


def resolve_pool(
    name: str,
    section: PoolSection,
    accelerator: Accelerator,
    catalog: Catalog,
    known: Coefficients | None = None,
) -> PoolModel:
    """Return the numbers of one pool: those given, else fitted, else physical.

    Raises:
        ScenarioError: the model does not fit into the memory of the accelerators.
    """
    model = catalog.models[section.model]
    layout = layout_of(section, catalog.models)
    size = (section.tensor_parallel, section.precision)
    step_time = resolve_step_time(
        model,
        accelerator,
        *size,
        layout=layout,
        given=_given_step_time(section),
        known=known,
        engine=EngineRelease(section.engine, section.engine_version),
    )
    window = window_of(model) if follows_windows(section) else None
    if window is None:
        step_time = windows_at_typical_context(step_time, model)
    batched = section.batching.max_num_batched_tokens
    kv_tokens = section.kv_cache_tokens or kv_capacity_tokens(
        model, accelerator, *size, batched, f"pools.{name}", layout
    )
    fit = memory_fit(model, accelerator, *size, batched, layout)
    return PoolModel(
        section,
        accelerator,
        step_time.scaled(section.step_time_factor),
        resolve_power(
            model,
            accelerator,
            *size,
            layout=layout,
            given=_given_power(section),
            known=known,
            engine=section.engine,
        ),
        kv_tokens,
        fit.kv_bytes_per_token,
        _speculation(section, layout.draft, accelerator, known),
        window,
        model.window_tokens is not None,
    )


def pool_warnings(numbers: PoolModel, batch: float, context: float = 0.0) -> Iterator[str]:
    """Yield what leans on guesses or reaches beyond what was measured, in words.

    Args:
        numbers: of the pool.
        batch: largest batch of the run, or of the pool before it.
        context: mean context of the run, 0 before it [tokens].
    """
    section, chip = numbers.section, numbers.accelerator
    yield from coefficient_warnings(numbers.step_time, numbers.power, batch, context)
    if numbers.step_time.basis != "given" and section.precision != "bf16":
        used = computes_in(chip, section.precision)
        if used != section.precision:
            yield (
                f"{chip.name} has no {section.precision} arithmetic: weights are read in "
                f"{section.precision} and multiplied in {used}"
            )
    draft = numbers.speculation.draft_time if numbers.speculation else None
    if draft is not None and draft.kind == "guess":
        yield f"step time of the draft model is uncalibrated ({draft.source})"
    if not follows_windows(section) and numbers.windowed:
        yield (
            "windowed attention layers keep all of the context and read a share that is typical "
            "of 1,024 tokens: replicas follow windows only without prefix cache, hand-over and "
            "speculation"
        )


def follows_windows(section: PoolSection) -> bool:
    """Return whether replicas of a pool follow each sequence into the windows of their model.

    Not where prompts share memory, phases are apart or tokens are drafted: there windowed layers
    keep all of the context and read a typical share of it.
    """
    apart = section.hand_over is not None or section.role == "decode"
    return not (apart or section.batching.prefix_cache or section.speculative)


def _given_step_time(section: PoolSection) -> StepTime | None:
    given = section.step_time
    if given is None:
        return None
    return StepTime(
        given.a_s,
        given.b_s_per_token,
        given.c_s_per_kv_token,
        given.d_s_per_sqrt_seq,
        given.e_s_per_token2,
        given.f_s_per_seq,
        kind="given",
        basis="given",
        source="scenario",
    )


def _given_power(section: PoolSection) -> PhasePower | None:
    watts = section.power
    if watts is None:
        return None
    return constant_decode(
        watts.idle_w, watts.prefill_w, watts.decode_w, kind="given", source="scenario"
    )


def _speculation(
    section: PoolSection, draft: Model | None, accelerator: Accelerator, known: Coefficients | None
) -> Speculation | None:
    """Return what a pool drafts, and how long its draft model takes on the same accelerators."""
    asked = section.speculative
    if asked is None:
        return None
    draft_time = None
    if draft is not None:
        size = (section.tensor_parallel, section.precision)
        draft_time = resolve_step_time(
            draft,
            accelerator,
            *size,
            known=known,
            engine=EngineRelease(section.engine, section.engine_version),
        )
        draft_time = windows_at_typical_context(draft_time, draft).scaled(section.step_time_factor)
    return Speculation(asked.tokens, asked.acceptance, draft_time)


def known_coefficients(scenario: Scenario) -> Coefficients:
    """Return the shipped coefficients, overridden by the scenario's own files, later ones first.

    Raises:
        ScenarioError: a file is not what `loadbank calibrate` writes.
    """
    known = shipped_coefficients()
    for name in scenario.coefficients:
        known = read_coefficients(scenario.base_dir / name, name).over(known)
    return known


def build_engine(numbers: PoolModel) -> Engine:
    """Return the constants that the replicas of a pool share."""
    batching = numbers.section.batching
    blocks = max(1, numbers.kv_tokens // batching.block_size)
    kv_bytes, swap = numbers.kv_bytes_per_token, batching.swap
    engine = _maker(numbers)(
        numbers.step_time,
        numbers.power,
        mode=MODES[batching.mode],
        max_num_seqs=batching.max_num_seqs,
        max_num_batched_tokens=batching.max_num_batched_tokens,
        kv_blocks=blocks,
        block_size=batching.block_size,
        kv=KvOptions(
            watermark_blocks=int(batching.watermark * blocks),
            swap_tokens=int(swap.space_bytes // kv_bytes) if swap else 0,
            swap_s_per_token=kv_bytes / swap.link_bytes_per_s if swap else 0.0,
            prefix_tokens=batching.prefix_cache.block_tokens if batching.prefix_cache else 0,
        ),
    )
    engine.gives_way = numbers.section.queue.preempt
    engine.asynchronous = batching.async_scheduling
    engine.long_prefill_tokens = batching.long_prefill_token_threshold
    if batching.max_model_len is not None:
        engine.longest_request = batching.max_model_len
    return engine


def _maker(numbers: PoolModel) -> Callable[..., Engine]:
    """Return what makes the engine: plain unless a feature asks for another."""
    if numbers.window is not None:
        return window_engine_maker(numbers.window)
    return engine_maker(numbers.speculation)
