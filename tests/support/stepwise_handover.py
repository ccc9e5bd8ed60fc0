"""The plain reference of prefill and decode in pools of their own.

Prefill replicas step every iteration; every flow on the link is followed from one event to the
next; then the decode replicas step, with the caches in place that arrived. Replicas take turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from stepwise import Job, StepwiseReplica


@dataclass
class StepwisePrefill(StepwiseReplica):
    """A replica that processes prompts only, and keeps their memory until it may let go."""

    held: dict = field(default_factory=dict)  # blocks of its own, by job number
    leaving: list = field(default_factory=list)  # jobs whose prompt is through
    step_under_way: object = None

    def used(self, ahead, need=0):
        return super().used(ahead, need) + sum(blocks for _, blocks in self.held.values())

    def fits(self, need):
        spare = self.watermark if self.prefilling or self.used(0) else 0
        return self.used(1, need) <= self.kv_blocks - spare

    def end(self, step, now):
        """Let a job whose prompt is through go, unless it wanted one token only."""
        super().end(step, now)
        for job in list(self.decoding):
            self.decoding.remove(job)
            self.held[job.number] = job, self.blocks(self.own(job))
            self.leaving.append(job)

    def arrived(self, job):
        del self.held[job.number]
        self.let_idle(job, job.prompt, comes_back=False)

    def boundary(self, now):
        """Admit and begin a step, if none is under way and there is something to do."""
        if not self.step_under_way:
            self.step_under_way = self.schedule(now)
            if self.step_under_way:
                self.start(self.step_under_way, now)

    def finish(self):
        step, self.step_under_way = self.step_under_way, None
        self.end(step, step.end_s)


@dataclass
class Flow:
    bits: float
    job: Job
    replica: StepwisePrefill


def serve(jobs, prefills, decodes, *, bandwidth_bps, latency_s, bits_per_token):
    """Serve ``jobs`` (sorted by arrival); return for each what it was in the decode pool, or None."""
    delivered = prefill(jobs, prefills, bandwidth_bps, latency_s, bits_per_token)
    answers = {}
    for turn, replica in enumerate(decodes):
        mine = [answer(job, when_s) for when_s, job in delivered[turn :: len(decodes)]]
        replica.run(mine)
        answers |= {job.number: job for job in mine}
    return [answers.get(job.number) for job in jobs]


def answer(job, when_s):
    """Return a job as it arrives for decoding."""
    there = Job(job.number, when_s, job.input_tokens, job.output_tokens, job.priority)
    there.admitted_s, there.first_token_s = job.admitted_s, job.first_token_s
    there.swapped, there.shown, there.prompt = job.prompt, 1, job.prompt + 1
    return there


def prefill(jobs, replicas, bandwidth_bps, latency_s, bits_per_token):
    """Process all prompts; return when each cache arrived, and of which job, in order."""
    now, upcoming, turn = 0.0, list(jobs), 0
    flows, on_the_way, delivered = [], [], []
    while True:
        share_bps = bandwidth_bps / len(flows) if flows else 0.0
        first = min(flows, key=lambda flow: flow.bits, default=None)
        steps_s = [r.step_under_way.end_s if r.step_under_way else inf for r in replicas]
        times_s = (
            upcoming[0].arrival_s if upcoming else inf,
            now + first.bits / share_bps if flows else inf,
            on_the_way[0][0] if on_the_way else inf,
            *steps_s,
        )
        event = times_s.index(min(times_s))
        if times_s[event] == inf:
            return delivered
        for flow in flows:
            flow.bits -= (times_s[event] - now) * share_bps
        now = times_s[event]
        if event == 0:
            replicas[turn % len(replicas)].waiting.append(upcoming.pop(0))
            replicas[turn % len(replicas)].sort_queue()
            turn += 1
        elif event == 1:
            flows.remove(first)
            on_the_way.append((now + latency_s, first))
        elif event == 2:
            flow = on_the_way.pop(0)[1]
            flow.replica.arrived(flow.job)
            delivered.append((now, flow.job))
        else:
            replica = replicas[event - 3]
            replica.finish()
            flows += [Flow(job.prompt * bits_per_token, job, replica) for job in replica.leaving]
            replica.leaving.clear()
        for replica in replicas:
            replica.boundary(now)
