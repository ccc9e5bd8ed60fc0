"""Which step time and which power curve a configuration gets, best known first."""

from __future__ import annotations

from sim.scenario.catalog import Accelerator, Model
from sim.serving.coefficient_file import shipped_coefficients
from sim.serving.configuration import Coefficients, Configuration
from sim.serving.power import PhasePower, catalogue_power
from sim.serving.steptime import StepTime, roofline
from sim.serving.terms import covers, step_time_from_terms


def resolve_step_time(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int = 1,
    precision: str = "bf16",
    *,
    given: StepTime | None = None,
    known: Coefficients | None = None,
) -> StepTime:
    """Return the step time to use: given, else fitted, else the accelerator's set, else roofline.

    The result's ``kind`` and ``source`` say which of them it is.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its efficiencies.
        tensor_parallel: accelerators that share each layer [1].
        precision: of the weights.
        given: coefficients that the user wrote into the scenario.
        known: fitted sets; the shipped ones unless given.
    """
    if given is not None:
        return given
    key = Configuration(accelerator.name, model.name, precision, tensor_parallel)
    sets = known or shipped_coefficients()
    if key in sets.step_times:
        return sets.step_times[key]
    terms = sets.accelerators.get(accelerator.name)
    if terms is not None and covers(model, precision):
        return step_time_from_terms(terms, model, accelerator, tensor_parallel)
    return roofline(model, accelerator, tensor_parallel, precision)


def resolve_power(
    model: Model,
    accelerator: Accelerator,
    tensor_parallel: int = 1,
    precision: str = "bf16",
    *,
    given: PhasePower | None = None,
    known: Coefficients | None = None,
) -> PhasePower:
    """Return the power curve to use: given, else fitted, else from the catalogue's phases.

    Args:
        model: shape of the model.
        accelerator: one accelerator with its power by phase.
        tensor_parallel: accelerators that share each layer [1].
        precision: of the weights.
        given: powers that the user wrote into the scenario.
        known: fitted sets; the shipped ones unless given.
    """
    if given is not None:
        return given
    key = Configuration(accelerator.name, model.name, precision, tensor_parallel)
    fitted = (known or shipped_coefficients()).powers.get(key)
    return fitted or catalogue_power(accelerator)


def coefficient_warnings(
    step_time: StepTime, power: PhasePower, max_num_seqs: int
) -> tuple[str, ...]:
    """Return what a run that uses these numbers should tell its reader.

    Args:
        step_time: coefficients of one engine step.
        power: power of one accelerator.
        max_num_seqs: largest batch of the pool, or of the run where it is known.
    """
    found = []
    if step_time.kind == "guess":
        found.append(
            f"step time is uncalibrated ({step_time.source}): the true time is between "
            f"{step_time.time_low:.2f} and {step_time.time_high:.2f} of it, nine times in ten"
        )
    if power.kind == "guess":
        found.append(f"power by batch is a guess ({power.source})")
    for name, numbers in (("step time", step_time), ("power", power)):
        if numbers.kind != "guess" and max_num_seqs > numbers.batch_high:
            found.append(
                f"{name} was fitted up to batch {numbers.batch_high:.0f}, "
                f"batches here reach {max_num_seqs}"
            )
    return tuple(found)
