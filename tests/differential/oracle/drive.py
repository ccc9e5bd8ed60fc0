"""Runs vLLM's own scheduler under a virtual clock: its decisions, our step time, no GPU.

`oracle.stubs.install` has to come first. The worker is a stand-in: a step takes ``a + b new + c
kv`` and every sequence whose tokens are through gets one that nobody else has. Scheduling takes
no time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from types import SimpleNamespace

import torch
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.request import Request
from vllm.v1.structured_output.request import StructuredOutputRequest

StructuredOutputRequest.from_sampling_params = classmethod(lambda _cls, _params: None)
FIRST_ANSWER_TOKEN = 10**12  # beyond all tokens of prompts
NO_LIMIT = 10**6


class _Options(SimpleNamespace):
    """A configuration in which all that is not named is None."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)


def _hash(value):
    return hash(value).to_bytes(8, "little", signed=True)


init_none_hash(_hash)


@dataclass
class Times:
    """What became of a request.

    Attributes:
        first_token_s: end of the step that gave its first token [s].
        last_token_s: end of the step that gave its last token [s].
        preemptions: how often it gave way.
        cached_tokens: prompt tokens that it found when it was admitted first.
    """

    first_token_s: float = -1.0
    last_token_s: float = -1.0
    preemptions: int = 0
    cached_tokens: int = -1


@dataclass
class _Step:
    """A step that runs: what was scheduled, who shows a token, when it ends."""

    output: object
    shows: dict[str, bool]
    lasts_s: float
    end_s: float = field(default=0.0)


def _scheduler(case):
    kind = AsyncScheduler if case.asynchronous else Scheduler
    scheduling = _Options(
        max_num_seqs=case.seqs,
        max_num_batched_tokens=case.budget,
        long_prefill_token_threshold=case.long_prefill,
        long_prefill_token_threshold_adaptive=False,
        enable_chunked_prefill=True,
        policy="priority" if case.by_priority else "fcfs",
        watermark=case.watermark,
        scheduler_reserve_full_isl=True,
        prefill_schedule_interval=1,
        async_scheduling=case.asynchronous,
    )
    blocks = case.blocks + 1  # vLLM keeps one that holds nothing
    config = _Options(
        scheduler_config=scheduling,
        cache_config=_Options(
            num_gpu_blocks=blocks,
            enable_prefix_caching=case.prefix_cache,
            block_size=case.block_size,
        ),
        model_config=_Options(
            max_model_len=NO_LIMIT,
            is_encoder_decoder=False,
            supports_multimodal_inputs=False,
            runner_type="generate",
            is_diffusion=False,
            uses_mrope=False,
        ),
        parallel_config=_Options(
            decode_context_parallel_size=1,
            pipeline_parallel_size=1,
            data_parallel_size=1,
            data_parallel_index=0,
        ),
        observability_config=_Options(kv_cache_metrics=False),
        num_speculative_tokens=0,
        num_lookahead_tokens=0,
        num_prefill_lookahead_tokens=0,
        num_hash_lookahead_tokens=0,
        max_in_flight_tokens=NO_LIMIT,
        ec_manager_config=_Options(get_encoder_cache_manager_obj=lambda: None),
        aux_output_config=_Options(enabled=False),
        use_v2_model_runner=False,
        max_concurrent_batches=1,
    )
    layers = FullAttentionSpec(
        block_size=case.block_size, num_kv_heads=1, head_size=1, dtype=torch.float32
    )
    memory = KVCacheConfig(
        num_blocks=blocks,
        kv_cache_tensors=[],
        kv_cache_groups=[KVCacheGroupSpec(["layers"], layers)],
    )
    outputs = _Options(
        accept_tokens=lambda _request, _tokens: True, should_advance=lambda _request: False
    )
    return kind(config, memory, outputs, case.block_size, log_stats=False)


class Server:
    """A replica that vLLM's scheduler drives.

    Args:
        case: limits, step time and work, see `vllm_cases.Case`.
    """

    def __init__(self, case):
        self.case = case
        self.scheduler = _scheduler(case)
        self.times = [Times() for _ in case.work]
        self._requests = {}
        self._decoding = set()
        self._hasher = (
            get_request_block_hasher(case.block_size, _hash) if case.prefix_cache else None
        )

    def run(self):
        """Serve everything and return what became of each request."""
        upcoming = deque(enumerate(self.case.work))
        running: deque[_Step] = deque()
        depth = 2 if self.case.asynchronous else 1  # steps that are scheduled and not yet over
        now = worker_free_s = 0.0
        while True:
            while upcoming and upcoming[0][1].arrival_s <= now:
                self._arrive(*upcoming.popleft())
            step = self._schedule() if len(running) < depth else None
            if step is not None:
                worker_free_s = max(now, worker_free_s) + step.lasts_s
                step.end_s = worker_free_s
                running.append(step)
                continue
            if running:
                step = running.popleft()
                now = max(now, step.end_s)
                self._end(step, now)
            elif upcoming:
                now = max(now, upcoming[0][1].arrival_s)
            elif self.scheduler.has_unfinished_requests():
                raise RuntimeError("requests wait that the scheduler never takes")
            else:
                break
        for number, request in self._requests.items():
            self.times[int(number)].preemptions = request.num_preemptions
        return self.times

    def _arrive(self, number, work):
        tokens = work.tokens
        if isinstance(tokens, int):  # nobody else's
            tokens = range(10**8 * (number + 1), 10**8 * (number + 1) + tokens)
        sampling = _Options(
            max_tokens=work.answer,
            stop_token_ids=[],
            min_tokens=0,
            ignore_eos=True,
            skip_reading_prefix_cache=False,
        )
        request = Request(
            request_id=str(number),
            prompt_token_ids=list(tokens),
            sampling_params=sampling,
            pooling_params=None,
            arrival_time=work.arrival_s,
            block_hasher=self._hasher,
            priority=work.priority,
        )
        self._requests[str(number)] = request
        self.scheduler.add_request(request)

    def _schedule(self):
        """Return the next step, None if there is nothing to do."""
        output = self.scheduler.schedule()
        if not output.total_num_scheduled_tokens:
            return None
        running = {request.request_id for request in self.scheduler.running}
        self._decoding &= running
        new_tokens = kv_tokens = 0
        shows = {}
        for number, tokens in output.num_scheduled_tokens.items():
            request = self._requests[number]
            before = request.num_computed_tokens - tokens
            times = self.times[int(number)]
            if times.cached_tokens < 0:
                times.cached_tokens = before
            new_tokens += tokens
            if number in self._decoding:
                kv_tokens += before
            shows[number] = not request.is_prefill_chunk
            if shows[number]:
                self._decoding.add(number)
        fixed_s, per_token_s, per_kv_s = self.case.step_s
        lasts_s = fixed_s + per_token_s * new_tokens + per_kv_s * kv_tokens
        return _Step(output, shows, lasts_s)

    def _end(self, step, now):
        numbers = list(step.shows)
        sampled = [
            [FIRST_ANSWER_TOKEN + 10**6 * int(n) + self._requests[n].num_tokens]
            if step.shows[n]
            else []
            for n in numbers
        ]
        output = ModelRunnerOutput(
            req_ids=numbers,
            req_id_to_index={number: place for place, number in enumerate(numbers)},
            sampled_token_ids=sampled,
        )
        self.scheduler.update_from_output(step.output, output)
        for number in numbers:
            if step.shows[number]:
                times = self.times[int(number)]
                if times.first_token_s < 0.0:
                    times.first_token_s = now
                times.last_token_s = now
