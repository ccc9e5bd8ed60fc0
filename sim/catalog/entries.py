"""What the catalogue holds: accelerators, models, nodes, racks and regions, in SI units.

Every number of an entry has a `Sourced` mark in ``entry.sources`` under its field name (nested
numbers under dotted names such as ``efficiency.compute.bf16``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from sim.interfaces import FloatArray

Kind = Literal["measured", "fitted", "vendor", "analyst", "guess"]
KINDS: tuple[Kind, ...] = ("measured", "fitted", "vendor", "analyst", "guess")

Cooling = Literal["air", "liquid"]
Precision = Literal["bf16", "fp8", "int8", "int4", "fp4"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers come from: a publication, a data set or a vendor's page.

    Attributes:
        name: key by which entries name it.
        title: what it is, in words.
        where: repository, DOI, arXiv number or address.
        date: publication date, or the date it was read, as ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``.
    """

    name: str
    title: str
    where: str
    date: str


@dataclass(frozen=True, slots=True)
class Sourced:
    """How far one number can be trusted.

    Attributes:
        kind: measured, fitted, vendor, analyst or guess.
        source: name of the `Source`.
        date: date of the source.
        low: lowest plausible value, in the unit of the field; None where no range is given.
        high: highest plausible value, in the unit of the field.
        note: reasoning behind a guess, or a caveat (may be empty).
    """

    kind: Kind
    source: str
    date: str
    low: float | None = None
    high: float | None = None
    note: str = ""


Sources = Mapping[str, Sourced]


