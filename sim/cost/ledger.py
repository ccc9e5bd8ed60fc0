"""The ledger: every cost and income of a run in one list, on one basis, which all figures cut.

An entry is money per hour: capital as the annuity over its life at its cost of capital, the rest
as it was in the measuring window. What nobody gave is an entry without a figure, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from sim.units import TOKENS_PER_MTOKEN

Side = Literal["capital", "operating", "income"]
UNPLACED = "(no pool)"
BOUGHT: Final = frozenset({"accelerators", "servers", "network"})
"""Layers that a price of an accelerator-hour of one's own replaces."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        side: capital, operating or income.
        layer: what it is for, such as ``network`` or ``energy``.
        usd_per_h: cost, or income, per hour of the window [USD/h]; None where unknown.
        site: site that it belongs to, empty where it belongs to all.
        pool: pool that it belongs to, empty where pools share it.
        tier: tier that pays it, for income.
        kind: kind of the number behind it: measured, fitted, vendor, analyst, guess, given.
        about: what it is, in words.
        outlay_usd: for capital, what is paid when it is bought [USD]; None where unknown.
    """

    side: Side
    layer: str
    usd_per_h: float | None
    site: str = ""
    pool: str = ""
    tier: str = ""
    kind: str = "guess"
    about: str = ""
    outlay_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of which parts may be unknown.

    Attributes:
        known_usd_per_h: the parts that are known [USD/h].
        unknown: what is not.
    """

    known_usd_per_h: float = 0.0
    unknown: tuple[str, ...] = ()

    @property
    def usd_per_h(self) -> float | None:
        """The whole sum, None as soon as a part of it is unknown [USD/h]."""
        return None if self.unknown else self.known_usd_per_h


def total(entries: Iterable[Entry]) -> Amount:
    """Return the sum of entries."""
    found = list(entries)
    known = math.fsum(each.usd_per_h for each in found if each.usd_per_h is not None)
    missing = (_told(each) for each in found if each.usd_per_h is None)
    return Amount(known, tuple(dict.fromkeys(missing)))


def _told(entry: Entry) -> str:
    return " of ".join(part for part in (entry.layer, entry.pool or entry.site) if part)


