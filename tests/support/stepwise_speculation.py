"""The plain reference with speculative decoding: tokens are dealt out step by step."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, sqrt

from stepwise import StepwiseReplica


@dataclass
class SpeculativeStepwise(StepwiseReplica):
    drafted: int = 1
    mean: Fraction = Fraction(1)  # tokens per step and sequence
    draft: object = None  # step time of the draft model
    decode_steps: int = 0

    def used(self, ahead):
        """A step writes all drafted tokens and its own before it knows which ones stay."""
        return super().used(self.drafted + 1 if ahead == 1 else ahead)

    def may_enter(self, job, budget):
        if job.swapped and self.mode != "static":
            return budget > 0 and self.fits(self.blocks(job.swapped + 1 + self.drafted))
        return super().may_enter(job, budget)

    def enter(self, job):
        restored = bool(job.swapped)
        return super().enter(job) + (self.held_by(1) if restored else 0)

    def held_by(self, sequences):
        return self.drafted * sequences if self.mode == "chunked-prefill" else 0

    def admit(self, now):
        whole = self.max_num_batched_tokens
        self.max_num_batched_tokens -= self.held_by(len(self.decoding))
        super().admit(now)
        self.max_num_batched_tokens = whole

    def chunks(self):
        whole = self.max_num_batched_tokens
        self.max_num_batched_tokens -= self.held_by(len(self.decoding))
        found = super().chunks()
        self.max_num_batched_tokens = whole
        return found

    def step_time(self, chunks, places, live):
        t, d, k = self.time, self.draft, self.drafted
        prompts = sum(chunk for _, chunk in chunks)
        kv = sum(job.stored for job in live)
        attention = sum(chunk * (job.done + chunk / 2) for job, chunk in chunks)
        compute = t.new_tokens_s(prompts + places * (k + 1)) + t.e_s_per_token2 * attention
        memory = t.a_s + t.c_s_per_kv_token * kv + t.f_s_per_seq * places
        memory += t.d_s_per_sqrt_seq * sqrt(places * (k + 1))
        compute += d.e_s_per_token2 * attention
        for number in range(k if places else 1):  # passes of the draft model
            compute += d.new_tokens_s(places + (prompts if number == 0 else 0))
            memory += d.a_s + d.c_s_per_kv_token * (kv + number * places)
            memory += d.d_s_per_sqrt_seq * sqrt(places)
        return compute / self.speed[0] + memory / self.speed[1]

    def end_step(self, now, live, chunks):
        """Deal out the tokens of the schedule; drop those behind the end of an answer."""
        if live:
            before = floor(self.decode_steps * self.mean)
            self.decode_steps += 1
            gained = floor(self.decode_steps * self.mean) - before
            for job in live:  # one token is dealt out by the plain reference
                extra = min(gained, job.output_tokens - job.shown) - 1
                job.shown += extra
                job.stored += extra
        super().end_step(now, live, chunks)
