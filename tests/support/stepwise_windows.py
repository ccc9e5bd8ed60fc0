"""The plain reference for a model with windows: every sequence is looked at on its own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, sqrt

from stepwise import StepwiseReplica


@dataclass
class WindowedStepwise(StepwiseReplica):
    window: int = 1
    share: Fraction = Fraction(1, 2)  # of the layers

    def kept(self, tokens, processed):
        """Blocks of one sequence, those of layers with a window counted by their share."""
        whole = ceil(tokens / self.block_size)
        if processed:
            behind = max(0, tokens - self.window) // self.block_size
        else:
            behind = max(0, whole - ceil((self.window - 1) / self.block_size) - 1)
        return whole - self.share * behind

    def holdings(self, ahead):
        live = sum(self.kept(job.stored + ahead, processed=True) for job in self.decoding)
        if self.mode == "static":
            return live + sum(job.held_blocks for job in self.prefilling)
        return live + sum(self.kept(job.prompt, processed=False) for job in self.prefilling)

    def used(self, ahead):
        return ceil(self.holdings(ahead))

    def may_enter(self, job, budget):
        if self.mode != "static" and not job.swapped:
            if budget <= 0:
                return False
            if self.mode == "prefill-first" and self.prefilling and job.prompt > budget:
                return False
            return self.has_memory(job)
        if job.swapped and self.mode != "static":
            return budget > 0 and self.room(self.kept(job.swapped + 1, processed=False))
        return super().may_enter(job, budget)

    def has_memory(self, job):
        return self.room(self.kept(job.prompt, processed=False))

    def room(self, need):
        spare = self.watermark if self.decoding or self.prefilling else 0
        return ceil(self.holdings(1) + need) <= self.kv_blocks - spare

    def step_time(self, chunks, places, live):
        t = self.time
        new = sum(chunk for _, chunk in chunks) + places
        compute = t.new_tokens_s(new) + t.e_s_per_token2 * sum(
            self.attention(job.done, chunk) for job, chunk in chunks
        )
        reads = sum(
            job.stored - float(self.share) * max(0, job.stored - self.window) for job in live
        )
        memory = t.a_s + t.c_s_per_kv_token * reads + t.d_s_per_sqrt_seq * sqrt(places)
        memory += t.f_s_per_seq * places
        return compute / self.speed[0] + memory / self.speed[1]

    def attention(self, done, chunk):
        """Context that the chunk attends to, in whole and in windowed layers, by trapezia."""
        corner = min(max(self.window, done), done + chunk)
        rising = (corner - done) * (done + corner) / 2
        flat = (done + chunk - corner) * self.window
        windowed = rising + flat
        share = float(self.share)
        return (1 - share) * chunk * (done + chunk / 2) + share * windowed