@dataclass(frozen=True, slots=True)
class Efficiency:
    """What fraction of its data sheet an accelerator reaches, for the physical step-time form.

    Attributes:
        bandwidth: fraction of memory bandwidth at which weights are read [1].
        compute: fraction of dense peak that large matrix products reach, by precision [1].
        prefill_attention: fraction of dense bf16 peak in prefill attention, causal FLOPs [1].
        kv_read: fraction of memory bandwidth at which decode attention reads the KV cache [1].
        layer_overhead_s: all fixed time of a layer and step, kernel launches included [s].
        gemm_launch_s: the part of it that one matrix-product kernel takes [s].
        allreduce_latency_s: latency of an all-reduce by group size [s].
        allreduce_bytes_per_s: bus bandwidth of an all-reduce by group size [bytes/s].
    """

    bandwidth: float
    compute: Mapping[str, float]
    prefill_attention: float
    kv_read: float
    layer_overhead_s: float
    gemm_launch_s: float
    allreduce_latency_s: Mapping[int, float]
    allreduce_bytes_per_s: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU, TPU or other inference chip.

    Attributes:
        memory_bytes: memory for weights and KV cache [bytes].
        bandwidth_bytes_per_s: peak memory bandwidth [bytes/s].
        flops: dense peak by precision [1/s].
        tdp_w: rated board power [W].
        idle_w: no program running [W].
        context_w: added once a program holds weights in memory, nothing running [W].
        prefill_w: steps that only process prompts [W].
        decode_low_w: decoding a batch of one [W].
        decode_high_w: decoding a saturated batch [W].
        link_bytes_per_s: scale-up bandwidth, one direction [bytes/s].
        reserved_bytes: memory that the runtime takes besides weights, KV and collectives [bytes].
        collective_bytes: communication buffers by tensor-parallel size [bytes].
        cooling: ways in which it is sold to be cooled.
        price_usd: purchase price [USD] or None where unknown.
        price_covers: the accelerator alone, or its part of a system with host and switches.
        rent_usd_per_h: rental price [USD/h] or None.
        tco_usd_per_h: cost of owning it, all in [USD/h] or None.
    """

    name: str
    title: str
    vendor: str
    cooling: tuple[Cooling, ...]
    memory_bytes: float
    bandwidth_bytes_per_s: float
    flops: Mapping[str, float]
    tdp_w: float
    idle_w: float
    context_w: float
    prefill_w: float
    decode_low_w: float
    decode_high_w: float
    link_bytes_per_s: float
    reserved_bytes: float
    collective_bytes: Mapping[int, float]
    efficiency: Efficiency
    price_usd: float | None = None
    rent_usd_per_h: float | None = None
    tco_usd_per_h: float | None = None
    price_covers: str = "accelerator"
    sources: Sources = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """The shape of a language model, as far as memory and time depend on it.

    Attributes:
        layers: transformer layers [1].
        hidden: width of the residual stream [1].
        heads: query heads per layer [1].
        kv_heads: key/value heads per layer; 1 for latent attention [1].
        head_dim: width of one head [1].
        params: all weights [1].
        active_params: weights used per token [1].
        kv_bytes_per_token: KV cache of one token, all layers, at bf16 [bytes].
        experts: routed experts per mixture-of-experts layer, None for a dense model.
        top_k: routed experts used per token, None for a dense model.
        latent_kv: whether the KV cache is a latent vector (MLA), which tensor parallelism copies.
        window_tokens: window of its sliding or chunked attention layers, None if none [tokens].
        window_share: share of the KV bytes in layers with that window [1].
        native_precision: precision in which the weights are published.
        hub_id: identifier of the published weights.
    """

    name: str
    title: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    params: float
    active_params: float
    kv_bytes_per_token: float
    experts: int | None = None
    top_k: int | None = None
    latent_kv: bool = False
    window_tokens: int | None = None
    window_share: float = 0.0
    native_precision: Precision = "bf16"
    hub_id: str = ""
    sources: Sources = field(default_factory=dict, repr=False)

    @property
    def expert_params(self) -> float:
        """Weights in routed experts [1], solved from total and active counts; 0 if dense."""
        if self.experts is None or self.top_k is None or self.top_k >= self.experts:
            return 0.0
        return (self.params - self.active_params) / (1.0 - self.top_k / self.experts)


@dataclass(frozen=True, slots=True)
class NodeType:
    """A server: accelerators, host, fans, power supplies and network interfaces.

    Attributes:
        accelerator: name of its accelerator.
        count: accelerators in it [1].
        accelerator_tdp_w: rated power of one of them, copied from the accelerator [W].
        accelerator_idle_w: power of one without a program, copied from the accelerator [W].
        fixed_w: processors, memory, disks and boards, whatever the load [W].
        fan_w: nameplate power of all fans [W].
        fan_idle_share: share of the nameplate that fans draw at no heat [1].
        fan_peak_share: share of the nameplate that fans draw at full heat [1].
        network_w: network interfaces and optics, fed beside the power supplies [W].
        psu_rated_w: output that all power supplies together can give [W].
        psu_load: load points of the efficiency curve, increasing, share of `psu_rated_w` [1].
        psu_efficiency: efficiency at each load point [1].
    """

    name: str
    title: str
    cooling: Cooling
    accelerator: str
    count: int
    accelerator_tdp_w: float
    accelerator_idle_w: float
    fixed_w: float
    fan_w: float
    fan_idle_share: float
    fan_peak_share: float
    network_w: float
    psu_rated_w: float
    psu_load: tuple[float, ...]
    psu_efficiency: tuple[float, ...]
    sources: Sources = field(default_factory=dict, repr=False)

    def wall_w(self, accelerator_w: FloatArray | float) -> FloatArray:
        """Return what the node draws from the rack for the power of its accelerators.

        Direct-current load = accelerators + fixed + fans, where fan power rises linearly with the
        accelerators' share of rated power; wall = load / efficiency(load) + network. Form and
        constants: SemiAnalysis InferenceX system power profile (draft, 2026).

        Args:
            accelerator_w: power of all accelerators of the node together [W], any shape.

        Returns:
            Wall power [W], same shape, increasing in the argument.
        """
        heat_w = np.asarray(accelerator_w, dtype=np.float64)
        heat_share = np.clip(heat_w / (self.count * self.accelerator_tdp_w), 0.0, 1.0)
        fan_share = self.fan_idle_share + (self.fan_peak_share - self.fan_idle_share) * heat_share
        load_w = heat_w + self.fixed_w + self.fan_w * fan_share
        efficiency = np.interp(load_w / self.psu_rated_w, self.psu_load, self.psu_efficiency)
        return np.asarray(load_w / efficiency + self.network_w)


@dataclass(frozen=True, slots=True)
class RackType:
    """A rack: a number of equal nodes and what they share.

    Attributes:
        node: name of its node type.
        nodes: nodes in it [1].
        limit_w: power that the rack's feed and cooling are built for [W].
        base_w: switches, management and pumps, drawn beside the nodes whatever the load [W].
        cooling: how it is cooled; None leaves it to the hall.
        scale_up: how far the fast links reach; ``rack`` lets a tensor-parallel group span nodes.
    """

    name: str
    title: str
    node: str
    nodes: int
    limit_w: float
    base_w: float
    cooling: Cooling | None = None
    scale_up: Literal["node", "rack"] = "node"
    sources: Sources = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ClimateEntry:
    """Outdoor air over a typical year: a sine over the year and one over the day.

    Attributes:
        mean_c: mean of the year [degC].
        yearly_k: amplitude over the year [K].
        daily_k: amplitude over the day [K].
        dew_point_c: dew point of the air [degC].
        southern: whether the warm season is in January.
    """

    mean_c: float
    yearly_k: float
    daily_k: float
    dew_point_c: float
    southern: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A place on the grid and under the sky.

    Attributes:
        usd_per_kwh: electricity price of a large industrial user [USD/kWh].
        gco2_per_kwh: carbon intensity of the grid, location-based [g/kWh].
        climate: outdoor air, None where the catalogue does not say.
        renewable_share: of the electricity generated [1], None where unknown.
        outage_s_per_year: time without power of a customer [s], None where unknown.
        water_stress: share of the water that is used up, in words; None where unknown.
    """

    name: str
    title: str
    usd_per_kwh: float
    gco2_per_kwh: float
    climate: ClimateEntry | None = None
    renewable_share: float | None = None
    outage_s_per_year: float | None = None
    water_stress: str | None = None
    sources: Sources = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Owner:
    """What owning and running a hall costs somebody: capital, its price and life, and upkeep.

    Prices per watt are for rated IT power.

    Attributes:
        cost_of_capital: nominal, before tax, per year [1].
        it_life_s: years in which accelerators, servers and network are paid for [s].
        it_residual: share of their price that they bring at its end [1].
        server_share: host, memory, disks and adapters, part of the accelerators' price [1].
        network_share: switches and cables, part of the accelerators' price [1].
        storage_usd: per accelerator [USD].
        rack_usd: frame and power distribution per rack [USD].
        liquid_usd: cold plates, manifolds and hoses per liquid-cooled rack [USD].
        facility_life_s: years in which plant and building are paid for [s].
        power_usd_per_w: electrical plant [USD/W].
        cooling_usd_per_w: mechanical plant, air [USD/W].
        building_usd_per_w: shell and fit-out [USD/W].
        land_usd_per_w: land, which keeps its value [USD/W].
        liquid_share: how much more plant and building cost for liquid-cooled racks [1].
        retrofit_usd_per_w: liquid cooling put into a hall that was built for air [USD/W].
        maintenance_usd_per_w_month: upkeep of plant and hardware [USD/W and month].
        people_usd_per_w_month: staff on site [USD/W and month].
        colocation_usd_per_w_month: rent of a hall in place of owning one [USD/W and month].
        water_usd_per_l: water [USD/l].
    """

    name: str
    title: str
    cost_of_capital: float
    it_life_s: float
    it_residual: float
    server_share: float
    network_share: float
    storage_usd: float
    rack_usd: float
    liquid_usd: float
    facility_life_s: float
    power_usd_per_w: float
    cooling_usd_per_w: float
    building_usd_per_w: float
    land_usd_per_w: float
    liquid_share: float
    retrofit_usd_per_w: float
    maintenance_usd_per_w_month: float
    people_usd_per_w_month: float
    colocation_usd_per_w_month: float
    water_usd_per_l: float
    sources: Sources = field(default_factory=dict, repr=False)


Entry = Accelerator | Model | NodeType | RackType | Region | Owner
