"""The plain reference replica: it steps every engine iteration and looks at every sequence.

Slow and obvious on purpose. It follows the order of events in the docstring of
`sim.serving.engine.replica` and shares no code with it beyond the step-time coefficients. All parts
may be on at once: prompts in chunks, priorities, giving way, swapping, a prefix cache, drafted
tokens, windows, and a scheduler that works one step ahead of the accelerator.

`schedule` puts a step together and counts its tokens as stored from then on; `end` shows them. A
scheduler that works ahead calls `schedule` for the next step when a step starts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, sqrt


@dataclass(eq=False)
class Job:
    number: int
    arrival_s: float
    input_tokens: int
    output_tokens: int
    priority: int = 0
    prompt: int = 0  # tokens to process before the next token can be shown
    done: int = 0  # of which processed
    stored: int = 0  # tokens in KV memory while decoding
    known: int = 0  # of which others, or it itself, could find
    shown: int = 0  # output tokens shown to the user
    coming: int = 0  # output tokens of a step that runs
    swapped: int = 0  # tokens in host memory while it waits
    blocks: tuple = ()  # hashes of the blocks of the prompt
    shared: list = field(default_factory=list)  # units of the cache that it holds
    cached: int = 0  # prompt tokens that it found when it was admitted last
    held_blocks: int = 0  # blocks of its own while the prompt is processed
    later: int = 0  # of which it takes only with chunks to come
    order: int = -1
    preemptions: int = 0
    admitted_s: float = -1.0
    first_token_s: float = -1.0
    finished_s: float = -1.0
    gives_up_s: float = float("inf")  # when its user goes away
    gave_up: bool = False

    def __post_init__(self):
        self.prompt = self.input_tokens

    @property
    def through(self):
        """Whether its last token is on its way."""
        return self.shown + self.coming >= self.output_tokens


@dataclass(eq=False)
class Unit:
    """Blocks that are found together: by anybody who knows the key, or by their owner."""

    key: object
    blocks: int
    users: int = 0
    owner: object = None


@dataclass(eq=False)
class Step:
    live: list  # who decodes, with the tokens that each gets
    chunks: list  # prompts and their tokens
    compute_s: float
    memory_s: float
    copied: int
    entered: list  # who is in its batch for the first time
    end_s: float = 0.0


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
    asynchronous: bool = False
    long_prefill: int = 0  # most tokens of a prompt in a step beside others; 0: all
    speed_changes: list = field(default_factory=list)  # (time, prefill speed, decode speed)
    prefix_tokens: int = 0  # tokens behind one hash; 0: no prefix cache
    drafted: int = 0
    mean: Fraction = Fraction(1)  # tokens per step and sequence
    draft: object = None  # step time of the draft model
    window: int = 0  # tokens that layers with a window attend to; 0: there are none
    share: Fraction = Fraction(0)  # of the layers that have it

    waiting: list = field(default_factory=list)
    prefilling: list = field(default_factory=list)
    decoding: list = field(default_factory=list)
    static_size: int = 0
    units: list = field(default_factory=list)  # of the prefix cache, those in use and idle ones
    idle: list = field(default_factory=list)  # units in the order of eviction
    entered: list = field(default_factory=list)  # jobs that the next step is the first of
    orders: int = 0
    copied: int = 0  # tokens that the next step waits for
    decode_steps: int = 0
    speed: tuple = (1.0, 1.0)

    # --- memory ---

    def blocks(self, tokens):
        return ceil(tokens / self.block_size)

    @property
    def ahead(self):
        """Tokens that a step writes for a sequence, before it is known which ones stay."""
        return self.drafted + 1

    def own(self, job):
        """Tokens of the prompt that the job stores for itself alone."""
        return job.prompt - len(job.shared) * self.prefix_tokens

    def kept(self, tokens, processed):
        """Blocks of a sequence, those of layers with a window counted by their share."""
        whole = self.blocks(tokens)
        if not self.window:
            return whole
        if processed:
            behind = max(0, tokens - self.window) // self.block_size
        else:
            behind = max(0, whole - ceil((self.window - 1) / self.block_size) - 1)
        return whole - self.share * behind

    def used(self, ahead, need=0):
        """Blocks in use if every decoding sequence stores ``ahead`` tokens more."""
        total = need
        for job in self.decoding:
            more = 0 if job.through else ahead
            total += self.kept(job.stored + more - len(job.shared) * self.prefix_tokens, True)
        for job in self.prefilling:
            if self.window and self.mode != "static":
                total += self.kept(job.prompt, processed=False)
            else:
                total += job.held_blocks - job.later
        shared = sum(unit.blocks for unit in self.units if unit.users)
        return ceil(total + shared)

    def fits(self, need):
        spare = self.watermark if self.decoding or self.prefilling else 0
        return self.used(self.ahead, need) <= self.kv_blocks - spare

    # --- the prefix cache ---

    @property
    def shares(self):
        return self.prefix_tokens and self.mode != "static"

    def find_prefix(self, job):
        """Return found units, hashes behind them, blocks of its own and tokens it need not process."""
        if not self.shares:
            return [], (), 0, 0
        hashes = job.blocks[: job.input_tokens // self.prefix_tokens]
        found = []
        for key in hashes:
            copies = [unit for unit in self.units if unit.key == key]
            if not copies:
                break
            found.append(copies[0])
        most = (job.prompt - 1) // self.block_size
        per_unit = self.prefix_tokens // self.block_size
        if per_unit == 1:
            found = found[:most]
        cached, own = min(len(found) * per_unit, most), 0
        if len(found) == len(hashes):
            left = sum(unit.blocks for unit in self.idle if unit.owner is job)
            own = max(0, min(left, most - cached))
        return found, hashes[len(found) :], own, (cached + own) * self.block_size

    def take_prefix(self, job):
        found, missing, own, cached = self.find_prefix(job)
        for unit in [unit for unit in self.idle if unit.owner is job]:
            unit.owner = None
            unit.blocks -= own
            if not unit.blocks:
                self.idle.remove(unit)
        for unit in found:
            unit.users += 1
            if unit in self.idle:
                self.idle.remove(unit)
        per_unit = self.prefix_tokens // self.block_size if self.shares else 0
        new = [Unit(key, per_unit, 1) for key in missing]
        self.units += new
        job.shared, job.done, job.cached = found + new, cached, cached

    def let_idle(self, job, stored, comes_back):
        """Let go of the blocks of a job that leaves, the last ones first."""
        if not self.shares:
            return
        full, per_unit = stored // self.block_size, self.prefix_tokens // self.block_size
        answer = () if comes_back else job.blocks[len(job.shared) : stored // self.prefix_tokens]
        run = full - (len(job.shared) + len(answer)) * per_unit
        if run > 0:
            self.idle.append(Unit(None, run, owner=job if comes_back else None))
        for key in reversed(answer):
            self.units.append(Unit(key, per_unit))
            self.idle.append(self.units[-1])
        for place, unit in reversed(list(enumerate(job.shared))):
            unit.users -= 1
            if not unit.users:
                if place < full // per_unit:
                    self.idle.append(unit)
                else:
                    self.units.remove(unit)
        job.shared = []

    def evict(self, ahead):
        free = max(0, self.kv_blocks - self.used(ahead))
        while (excess := sum(unit.blocks for unit in self.idle) - free) > 0:
            unit = self.idle[0]
            if unit.key is None and unit.blocks > excess:
                unit.blocks -= excess
                continue
            self.idle.pop(0)
            if unit in self.units:
                self.units.remove(unit)

    # --- who gives way ---

    def sort_queue(self):
        if self.priority_queue:
            self.waiting.sort(key=lambda job: (job.priority, job.arrival_s, job.number))

    def let_go(self, now):
        """Take out, without a trace, requests whose users have gone."""
        for jobs in (self.waiting, self.prefilling, self.decoding):
            for job in [job for job in jobs if job.gives_up_s <= now]:
                jobs.remove(job)
                if jobs is not self.waiting:
                    self.let_idle(job, job.done if jobs is self.prefilling else job.stored, False)
                job.gave_up, job.finished_s = True, now if jobs is not self.waiting else -1.0
                job.held_blocks = 0 if self.mode != "static" else job.held_blocks
        if self.mode == "static" and not self.decoding and not self.prefilling:
            self.static_size = 0

    def make_room(self):
        preempted = False
        if self.mode == "static":
            return False
        while (self.decoding or self.prefilling) and self.used(self.ahead) > self.kv_blocks:
            self.preempt()
            preempted = True
        return preempted

    def give_way(self, now):
        """Preempt jobs for a more urgent head of the queue that lacks a place or memory."""
        looked = False
        while self.gives_way and self.waiting and self.mode != "static":
            head, running = self.waiting[0], self.decoding + self.prefilling
            if all(job.priority <= head.priority or job.through for job in running):
                break
            looked = True
            if len(running) < self.max_num_seqs and self.fits(self.need(head)):
                break
            self.preempt()
            self.admit(now)
        return looked

    def preempt(self):
        """Return the least urgent, then latest admitted job to the queue."""
        running = self.decoding + self.prefilling
        victim = max(running, key=lambda job: (job.priority, job.order))
        victim.preemptions += 1
        if victim in self.decoding:
            self.decoding.remove(victim)
            if victim.through:  # it is through when its step ends
                self.let_idle(victim, victim.stored, comes_back=False)
                victim.stored = 0
                return
            known = victim.stored
            if self.asynchronous and victim.stored > victim.prompt:
                known -= victim.coming
            victim.prompt = victim.input_tokens + victim.shown + victim.coming
            on_host = sum(job.swapped for job in self.waiting)
            unknown = not (self.shares and victim.blocks)
            if unknown and on_host + victim.stored <= self.swap_tokens:
                victim.swapped = victim.stored
                self.copied += victim.stored
            else:
                self.let_idle(victim, known, comes_back=True)
        else:
            self.prefilling.remove(victim)
            self.let_idle(victim, victim.done, comes_back=True)
        victim.done = victim.stored = victim.held_blocks = victim.later = 0
        self.waiting.insert(0, victim)
        self.sort_queue()
        self.claim_chunks()

    # --- who is admitted ---

    def need(self, job):
        """Blocks that a job takes of the free memory to enter the batch."""
        if self.mode == "static":
            return self.blocks(job.prompt + job.output_tokens - 1)
        if job.swapped:
            return self.kept(job.swapped + 1, processed=False)
        found = self.find_prefix(job)[0]
        return self.kept(job.prompt, processed=False) - sum(u.blocks for u in found if u.users)

    def may_enter(self, job, budget):
        """Whether the batch has tokens and memory for the first of the queue."""
        if self.mode == "static":
            return self.fits(self.need(job))
        if budget <= 0:
            return False
        if job.swapped:
            if self.drafted and not self.fits(self.blocks(job.swapped + 1 + self.drafted)):
                return False
            return self.fits(self.need(job))
        left = job.prompt - self.find_prefix(job)[3]
        if self.mode == "prefill-first" and self.prefilling and left > budget:
            return False
        return self.fits(self.need(job))

    def enter(self, job, budget):
        """Take a job into the batch; return its tokens of the budget."""
        self.orders += 1
        job.order = self.orders
        if job.swapped:
            job.stored, job.swapped = job.swapped, 0
            job.done = job.prompt = job.stored
            self.copied += job.stored
            self.decoding.append(job)
            return 1 + self.drafts_of(1)
        self.take_prefix(job)
        job.held_blocks = self.blocks(self.own(job))
        if self.mode == "static":
            job.held_blocks = self.blocks(job.prompt + job.output_tokens - 1)
        self.prefilling.append(job)
        left = job.prompt - job.done
        if self.mode != "chunked-prefill":
            return left
        chunk = min(left, budget, self.long_prefill or left)
        job.later = 0 if self.window else self.blocks(job.prompt) - self.blocks(job.done + chunk)
        if self.shares:
            self.evict(self.ahead)
        return chunk

    def drafts_of(self, sequences):
        return self.drafted * sequences if self.mode == "chunked-prefill" else 0

    def decoders(self):
        return [job for job in self.decoding if not job.through]

    def left(self, budget):
        if self.mode == "chunked-prefill":
            live = len(self.decoders())
            budget -= live + self.drafts_of(live)
        return budget

    def admit(self, now):
        if self.mode == "static" and self.decoding:
            return
        if self.waiting and self.shares:
            self.evict(self.ahead)
        budget = self.left(self.max_num_batched_tokens)
        for job in self.prefilling:
            budget -= min(job.prompt - job.done, self.long_prefill or job.prompt)
        while self.waiting and len(self.decoding) + len(self.prefilling) < self.max_num_seqs:
            job = self.waiting[0]
            if not self.may_enter(job, budget):
                break
            self.waiting.pop(0)
            self.entered.append(job)
            budget -= self.enter(job, budget)

    # --- the step ---

    def chunks(self):
        """Prompt tokens of each prefilling job in the next step."""
        budget, most = float("inf"), float("inf")
        if self.mode == "chunked-prefill":
            budget = self.left(self.max_num_batched_tokens)
            running = len(self.decoding) + len(self.prefilling)
            if self.long_prefill and running + len(self.waiting) > 1:
                most = self.long_prefill
        chunks = []
        for job in self.prefilling:
            chunk = min(job.prompt - job.done, budget, most)
            if chunk <= 0:
                break
            chunks.append((job, chunk))
            budget -= chunk
        return chunks

    def claim_chunks(self):
        """Note what prompts in process do not take of their memory in the next step."""
        if self.mode == "chunked-prefill" and not self.window:
            taken = {id(job): chunk for job, chunk in self.chunks()}
            for job in self.prefilling:
                reached = job.done + taken.get(id(job), 0)
                job.later = self.blocks(job.prompt) - self.blocks(reached)

    def schedule(self, now):
        """Put the next step together; return it, or None if there is nothing to do."""
        self.claim_chunks()
        preempted = False
        if self.mode != "prefill-first":
            preempted = self.make_room()
        if not preempted:
            self.admit(now)
            self.give_way(now)
        if self.mode == "prefill-first" and not self.prefilling:
            self.make_room()
        self.claim_chunks()
        if self.mode == "static" and self.prefilling:
            self.static_size = len(self.prefilling)
        chunks = self.chunks()
        decodes = self.mode == "chunked-prefill" or not self.prefilling
        live = self.decoders() if decodes else []
        if not live and not chunks:
            return None
        if self.shares:
            self.evict(self.ahead if live else 0)
        places = (self.static_size or len(live)) if live else 0
        step = Step([], chunks, *self.step_time(chunks, places, live), self.copied, self.entered)
        self.copied, self.entered = 0, []
        self.count(step, live)
        return step

    def count(self, step, live):
        """Count the tokens of a step as stored."""
        gained = 1
        if live:
            before = floor(self.decode_steps * self.mean)
            self.decode_steps += 1
            gained = floor(self.decode_steps * self.mean) - before
        for job in sorted(live, key=lambda job: job.order):
            tokens = min(gained, job.output_tokens - job.shown - job.coming)
            job.coming += tokens
            job.stored += tokens
            step.live.append((job, tokens))
        for job, chunk in step.chunks:
            job.done += chunk
            if job.done == job.prompt:
                self.prefilling.remove(job)
                if self.mode != "static":
                    job.held_blocks = 0
                job.coming += 1
                job.stored = job.prompt
                step.live.append((job, 1))
                self.decoding.append(job)

    def step_time(self, chunks, places, live):
        """Return the compute-bound and the memory-bound part of a step."""
        t, d, k = self.time, self.draft, self.drafted
        prompts = sum(chunk for _, chunk in chunks)
        kv = sum(job.stored for job in live)
        reads = sum(job.stored - self.behind(job) for job in live)
        attention = sum(self.attention(job.done, chunk) for job, chunk in chunks)
        compute = t.new_tokens_s(prompts + places * (k + 1)) + t.e_s_per_token2 * attention
        memory = t.a_s + t.c_s_per_kv_token * reads + t.f_s_per_seq * places
        memory += t.d_s_per_sqrt_seq * sqrt(places * (k + 1))
        if d is not None:
            compute += d.e_s_per_token2 * attention
            for number in range(k if places else 1):  # passes of the draft model
                compute += d.new_tokens_s(places + (prompts if number == 0 else 0))
                memory += d.a_s + d.c_s_per_kv_token * (kv + number * places)
                memory += d.d_s_per_sqrt_seq * sqrt(places)
        return compute, memory

    def behind(self, job):
        """Tokens that layers with a window do not read, counted by their share."""
        return float(self.share) * max(0, job.stored - self.window) if self.window else 0.0

    def attention(self, done, chunk):
        """Context that the chunk attends to, in whole and in windowed layers, by trapezia."""
        whole = chunk * (done + chunk / 2)
        if not self.window:
            return whole
        corner = min(max(self.window, done), done + chunk)
        rising = (corner - done) * (done + corner) / 2
        flat = (done + chunk - corner) * self.window
        share = float(self.share)
        return (1 - share) * whole + share * (rising + flat)

    def start(self, step, now):
        """Let a step begin now; return when it ends."""
        for job in step.entered:
            if job.admitted_s < 0:
                job.admitted_s = now
        seconds = step.compute_s / self.speed[0] + step.memory_s / self.speed[1]
        step.end_s = now + seconds + step.copied * self.swap_s_per_token
        return step.end_s

    def end(self, step, now):
        """Show the tokens of a step that ends now."""
        for job, tokens in step.live:
            if job.gave_up:
                continue
            job.coming -= tokens
            job.shown += tokens
            if job.first_token_s < 0:
                job.first_token_s = now
            if job.shown == job.output_tokens:
                self.leave(job, now)
        if self.static_size and not self.decoding:
            self.static_size = 0

    def leave(self, job, now):
        job.finished_s = now
        if job in self.decoding:
            self.decoding.remove(job)
            self.let_idle(job, job.stored, comes_back=False)

    # --- the clock ---

    def run(self, jobs, until_s=float("inf"), stop_s=float("inf")):
        """Serve ``jobs`` (sorted by arrival) and return them with their time stamps.

        Nothing happens after ``stop_s``: a step that would end later does not take place.
        """
        upcoming = deque(jobs)
        changes = deque(sorted(self.speed_changes, key=lambda change: change[0]))
        steps, depth, now = deque(), 2 if self.asynchronous else 1, 0.0
        while True:
            while upcoming and upcoming[0].arrival_s <= now:
                self.waiting.append(upcoming.popleft())
                self.sort_queue()
            while changes and changes[0][0] <= now:
                self.speed = changes.popleft()[1:]
            self.let_go(now)
            if steps and not steps[0].end_s and self.start(steps[0], now) > stop_s:
                return jobs
            step = self.schedule(now) if len(steps) < depth else None
            if step is not None:
                steps.append(step)
                continue
            if steps:
                now = steps[0].end_s
                self.end(steps.popleft(), now)
                continue
            if not upcoming or upcoming[0].arrival_s > until_s:
                return jobs
            now = upcoming[0].arrival_s
