"""Which keys an entry of each catalogue section has, what they hold and what they become."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic_core import PydanticCustomError

from sim import units
from sim.document.quantities import BareNumber, Quantity
from sim.registry import nearest_hint
from sim.units import Kind

Reader = Callable[[Any], Any]

COMPUTE_RATE: Final = Kind(
    "a compute rate",
    "989 TFLOP/s",
    {"TFLOP/s": Decimal("1e12"), "PFLOP/s": Decimal("1e15")},
    1e19,
)

PRECISIONS: Final = ("bf16", "fp8", "int8", "int4", "fp4")
COOLINGS: Final = ("air", "liquid")
STRESSES: Final = ("low", "medium", "high", "extremely high")
_GROUP = re.compile(r"tp([1-9][0-9]{0,3})")


class RefusedError(ValueError):
    """A value is not what its key holds."""

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an entry.

    Attributes:
        key: where it stands in the file, such as ``power.idle``.
        name: attribute that it becomes, such as ``idle_w``.
        read: turns what was written into the value.
        member: for a table (a value per precision or group size), turns a key into the table's key.
        required: whether an entry has to have it.
        numeric: whether it is a number and so carries a mark.
    """

    key: str
    name: str
    read: Reader
    member: Reader | None = None
    required: bool = True
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class QuantityReader:
    """Reads quantities with a unit, and writes them again."""

    form: Quantity

    def __call__(self, raw: Any) -> float:
        """Return the quantity in its SI unit."""
        bare = isinstance(raw, (int, float)) and not isinstance(raw, bool)
        try:
            return self.form.read(BareNumber(raw) if bare else raw)
        except PydanticCustomError as error:
            context = error.context or {}
            raise RefusedError(context["expected"], context["hint"]) from None

    def write(self, value: float) -> str:
        """Return a value as text that is read as the same value again."""
        return self.form.write(value)


def quantity(kind: Kind, *, above: bool = False, whole: bool = False) -> QuantityReader:
    """Return a reader of quantities with a unit, from zero up, or ``above`` zero."""
    return QuantityReader(Quantity(kind, above=above, whole=whole))


def number(high: float = math.inf, *, whole: bool = False) -> Reader:
    """Return a reader of plain numbers above zero up to ``high``."""
    noun = "a whole number" if whole else "a number"
    expected = f"{noun} above 0" + (f", at most {high:g}" if high < math.inf else "")

    def read(raw: Any) -> float:
        good = isinstance(raw, int if whole else (int, float)) and not isinstance(raw, bool)
        if good and 0 < raw <= high and math.isfinite(raw):
            return raw if whole else float(raw)
        raise RefusedError(expected)

    return read


def billions(raw: Any) -> float:
    """Return a count that is written in billions [1]."""
    return float(round(number()(raw) * 1e9))


def choice(*options: str) -> Reader:
    """Return a reader of one word out of ``options``."""

    def read(raw: Any) -> str:
        if isinstance(raw, str) and raw in options:
            return raw
        hint = nearest_hint(raw, list(options)) if isinstance(raw, str) else ""
        raise RefusedError("one of " + ", ".join(options), hint)

    return read


def choices(*options: str) -> Reader:
    """Return a reader of a list of words out of ``options``, at least one."""
    one = choice(*options)

    def read(raw: Any) -> tuple[str, ...]:
        if isinstance(raw, list) and raw:
            return tuple(one(item) for item in raw)
        raise RefusedError("a list of " + " or ".join(options))

    return read


def text(raw: Any) -> str:
    """Return a text of one line."""
    if isinstance(raw, str) and 0 < len(raw) <= 500:
        return raw
    raise RefusedError("a short text")


def truth(raw: Any) -> bool:
    """Return a truth value."""
    if isinstance(raw, bool):
        return raw
    raise RefusedError("true or false")


def group_size(key: str) -> int:
    """Return the number of accelerators that a key such as ``tp8`` names."""
    match = _GROUP.fullmatch(key)
    if match:
        return int(match[1])
    raise RefusedError("a tensor-parallel size, such as tp8")


