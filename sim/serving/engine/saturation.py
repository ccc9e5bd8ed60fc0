"""What a saturated replica gets through: a figure to compare an offered load with, before a run."""

from __future__ import annotations

from sim.serving.queues.pool_model import PoolModel


def saturated_rate_per_s(
    numbers: PoolModel, input_tokens: float, output_tokens: float
) -> tuple[float, float]:
    """Return requests per second and step time [s] of one saturated replica.

    In the steady state of a full batch of B each step also carries the prompts of the B / output
    requests that it completes, so the step time is linear in known averages. A pool that hands
    requests over fills its steps with prompts; one that they are handed to has none. What prefix
    caches will save is not known before a run.

    Args:
        numbers: step time and limits of the pool.
        input_tokens: mean prompt length [tokens].
        output_tokens: mean answer length [tokens].
    """
    time, batching = numbers.step_time, numbers.section.batching
    attention = input_tokens**2 / 2.0  # of one prompt
    if numbers.section.hand_over is not None:
        new_tokens = max(batching.max_num_batched_tokens, input_tokens)
        prompts = new_tokens / input_tokens
        step_s = time.seconds(new_tokens, 0.0, 0.0, prompts * attention)
        return prompts / step_s, step_s
    context = input_tokens + output_tokens / 2.0
    batch = max(1.0, min(batching.max_num_seqs, numbers.kv_tokens / context))
    if numbers.section.role == "decode":
        step_s = numbers.step_s(0.0, context, batch)
        return batch / max(output_tokens - 1.0, 1.0) / step_s, step_s
    joining = batch * numbers.tokens_per_step / output_tokens
    step_s = numbers.step_s(joining * input_tokens, context, batch, joining * attention)
    return joining / step_s, step_s