@dataclass(frozen=True, slots=True)
class Work:
    """What a pool did, and for whom.

    Attributes:
        pool: its name.
        site: name of its site.
        accelerators: that it has.
        site_share: its part of the accelerators owned at its site, 0 for one that rents [1].
        bought_share: its part of those that are paid for at the catalogue's price [1].
        energy_share: its part of the energy that is paid for at its site [1].
        busy_s: time that the work of each (tier, model) takes one of its replicas at capacity, by
            their names [s].
        available_s: time that its replicas had together [s].
        replicas: that it has.
        output_tokens: by (tier, model).
    """

    pool: str
    site: str
    accelerators: int
    site_share: float
    bought_share: float = 0.0
    energy_share: float = 0.0
    busy_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    available_s: float = 0.0
    replicas: int = 1
    output_tokens: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All entries of a run, and who did the work that they paid for.

    Attributes:
        entries: in the order capital, operating, income.
        works: of the pools.
        window_h: length of the measuring window [h].
        output_tokens: of the whole fleet in it.
        requests: completed in it.
    """

    entries: tuple[Entry, ...]
    works: tuple[Work, ...] = ()
    window_h: float = 0.0
    output_tokens: float = 0.0
    requests: int = 0
    energy_layers: tuple[str, ...] = field(default=("energy", "demand", "water"))

    @property
    def cost(self) -> Amount:
        """All that is spent."""
        return total(each for each in self.entries if each.side != "income")

    @property
    def income(self) -> Amount:
        """All that comes in, credits taken off."""
        return total(each for each in self.entries if each.side == "income")

    @property
    def margin(self) -> Amount:
        """Income less cost."""
        cost, income = self.cost, self.income
        known = income.known_usd_per_h - cost.known_usd_per_h
        return Amount(known, (*income.unknown, *cost.unknown))

    @property
    def contribution(self) -> Amount:
        """Income less what it costs to run, without the capital that is spent already."""
        running = total(each for each in self.entries if each.side == "operating")
        income = self.income
        known = income.known_usd_per_h - running.known_usd_per_h
        return Amount(known, (*income.unknown, *running.unknown))

    def usd_per_mtoken(self) -> float | None:
        """Return all cost per million output tokens [USD], None where a part is unknown."""
        return per_mtoken(times(self.cost.usd_per_h, self.window_h), self.output_tokens)

    def by(self, name: Callable[[Entry], str]) -> dict[str, Amount]:
        """Return the cost by something that every entry has, such as its layer or its site."""
        groups: dict[str, list[Entry]] = {}
        for entry in self.entries:
            if entry.side != "income":
                groups.setdefault(name(entry) or "(all)", []).append(entry)
        return {key: total(found) for key, found in groups.items()}

    def by_pool(self, counts: Callable[[Entry], bool] = lambda _: True) -> dict[str, Amount]:
        """Return the cost by pool.

        What pools of a site share is divided by their accelerators, energy by the energy of their
        accelerators; what no pool uses stands under `UNPLACED`. The parts sum to the whole.

        Args:
            counts: which entries count; all by default.
        """
        parts: dict[str, list[Entry]] = {work.pool: [] for work in self.works}
        parts[UNPLACED] = []
        for entry in self.entries:
            if entry.side != "income" and counts(entry):
                for pool, share in self._shares(entry).items():
                    parts[pool].append(_part(entry, share))
        if not parts[UNPLACED]:
            del parts[UNPLACED]
        return {pool: total(found) for pool, found in parts.items()}

    def by_user(self, name: Callable[[str, str], str]) -> dict[str, dict[str, float | None]]:
        """Return what each tier or model is charged with, and what its work alone would cost.

        Allocated: the whole cost of a pool, idle time included, by the time that the work of each
        takes at capacity. Used: that time at the pool's hourly cost. The difference is capacity
        that was provisioned and not used. What nobody used, pools without work and what stands
        without a pool, is allocated to `UNPLACED`, so that the parts sum to the whole.

        Args:
            name: of the group of a (tier, model).
        """
        found: dict[str, dict[str, list[Entry]]] = {}
        pools = self.by_pool()
        for work in self.works:
            busy_s = math.fsum(work.busy_s.values())
            cost = pools.get(work.pool, Amount())
            for key, mine_s in work.busy_s.items():
                group = found.setdefault(name(*key), {"allocated": [], "used": []})
                usd = cost.usd_per_h
                whole = _entry(usd, mine_s / busy_s if busy_s else 0.0, work.pool)
                used = _entry(usd, mine_s / max(work.available_s, busy_s, 1e-300), work.pool)
                group["allocated"].append(whole)
                group["used"].append(used)
        busy = {work.pool for work in self.works if work.busy_s}
        idle = [
            _entry(cost.usd_per_h, 1.0, pool) for pool, cost in pools.items() if pool not in busy
        ]
        if idle:
            found[UNPLACED] = {"allocated": idle, "used": []}
        return {
            key: {f"{kind}_usd_per_h": total(parts).usd_per_h for kind, parts in group.items()}
            for key, group in found.items()
        }

    def _shares(self, entry: Entry) -> dict[str, float]:
        if entry.pool:
            return {entry.pool: 1.0}
        near = [work for work in self.works if entry.site in (work.site, "")]
        if not entry.site:
            whole = sum(work.accelerators for work in near)
            shares = {w.pool: w.accelerators / whole for w in near} if whole else {}
        elif entry.layer in self.energy_layers:
            shares = {work.pool: work.energy_share for work in near}
        elif entry.layer in BOUGHT:
            shares = {work.pool: work.bought_share for work in near}
        else:
            shares = {work.pool: work.site_share for work in near}
        rest = 1.0 - math.fsum(shares.values())
        return {**shares, UNPLACED: rest} if abs(rest) > 1e-12 else shares


def _part(entry: Entry, share: float) -> Entry:
    return replace(entry, usd_per_h=times(entry.usd_per_h, share) if share else 0.0)


def _entry(usd_per_h: float | None, share: float, pool: str) -> Entry:
    return Entry("operating", "cost", times(usd_per_h, share), pool=pool)


def ledger_summary(ledger: Ledger) -> dict[str, Any]:
    """Return the ledger as plain values for ``summary.json``; unknown figures are None."""
    cost, income = ledger.cost, ledger.income
    margin, contribution = ledger.margin.usd_per_h, ledger.contribution.usd_per_h
    earned = income.usd_per_h
    hours = ledger.window_h
    return {
        "cost_usd_per_h": cost.usd_per_h,
        "known_cost_usd_per_h": cost.known_usd_per_h,
        "cost_usd": times(cost.usd_per_h, hours),
        "usd_per_mtoken": ledger.usd_per_mtoken(),
        "usd_per_request": ratio(times(cost.usd_per_h, hours), ledger.requests),
        "income_usd_per_h": earned if _earns(ledger.entries) else None,
        "contribution_usd_per_h": contribution if _earns(ledger.entries) else None,
        "margin_usd_per_h": margin if _earns(ledger.entries) else None,
        "gross_margin": ratio(margin, earned) if _earns(ledger.entries) else None,
        "unknown": list(dict.fromkeys((*cost.unknown, *income.unknown))),
        "guessed_share": _guessed(ledger.entries),
        "layers": {k: v.usd_per_h for k, v in ledger.by(lambda each: each.layer).items()},
        "sides": {k: v.usd_per_h for k, v in ledger.by(lambda each: each.side).items()},
        "sites": {k: v.usd_per_h for k, v in ledger.by(lambda each: each.site).items()},
        "pools": {k: v.usd_per_h for k, v in ledger.by_pool().items()},
        "tiers": ledger.by_user(lambda tier, _: tier),
        "models": ledger.by_user(lambda _, model: model),
        "idle_share": _idle_share(ledger.works),
        "entries": [_row(entry) for entry in ledger.entries],
    }


def _row(entry: Entry) -> dict[str, Any]:
    named = {"site": entry.site, "pool": entry.pool, "tier": entry.tier}
    return {
        "side": entry.side,
        "layer": entry.layer,
        "usd_per_h": entry.usd_per_h,
        **{key: value for key, value in named.items() if value},
        "kind": entry.kind,
        "about": entry.about,
    }


def _earns(entries: Sequence[Entry]) -> bool:
    return any(entry.side == "income" for entry in entries)


def times(usd: float | None, factor: float) -> float | None:
    """Return money times hours or a share, None where it is unknown."""
    return None if usd is None else usd * factor


def ratio(value: float | None, whole: float | None) -> float | None:
    """Return a quotient, None where a part is unknown or the divisor is zero."""
    return value / whole if value is not None and whole else None


def per_mtoken(usd: float | None, tokens: float) -> float | None:
    """Return money per million tokens [USD], None where it is unknown or there are none."""
    return ratio(usd, tokens / TOKENS_PER_MTOKEN)


def _guessed(entries: Sequence[Entry]) -> float | None:
    """Return the share of the known cost that rests on guesses [1]."""
    known = [each for each in entries if each.side != "income" and each.usd_per_h is not None]
    whole = math.fsum(each.usd_per_h or 0.0 for each in known)
    guessed = math.fsum(each.usd_per_h or 0.0 for each in known if each.kind == "guess")
    return guessed / whole if whole else None


def _idle_share(works: Sequence[Work]) -> float | None:
    """Return the share of the pools' accelerator time that was provisioned and not used [1]."""
    sizes = [work.accelerators / work.replicas for work in works]
    had = math.fsum(w.available_s * size for w, size in zip(works, sizes, strict=True))
    used = math.fsum(
        min(math.fsum(work.busy_s.values()), work.available_s) * size
        for work, size in zip(works, sizes, strict=True)
    )
    return 1.0 - used / had if had else None
