"""Which step time and which power curve a configuration gets, best known first."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from math import exp, hypot, log

from sim.catalog.catalog import Accelerator, Model
from sim.performance.coefficient_file import shipped_coefficients
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.engines import (
    CURRENT_VLLM,
    DEFAULT_ENGINE,
    STAND_INS,
    EngineRelease,
    for_engine,
)
from sim.performance.kernel_sets import kernel_set
from sim.performance.power import PhasePower
from sim.performance.roofline import roofline
from sim.performance.steptime import StepTime
from sim.performance.terms import covers, step_time_from_terms
from sim.performance.utilised_power import utilised_power
from sim.plant.memory_fit import EVEN_SPLIT, Layout

# By how much the interval of a fit widens when it is carried over; a guess, because no two measured
# configurations differ in this alone.
SCALED_INTERVAL = (0.75, 1.35)
TYPICAL_TOKENS = 16.0  # at which the reads of experts are compared
# True over fitted power at a batch that the fit had not seen, its neighbours known (ML.ENERGY).
FITTED_POWER = (0.92, 1.09)
# More when the curve is another engine's: a guess.
OTHER_ENGINE = (0.85, 1.15)


def resolve_step_time(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int = 1,
    precision: str = "bf16",
    *,
    layout: Layout = EVEN_SPLIT,
    given: StepTime | None = None,
    known: Coefficients | None = None,
    engine: EngineRelease = CURRENT_VLLM,
) -> StepTime:
    """Return the step time to use: given, fitted, from kernels, scaled or physical, in this order.

    Scaled is what was fitted to the same model on the same group with another precision of the KV
    cache or other places of the experts, see `scaled_to`, or else the accelerator's set for dense
    models. Group sizes and weight precisions are not scaled: between the measured ones that was
    worse (41 % in the mean) than the physical form (32 %). Where the engine has no set of its own,
    another engine's is used with a wider interval, see `for_engine`. The result's ``basis``,
    ``kind`` and ``source`` say which it is.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its efficiencies.
        tensor_parallel: accelerators of a replica [1].
        precision: of the weights.
        layout: precision of the KV cache, and how the model lies on the accelerators.
        given: coefficients that the user wrote into the scenario.
        known: fitted sets; the shipped ones unless given.
        engine: inference engine of the pool.
    """
    if given is not None:
        return given
    sets = known or shipped_coefficients()
    asked = configuration_of(model, accelerator, tensor_parallel, precision, layout)
    key = replace(asked, engine=engine.name)
    measured = key in sets.step_times and layout.kv_precision == "bf16"
    kernels = None if measured else kernel_set(key, mixture=bool(model.experts))
    if kernels is not None:
        return for_engine(_with_cache(kernels, model, accelerator, key, layout), engine)
    for name in (engine.name, *STAND_INS[engine.name]):
        step = _from_sets(sets, replace(asked, engine=name), model, accelerator, layout)
        if step is not None:
            return for_engine(step, engine)
    return roofline(model, accelerator, tensor_parallel, precision, layout, engine.name)


def _with_cache(
    step: StepTime, model: Model, accelerator: Accelerator, key: Configuration, layout: Layout
) -> StepTime:
    """Return a step time for a bf16 cache with the precision that a layout gives the cache."""
    size = (key.tensor_parallel, key.precision)
    same = replace(layout, kv_precision="bf16")
    asked = roofline(model, accelerator, *size, layout).c_s_per_kv_token
    share = asked / roofline(model, accelerator, *size, same).c_s_per_kv_token
    return replace(step, c_s_per_kv_token=step.c_s_per_kv_token * share)


def _from_sets(
    sets: Coefficients, key: Configuration, model: Model, accelerator: Accelerator, layout: Layout
) -> StepTime | None:
    """Return what is fitted or scaled on the engine of ``key``, None without a set."""
    fitted = sets.step_times.get(key)
    if fitted is not None and layout.kv_precision == "bf16":
        return fitted
    size = (key.tensor_parallel, key.precision)
    physical = roofline(model, accelerator, *size, layout, key.engine)
    terms = sets.accelerators.get(accelerator.name)
    usable = terms is not None and terms.engine == key.engine and covers(model, key.precision)
    if fitted is None and terms is not None and usable:
        step = step_time_from_terms(terms, model, accelerator, key.tensor_parallel)
        whole = roofline(model, accelerator, *size).c_s_per_kv_token
        kv = physical.c_s_per_kv_token / whole
        return replace(step, c_s_per_kv_token=step.c_s_per_kv_token * kv)
    near = key if fitted is not None else _same_but_experts(key, sets.step_times)
    if near is None:
        return None
    return scaled_to(physical, sets.step_times[near], near, model, accelerator)


def configuration_of(
    model: Model, accelerator: Accelerator, tensor_parallel: int, precision: str, layout: Layout
) -> Configuration:
    """Return what fitted coefficients of a deployment belong to."""
    return Configuration(
        accelerator.name,
        model.name,
        precision,
        tensor_parallel,
        layout.expert_parallel,
        layout.data_parallel,
    )


def _same_but_experts(key: Configuration, known: Container[Configuration]) -> Configuration | None:
    """Return the known configuration that only differs in where experts lie, None without one."""
    same = (replace(key, expert_parallel=groups) for groups in (1, key.tensor_parallel))
    return next((other for other in same if other in known), None)


def scaled_to(
    physical: StepTime,
    fitted: StepTime,
    near: Configuration,
    model: Model,
    accelerator: Accelerator,
) -> StepTime:
    """Return a fitted step time carried over to another layout of the same deployment.

    Each coefficient changes as its physical counterpart does between the two; what the fit found
    beyond physics is kept as a factor.

    Args:
        physical: roofline of what is wanted.
        fitted: coefficients of what was measured.
        near: the configuration that was measured.
        model: shape of the model.
        accelerator: one accelerator.
    """
    layout = Layout("bf16", near.expert_parallel, near.data_parallel)
    known = roofline(model, accelerator, near.tensor_parallel, near.precision, layout)

    def ratio(name: str) -> float:
        before: float = getattr(known, name)
        after: float = getattr(physical, name)
        return after / before if before > 0.0 else 1.0

    names = ("a_s", "b_s_per_token", "c_s_per_kv_token", "e_s_per_token2")
    times = {name: getattr(fitted, name) * ratio(name) for name in names}
    products = ratio("b_s_per_token")
    seen = known.new_tokens_s(TYPICAL_TOKENS)
    experts = physical.new_tokens_s(TYPICAL_TOKENS) / seen if seen > 0.0 else 1.0
    return replace(
        fitted,
        **times,
        d_s_per_sqrt_seq=fitted.d_s_per_sqrt_seq * experts,
        curve=tuple((tokens, seconds * products) for tokens, seconds in fitted.curve),
        batch_curve=tuple((batch, seconds * experts) for batch, seconds in fitted.batch_curve),
        basis="scaled",
        source=f"scaled from {near}: {fitted.source}",
        time_low=fitted.time_low * SCALED_INTERVAL[0],
        time_high=fitted.time_high * SCALED_INTERVAL[1],
    )


def resolve_power(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int = 1,
    precision: str = "bf16",
    *,
    layout: Layout = EVEN_SPLIT,
    given: PhasePower | None = None,
    known: Coefficients | None = None,
    engine: str = DEFAULT_ENGINE,
) -> PhasePower:
    """Return the power curve to use: given, else fitted, else by utilisation.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its power by phase.
        tensor_parallel: accelerators that share each layer [1].
        precision: of the weights.
        layout: how the model lies on the accelerators.
        given: powers that the user wrote into the scenario.
        known: fitted sets; the shipped ones unless given.
        engine: inference engine of the pool.
    """
    if given is not None:
        return given
    sets = known or shipped_coefficients()
    asked = configuration_of(model, accelerator, tensor_parallel, precision, layout)
    for name in (engine, *STAND_INS[engine]):
        key = replace(asked, engine=name)
        near = key if key in sets.powers else _same_but_experts(key, sets.powers)
        if near is None:
            continue
        power = _with_interval(sets.powers[near])
        if name != engine:
            told = f"measured on {name}, used for {engine}: {power.source}"
            low, high = power.low * OTHER_ENGINE[0], power.high * OTHER_ENGINE[1]
            power = replace(power, source=told, low=low, high=high)
        return power
    size = (tensor_parallel, precision)
    release = EngineRelease(engine)
    step = resolve_step_time(model, accelerator, *size, layout=layout, known=known, engine=release)
    return utilised_power(model, accelerator, *size, step, layout)


def _with_interval(power: PhasePower) -> PhasePower:
    """Return a fitted curve with what it was off by at batches that the fit had not seen."""
    if (power.low, power.high) != (1.0, 1.0):
        return power
    return replace(power, low=FITTED_POWER[0], high=FITTED_POWER[1])


def joule_interval(step: StepTime, power: PhasePower) -> tuple[float, float]:
    """Return the 90 % interval of true over predicted energy per token [1].

    Energy per token is power times step time over the batch; the errors of both are taken to be
    independent. In runs of models left out they partly cancel (a step that takes longer than
    predicted draws less), so the interval is on the wide side.
    """
    low = exp(-hypot(log(step.time_low), log(power.low)))
    high = exp(hypot(log(step.time_high), log(power.high)))
    return low, high


def coefficient_warnings(
    step_time: StepTime, power: PhasePower, batch: float, context: float = 0.0
) -> tuple[str, ...]:
    """Return what a run that uses these numbers should tell its reader.

    Args:
        step_time: coefficients of one engine step.
        power: power of one accelerator.
        batch: largest batch of the run, or of the pool before it.
        context: mean context of the run, 0 before it [tokens].
    """
    found = []
    low, high = step_time.time_low, step_time.time_high
    spread = f"between {low:.2f} and {high:.2f} of it, nine times in ten"
    if step_time.kind == "guess":
        found.append(f"step time is uncalibrated ({step_time.source}): the true time is {spread}")
    elif step_time.basis == "scaled":
        found.append(
            f"step time is scaled, not fitted to this configuration ({step_time.source}): the "
            f"true time is {spread}"
        )
    if power.kind == "guess":
        told = f"power by batch is a guess ({power.source})"
        if power.low < power.high:
            told += f": the true power is between {power.low:.2f} and {power.high:.2f} of it"
        found.append(told)
    for name, numbers in (("step time", step_time), ("power", power)):
        if numbers.kind != "guess" and batch > numbers.batch_high:
            found.append(
                f"{name} was fitted up to batch {numbers.batch_high:.0f}, "
                f"batches here reach {batch:.0f}"
            )
    if step_time.kind != "guess" and context > step_time.context_high:
        found.append(
            f"step time was fitted up to contexts of {step_time.context_high:.0f} tokens, "
            f"their mean here is {context:.0f}"
        )
    return tuple(found)
