"""Where a site's power comes from: grid, sun, storage and generator."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from sim.cost.tariff import PurchaseAgreement
from sim.facility.grid.balance import Balance, Generator, Supply, balance, with_ups
from sim.facility.grid.storage import Battery, Outlook, StoragePolicy
from sim.signals import Constant, Signal


@dataclass(slots=True)
class SiteGrid:
    """The supply of a site, and what of it is in use.

    Attributes:
        price: of energy [USD/kWh].
        carbon: intensity of the grid [g/kWh].
        demand_usd_per_w: charge on the highest quarter of an hour of the billing period [USD/W].
        limit_w: what the connection can carry [W].
        battery: the site's battery, or None.
        policy: when the battery works, or None to keep it idle.
        stored_j: energy in the battery [J].
        generator: backup generator, or None.
        agreement: power purchase agreement, or None.
        solar: power of the panels [W].
        ups: uninterruptible supply of the racks, or None.
        ups_j: energy in it [J].
        up: whether the utility delivers.
        lost_s: when the utility was lost [s].
    """

    price: Signal = field(default_factory=lambda: Constant(0.10))
    carbon: Signal = field(default_factory=lambda: Constant(400.0))
    demand_usd_per_w: float = 0.0
    limit_w: float = inf
    battery: Battery | None = None
    policy: StoragePolicy | None = None
    stored_j: float = 0.0
    generator: Generator | None = None
    agreement: PurchaseAgreement | None = None
    solar: Signal = field(default_factory=lambda: Constant(0.0))
    ups: Battery | None = None
    ups_j: float = 0.0
    up: bool = True
    lost_s: float = inf

    def level(self, now_s: float) -> int:
        """Return what feeds the site: 2 the utility, 1 the generator, 0 batteries at most."""
        return 2 if self.up else int(self.generator_runs(now_s))

    def generator_runs(self, now_s: float) -> bool:
        """Return whether the generator carries load."""
        return (
            not self.up
            and self.generator is not None
            and now_s >= self.lost_s + self.generator.start_s
        )

    def draw(self, load_w: float, start_s: float, end_s: float) -> Balance:
        """Meet a load over an interval, and carry the state of the batteries on.

        Args:
            load_w: what the site draws [W].
            start_s: start of the interval [s].
            end_s: its end [s].
        """
        supply = self.supply(start_s, end_s, load_w)
        drawn = balance(load_w, supply, end_s - start_s)
        self.stored_j = drawn.stored_j
        if self.ups is not None:
            spare_w = supply.grid_w - drawn.grid_w
            drawn, self.ups_j = with_ups(drawn, self.ups, self.ups_j, spare_w, end_s - start_s)
        return drawn

    def supply(self, start_s: float, end_s: float, load_w: float) -> Supply:
        """Return what the site can draw on in an interval in which nothing is switched.

        Args:
            start_s: start of the interval [s].
            end_s: its end [s].
            load_w: what the site will draw [W].
        """
        solar_w = max(self.solar.mean(start_s, end_s), 0.0)
        wanted_w = 0.0
        if self.policy is not None and self.up:
            price, carbon = self.price.mean(start_s, end_s), self.carbon.mean(start_s, end_s)
            wanted_w = self.policy.wanted_w(Outlook(load_w - solar_w, price, carbon))
        runs = self.generator_runs(start_s)
        return Supply(
            grid_w=self.limit_w if self.up else 0.0,
            solar_w=solar_w,
            generator_w=self.generator.power_w if runs and self.generator is not None else 0.0,
            battery=self.battery,
            stored_j=self.stored_j,
            wanted_w=wanted_w,
        )
