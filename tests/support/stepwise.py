"""The plain reference replica: it steps every engine iteration and looks at every sequence.

Slow and obvious on purpose. It follows the order of events in the docstring of
`sim.serving.engine.replica` and shares no code with it beyond the step-time coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, sqrt


@dataclass
class Job:
    number: int
    arrival_s: float
    input_tokens: int
    output_tokens: int
    priority: int = 0
    prompt: int = 0  # tokens to process before the next token can be shown
    done: int = 0  # of which processed
    stored: int = 0  # tokens in KV memory while decoding
    shown: int = 0  # output tokens shown to the user
    swapped: int = 0  # tokens in host memory while it waits
    blocks: tuple = ()  # hashes of the blocks of the prompt
    shared: tuple = ()  # of which in memory for this job while it runs
    cached: int = 0  # prompt tokens that it found when it was admitted last
    held_blocks: int = 0  # blocks held while the prompt is processed
    order: int = -1
    preemptions: int = 0
    admitted_s: float = -1.0
    first_token_s: float = -1.0
    finished_s: float = -1.0
    gives_up_s: float = float("inf")  # when its user goes away
    gave_up: bool = False

    def __post_init__(self):
        self.prompt = self.input_tokens


@dataclass
class StepwiseReplica:
    time: object  # has a_s, b_s_per_token, c_s_per_kv_token, d_s_per_sqrt_seq, e_s_per_token2
    mode: str
    max_num_seqs: int
    max_num_batched_tokens: int
    kv_blocks: int
    block_size: int
    watermark: int = 0
    swap_tokens: int = 0
    swap_s_per_token: float = 0.0
    priority_queue: bool = False
    gives_way: bool = False
    speed_changes: list = field(default_factory=list)  # (time, prefill speed, decode speed)
    waiting: list = field(default_factory=list)
    prefilling: list = field(default_factory=list)
    decoding: list = field(default_factory=list)
    static_size: int = 0
    prefix_tokens: int = 0  # tokens behind one hash; 0: no prefix cache
    idle: list = field(default_factory=list)  # hashes in memory that no running job holds
    orders: int = 0
    copied: int = 0  # tokens that the next step waits for
    speed: tuple = (1.0, 1.0)

    def blocks(self, tokens):
        return ceil(tokens / self.block_size)

    def used(self, ahead):
        """Blocks in use if every decoding sequence stores ``ahead`` tokens more."""
        live = sum(
            self.blocks(job.stored + ahead - len(job.shared) * self.prefix_tokens)
            for job in self.decoding
        )
        held = sum(job.held_blocks for job in self.prefilling)
        return live + held + len(self.in_use()) * self.prefix_tokens // self.block_size

    def in_use(self):
        """Hashes that running jobs hold."""
        return {block for job in self.decoding + self.prefilling for block in job.shared}

    def find_prefix(self, job):
        """Return the prompt tokens of ``job`` that are in memory, and the blocks that it adds."""
        if not self.prefix_tokens or self.mode == "static":
            return (), 0, 0
        shared = job.blocks[: job.input_tokens // self.prefix_tokens]
        used = self.in_use()
        hits = 0
        while hits < len(shared) and (shared[hits] in used or shared[hits] in self.idle):
            hits += 1
        added = len(set(shared) - used) * self.prefix_tokens // self.block_size
        return shared, min(hits * self.prefix_tokens, job.prompt - 1), added

    def let_idle(self, job):
        """Let go of the shared blocks of a job that has just left the batch."""
        used = self.in_use()
        for block in job.shared:
            if block not in used:
                self.idle.append(block)
        job.shared = ()

    def keep_answer(self, job):
        """Keep the whole blocks of the answer of a job that has just completed."""
        if self.prefix_tokens and self.mode != "static":
            first = job.input_tokens // self.prefix_tokens
            last = (job.input_tokens + job.output_tokens - 1) // self.prefix_tokens
            for block in job.blocks[first:last]:
                if block not in self.in_use():
                    self.idle = [other for other in self.idle if other != block] + [block]

    def evict_idle(self):
        if self.prefix_tokens:
            free = self.kv_blocks - self.used(0)
            while len(self.idle) > free // (self.prefix_tokens // self.block_size):
                self.idle.pop(0)

    def fits(self, need):
        free = self.kv_blocks - self.used(1) - need
        if self.decoding or self.prefilling:
            free -= self.watermark
        return free >= 0

    def let_go(self, now):
        """Take out, without a trace, requests whose users have gone."""
        for jobs in (self.waiting, self.prefilling, self.decoding):
            for job in [job for job in jobs if job.gives_up_s <= now]:
                jobs.remove(job)
                self.let_idle(job)
                job.gave_up, job.finished_s = True, now if jobs is not self.waiting else -1.0
                job.held_blocks = 0 if self.mode != "static" else job.held_blocks
        if self.mode == "static" and not self.decoding and not self.prefilling:
            self.static_size = 0

    def sort_queue(self):
        if self.priority_queue:
            self.waiting.sort(key=lambda job: (job.priority, job.arrival_s, job.number))

    def make_room(self):
        preempted = False
        if self.mode == "static":
            return False
        while self.decoding and self.used(1) > self.kv_blocks:
            self.preempt()
            preempted = True
        return preempted

    def has_memory(self, job):
        return self.fits(self.blocks(job.prompt))

    def give_way(self, now):
        """Preempt jobs for a more urgent head of the queue that lacks a place or memory."""
        while self.gives_way and self.waiting and self.mode != "static":
            head, running = self.waiting[0], self.decoding + self.prefilling
            if all(job.priority <= head.priority for job in running):
                return
            if len(running) < self.max_num_seqs and self.has_memory(head):
                return
            self.preempt()
            self.admit(now)

    def preempt(self):
        """Return the least urgent, then latest admitted job to the queue."""
        running = self.decoding + self.prefilling
        victim = max(running, key=lambda job: (job.priority, job.order))
        if victim in self.decoding:
            self.decoding.remove(victim)
            victim.prompt = victim.input_tokens + victim.shown
            on_host = sum(job.swapped for job in self.waiting)
            if not victim.blocks and on_host + victim.stored <= self.swap_tokens:
                victim.swapped = victim.stored
                self.copied += victim.stored
        else:
            self.prefilling.remove(victim)
        self.let_idle(victim)
        victim.done = victim.stored = victim.held_blocks = 0
        victim.preemptions += 1
        self.waiting.insert(0, victim)
        self.sort_queue()

    def may_enter(self, job, budget):
        """Whether the batch has tokens and memory for the first of the queue."""
        shared, cached, added = self.find_prefix(job)
        if self.mode == "static":
            return self.fits(self.blocks(job.prompt + job.output_tokens - 1))
        if budget <= 0:
            return False
        if job.swapped:
            return self.fits(self.blocks(job.swapped + 1))
        if self.mode == "prefill-first" and self.prefilling and job.prompt - cached > budget:
            return False
        return self.fits(self.blocks(job.prompt - len(shared) * self.prefix_tokens) + added)

    def enter(self, job):
        """Take a job into the batch; return its tokens of the budget."""
        self.orders += 1
        job.order = self.orders
        if job.swapped:
            job.stored, job.swapped = job.swapped, 0
            job.done = job.prompt
            self.copied += job.stored
            self.decoding.append(job)
            return 1
        shared, cached, _ = self.find_prefix(job)
        job.shared, job.done, job.cached = shared, cached, cached
        job.held_blocks = self.blocks(job.prompt - len(shared) * self.prefix_tokens)
        if self.mode == "static":
            job.held_blocks = self.blocks(job.prompt + job.output_tokens - 1)
        self.prefilling.append(job)
        self.idle = [block for block in self.idle if block not in shared]
        self.evict_idle()
        return job.prompt - cached

    def admit(self, now):
        if self.mode == "static" and self.decoding:
            return
        budget = self.max_num_batched_tokens
        if self.mode == "chunked-prefill":
            budget -= len(self.decoding)
        budget -= sum(job.prompt - job.done for job in self.prefilling)
        while self.waiting and len(self.decoding) + len(self.prefilling) < self.max_num_seqs:
            job = self.waiting[0]
            if not self.may_enter(job, budget):
                break
            self.waiting.pop(0)
            if job.admitted_s < 0:
                job.admitted_s = now
            budget -= self.enter(job)

    def step_time(self, chunks, places, live):
        t = self.time
        new = sum(chunk for _, chunk in chunks) + places
        kv = sum(job.stored for job in live)
        attention = sum(chunk * (job.done + chunk / 2) for job, chunk in chunks)
        compute = t.new_tokens_s(new) + t.e_s_per_token2 * attention
        memory = t.a_s + t.c_s_per_kv_token * kv + t.d_s_per_sqrt_seq * sqrt(places)
        memory += t.f_s_per_seq * places
        return compute / self.speed[0] + memory / self.speed[1]

    def run(self, jobs, until_s=float("inf"), stop_s=float("inf")):
        """Serve ``jobs`` (sorted by arrival) and return them with their time stamps.

        Nothing happens after ``stop_s``: a step that would end later does not take place.
        """
        self.stop_s = stop_s
        upcoming = list(jobs)
        changes = sorted(self.speed_changes, key=lambda change: change[0])
        now = 0.0
        while True:
            while upcoming and upcoming[0].arrival_s <= now:
                self.waiting.append(upcoming.pop(0))
                self.sort_queue()
            while changes and changes[0][0] <= now:
                self.speed = changes.pop(0)[1:]
            self.let_go(now)
            preempted = False
            if self.mode != "prefill-first":
                preempted = self.make_room()
            if not preempted:
                self.admit(now)
                self.give_way(now)
            if self.mode == "prefill-first" and not self.prefilling:
                preempted = self.make_room()
            if not self.prefilling and not self.decoding:
                if not upcoming or upcoming[0].arrival_s > until_s:
                    return jobs
                now = upcoming[0].arrival_s
                continue
            now = self.step(now)
            if now > stop_s:
                return jobs

    def step(self, now):
        """Run one engine iteration from ``now`` and return the time at which it ends."""
        end_s, live, chunks = self.begin_step(now)
        if end_s <= self.stop_s:
            self.end_step(end_s, live, chunks)
        return end_s

    def begin_step(self, now):
        """Compose an iteration; return when it ends, who decodes in it and the prompts' tokens."""
        decodes = self.mode == "chunked-prefill" or not self.prefilling
        chunks = self.chunks()
        live = self.decoding if decodes else []
        places = (self.static_size or len(live)) if live else 0
        now += self.step_time(chunks, places, live) + self.copied * self.swap_s_per_token
        self.copied = 0
        return now, live, chunks

    def end_step(self, now, live, chunks):
        """Apply an iteration that ends now."""
        for job in live:
            job.stored += 1
            job.shown += 1
        self.evict_idle()
        for job in sorted(live, key=lambda job: job.order):
            if job.shown == job.output_tokens:
                job.finished_s = now
                self.decoding.remove(job)
                self.let_idle(job)
                self.keep_answer(job)
        for job, chunk in chunks:
            job.done += chunk
            if job.done == job.prompt:
                self.show_first(job, now)
        if self.static_size and not self.decoding:
            self.static_size = 0

    def chunks(self):
        """Prompt tokens of each prefilling job in the next step."""
        if self.mode == "static" and self.prefilling:
            self.static_size = len(self.prefilling)
        budget = float("inf")
        if self.mode == "chunked-prefill":
            budget = self.max_num_batched_tokens - len(self.decoding)
        chunks = []
        for job in self.prefilling:
            chunk = min(job.prompt - job.done, budget)
            if chunk <= 0:
                break
            chunks.append((job, chunk))
            budget -= chunk
        return chunks

    def show_first(self, job, now):
        self.prefilling.remove(job)
        if self.mode != "static":
            job.held_blocks = 0
        if job.first_token_s < 0:
            job.first_token_s = now
        job.shown += 1
        if job.shown == job.output_tokens:
            job.finished_s = now
            self.let_idle(job)
            self.keep_answer(job)
            return
        job.stored = job.prompt
        self.decoding.append(job)