def load_share(key: str) -> float:
    """Return the load point that a key such as ``50 %`` names [1]."""
    value: float = quantity(units.SHARE, above=True)(key)
    return value


_POSITIVE_BYTES = quantity(units.DATA, above=True)
_BYTES = quantity(units.DATA)
_BYTE_RATE = quantity(units.BYTE_RATE, above=True)
_POSITIVE_W = quantity(units.POWER, above=True)
_W = quantity(units.POWER)
_S = quantity(units.TIME)
_RATIO = number(1.0)
_K = quantity(units.TEMPERATURE_DIFFERENCE)
_OUTDOOR_C = QuantityReader(Quantity(units.TEMPERATURE, low=-90.0, high=60.0))
_COUNT = number(whole=True)
_TITLE = Field("title", "title", text, numeric=False)
_COOLING = choice(*COOLINGS)
_PRECISION = choice(*PRECISIONS)

_ACCELERATOR: Final = (
    _TITLE,
    Field("vendor", "vendor", text, numeric=False),
    Field("cooling", "cooling", choices(*COOLINGS), numeric=False),
    Field("memory", "memory_bytes", _POSITIVE_BYTES),
    Field("bandwidth", "bandwidth_bytes_per_s", _BYTE_RATE),
    Field("flops", "flops", quantity(COMPUTE_RATE, above=True), _PRECISION),
    Field("tdp", "tdp_w", _POSITIVE_W),
    Field("power.idle", "idle_w", _POSITIVE_W),
    Field("power.context", "context_w", _W),
    Field("power.prefill", "prefill_w", _POSITIVE_W),
    Field("power.decode_low", "decode_low_w", _POSITIVE_W),
    Field("power.decode_high", "decode_high_w", _POSITIVE_W),
    Field("link", "link_bytes_per_s", _BYTE_RATE),
    Field("memory_reserved", "reserved_bytes", _BYTES),
    Field("collective_buffers", "collective_bytes", _BYTES, group_size),
    Field("price", "price_usd", quantity(units.USD), required=False),
    Field(
        "price_covers",
        "price_covers",
        choice("accelerator", "system"),
        required=False,
        numeric=False,
    ),
    Field("rent", "rent_usd_per_h", quantity(units.USD_PER_H), required=False),
    Field("tco", "tco_usd_per_h", quantity(units.USD_PER_H), required=False),
    Field("efficiency.bandwidth", "efficiency.bandwidth", _RATIO),
    Field("efficiency.compute", "efficiency.compute", _RATIO, _PRECISION),
    Field("efficiency.prefill_attention", "efficiency.prefill_attention", _RATIO),
    Field("efficiency.kv_read", "efficiency.kv_read", _RATIO),
    Field("efficiency.layer_overhead", "efficiency.layer_overhead_s", _S),
    Field("efficiency.gemm_launch", "efficiency.gemm_launch_s", _S),
    Field("efficiency.allreduce_latency", "efficiency.allreduce_latency_s", _S, group_size),
    Field(
        "efficiency.allreduce_bandwidth",
        "efficiency.allreduce_bytes_per_s",
        _BYTE_RATE,
        group_size,
    ),
)

_MODEL: Final = (
    _TITLE,
    Field("hub", "hub_id", text, required=False, numeric=False),
    Field("native_precision", "native_precision", _PRECISION, required=False, numeric=False),
    Field("latent_kv", "latent_kv", truth, required=False, numeric=False),
    Field("shape.layers", "layers", _COUNT),
    Field("shape.hidden", "hidden", _COUNT),
    Field("shape.heads", "heads", _COUNT),
    Field("shape.kv_heads", "kv_heads", _COUNT),
    Field("shape.head_dim", "head_dim", _COUNT),
    Field("experts.count", "experts", _COUNT, required=False),
    Field("experts.top_k", "top_k", _COUNT, required=False),
    Field("weights.total", "params", billions),
    Field("weights.active", "active_params", billions, required=False),
    Field("kv_per_token", "kv_bytes_per_token", _POSITIVE_BYTES),
    Field(
        "window", "window_tokens", quantity(units.TOKENS, above=True, whole=True), required=False
    ),
    Field("window_share", "window_share", _RATIO, required=False),
)

