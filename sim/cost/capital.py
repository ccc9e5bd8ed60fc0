"""Capital and upkeep of what stands at a site, from counts and an owner's prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sim.catalog.entries import Accelerator, Owner
from sim.cost.finance import annuity
from sim.cost.ledger import Entry
from sim.scenario.schema.economics import Economics
from sim.units import H_PER_MONTH, H_PER_YEAR, S_PER_Y, W_PER_KW


@dataclass(frozen=True, slots=True)
class Installed:
    """What is owned at a site, in use or not; what is rented is left out.

    Attributes:
        site: its name.
        accelerators: each with its number.
        air_racks: racks cooled by air.
        liquid_racks: racks cooled by liquid.
        air_w: IT power for which the air-cooled part is built [W].
        liquid_w: the same of the liquid-cooled part [W].
    """

    site: str
    accelerators: Sequence[tuple[Accelerator, float]]
    air_racks: float
    liquid_racks: float
    air_w: float
    liquid_w: float

    @property
    def it_w(self) -> float:
        """IT power for which the site is built [W]."""
        return self.air_w + self.liquid_w


def site_entries(installed: Installed, owner: Owner, economics: Economics) -> Iterator[Entry]:
    """Yield capital and upkeep of a site.

    Args:
        installed: what stands there.
        owner: its prices and lives.
        economics: the scenario's section.
    """
    rate = economics.cost_of_capital
    money = _Money(installed.site, owner, owner.cost_of_capital if rate is None else rate)
    for accelerator, number in installed.accelerators:
        yield money.accelerators(accelerator, number)
    yield money.around("servers", "server_share", installed)
    yield money.around("network", "network_share", installed)
    number = sum(number for _, number in installed.accelerators)
    yield money.it("storage", "storage_usd", number)
    yield money.it("racks", "rack_usd", installed.air_racks + installed.liquid_racks)
    if installed.liquid_racks:
        yield money.it("liquid loop", "liquid_usd", installed.liquid_racks)
    yield from _hall(installed, money, economics.facility)
    yield money.monthly("maintenance", "maintenance_usd_per_w_month", installed.it_w)
    yield money.monthly("people", "people_usd_per_w_month", installed.it_w)


def _hall(installed: Installed, money: _Money, facility: str) -> Iterator[Entry]:
    owner = money.owner
    if facility == "colocation":
        yield money.monthly("colocation", "colocation_usd_per_w_month", installed.it_w)
    elif facility == "retrofit":
        yield money.plant("retrofit", "retrofit_usd_per_w", installed.liquid_w)
    elif facility == "owned":
        built_w = installed.air_w + installed.liquid_w * (1.0 + owner.liquid_share)
        for layer in ("power", "cooling", "building"):
            yield money.plant(layer, f"{layer}_usd_per_w", built_w)
        price = owner.land_usd_per_w * installed.it_w
        usd_per_h = price * money.rate / H_PER_YEAR  # land keeps its value: interest only
        yield money.capital("land", usd_per_h, "land_usd_per_w", price)


@dataclass(frozen=True, slots=True)
class _Money:
    """Makes entries of one site at an owner's prices."""

    site: str
    owner: Owner
    rate: float

    def accelerators(self, accelerator: Accelerator, number: float) -> Entry:
        """Return the capital of accelerators of one type."""
        price, name = accelerator.price_usd, accelerator.name
        if price is None:
            about = f"{number:g} {name}: the catalogue has no price"
            return Entry("capital", "accelerators", None, self.site, about=about)
        mark = accelerator.sources.get("price_usd")
        usd_per_h = self._per_h(price * number, self.owner.it_life_s, self.owner.it_residual)
        about = f"{number:g} {name} at {price:,.0f} USD"
        kind = mark.kind if mark else "given"
        return Entry(
            "capital",
            "accelerators",
            usd_per_h,
            self.site,
            kind=kind,
            about=about,
            outlay_usd=price * number,
        )

    def around(self, layer: str, name: str, installed: Installed) -> Entry:
        """Return what stands around accelerators whose price does not cover it."""
        bare = [each for each in installed.accelerators if each[0].price_covers == "accelerator"]
        prices = [(accelerator.price_usd, number) for accelerator, number in bare]
        if any(price is None for price, _ in prices):
            about = "a share of a price that is not known"
            return Entry("capital", layer, None, self.site, about=about)
        share = getattr(self.owner, name)
        price = share * sum((price or 0.0) * number for price, number in prices)
        usd_per_h = self._per_h(price, self.owner.it_life_s, self.owner.it_residual)
        return self.capital(layer, usd_per_h, name, price)

    def it(self, layer: str, name: str, number: float) -> Entry:
        """Return capital that lives as long as the accelerators, priced by the piece."""
        price = getattr(self.owner, name) * number
        usd_per_h = self._per_h(price, self.owner.it_life_s, self.owner.it_residual)
        return self.capital(layer, usd_per_h, name, price)

    def plant(self, layer: str, name: str, rated_w: float) -> Entry:
        """Return capital that lives as long as the hall, priced by rated power."""
        price = getattr(self.owner, name) * rated_w
        usd_per_h = self._per_h(price, self.owner.facility_life_s, 0.0)
        return self.capital(layer, usd_per_h, name, price)

    def monthly(self, layer: str, name: str, rated_w: float) -> Entry:
        """Return what is paid by rated power and month."""
        usd_per_h = getattr(self.owner, name) * rated_w / H_PER_MONTH
        about = f"{rated_w / W_PER_KW:,.0f} kW"
        kind = self._kind(name)
        return Entry("operating", layer, usd_per_h, self.site, kind=kind, about=about)

    def capital(self, layer: str, usd_per_h: float, name: str, price: float) -> Entry:
        """Return capital with the kind of the owner's number behind it and what is paid for it."""
        about, kind = f"{price:,.0f} USD", self._kind(name)
        return Entry(
            "capital", layer, usd_per_h, self.site, kind=kind, about=about, outlay_usd=price
        )

    def _kind(self, name: str) -> str:
        mark = self.owner.sources.get(name)
        return mark.kind if mark else "given"

    def _per_h(self, price: float, life_s: float, residual_share: float) -> float:
        yearly = annuity(price, self.rate, life_s / S_PER_Y, residual_share * price)
        return yearly / H_PER_YEAR