_NODE: Final = (
    _TITLE,
    Field("cooling", "cooling", _COOLING, numeric=False),
    Field("accelerator", "accelerator", text, numeric=False),
    Field("count", "count", _COUNT),
    Field("fixed", "fixed_w", _W),
    Field("fans.nameplate", "fan_w", _W),
    Field("fans.idle_share", "fan_idle_share", _RATIO),
    Field("fans.peak_share", "fan_peak_share", _RATIO),
    Field("network", "network_w", _W),
    Field("psu.rated", "psu_rated_w", _POSITIVE_W),
    Field("psu.efficiency", "psu_efficiency", _RATIO, load_share),
)

_RACK: Final = (
    _TITLE,
    Field("cooling", "cooling", _COOLING, required=False, numeric=False),
    Field("node", "node", text, numeric=False),
    Field("nodes", "nodes", _COUNT),
    Field("limit", "limit_w", _POSITIVE_W),
    Field("base", "base_w", _W),
    Field("scale_up", "scale_up", choice("node", "rack"), required=False, numeric=False),
)

_REGION: Final = (
    _TITLE,
    Field("price", "usd_per_kwh", quantity(units.USD_PER_KWH)),
    Field("carbon", "gco2_per_kwh", quantity(units.CARBON)),
    Field("climate.mean", "climate.mean_c", _OUTDOOR_C, required=False),
    Field("climate.yearly", "climate.yearly_k", _K, required=False),
    Field("climate.daily", "climate.daily_k", _K, required=False),
    Field("climate.dew_point", "climate.dew_point_c", _OUTDOOR_C, required=False),
    Field("climate.southern", "climate.southern", truth, required=False, numeric=False),
    Field("renewable", "renewable_share", quantity(units.SHARE), required=False),
    Field("outage", "outage_s_per_year", quantity(units.TIME), required=False),
    Field("water_stress", "water_stress", choice(*STRESSES), required=False, numeric=False),
)

_USD = quantity(units.USD)
_USD_PER_W = quantity(units.USD_PER_W)
_LIFE = quantity(units.TIME, above=True)
_SHARE = quantity(units.SHARE)

_OWNER: Final = (
    _TITLE,
    Field("cost_of_capital", "cost_of_capital", _SHARE),
    Field("it.life", "it_life_s", _LIFE),
    Field("it.residual", "it_residual", _SHARE),
    Field("server", "server_share", _SHARE),
    Field("network", "network_share", _SHARE),
    Field("storage", "storage_usd", _USD),
    Field("rack", "rack_usd", _USD),
    Field("liquid_loop", "liquid_usd", _USD),
    Field("facility.life", "facility_life_s", _LIFE),
    Field("facility.power", "power_usd_per_w", _USD_PER_W),
    Field("facility.cooling", "cooling_usd_per_w", _USD_PER_W),
    Field("facility.building", "building_usd_per_w", _USD_PER_W),
    Field("facility.land", "land_usd_per_w", _USD_PER_W),
    Field("facility.liquid", "liquid_share", _SHARE),
    Field("facility.retrofit", "retrofit_usd_per_w", _USD_PER_W),
    Field("maintenance", "maintenance_usd_per_w_month", quantity(units.USD_PER_W_MONTH)),
    Field("people", "people_usd_per_w_month", quantity(units.USD_PER_W_MONTH)),
    Field("colocation", "colocation_usd_per_w_month", quantity(units.USD_PER_W_MONTH)),
    Field("water", "water_usd_per_l", number(1.0)),
)

FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {
    "accelerators": _ACCELERATOR,
    "models": _MODEL,
    "nodes": _NODE,
    "racks": _RACK,
    "regions": _REGION,
    "owners": _OWNER,
}
SECTIONS: Final = tuple(FIELDS)
