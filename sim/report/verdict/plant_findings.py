"""What went wrong in the plant: racks without power or too hot, load targets, power limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.report.charts.view import as_float, at
from sim.report.formats import count, moment, plural, power, share, span
from sim.report.verdict.finding import Finding, Rank
from sim.report.verdict.readings import PlacesAbove, places_above

Event = Mapping[str, Any]

FAULTS = {
    "chiller": "chiller failure",
    "fans": "fan failure",
    "cdu-pump": "CDU pump failure",
    "facility-water": "loss of facility water",
    "dry-cooler": "dry cooler failure",
    "utility": "loss of the utility",
    "pdu": "PDU failure",
    "ups": "UPS failure",
    "switchboard": "switchboard failure",
}
POWER_LOST = {
    "blackout": "{places} had less power than needed",
    "breaker": "{places} lost power to a tripped breaker",
    "overload": "{places} was overloaded",
    "feed": "{places} lost its feed",
}
COOLING = (
    "Try a redundant pump or chiller, or a shorter repair (--set on facility.faults and "
    "facility.cooling), and see what the other sites can take (loadbank headroom)."
)
POWER = "Lower the load of the row, cap it (facility.control), or raise the redundancy of the feed."


def plant_findings(summary: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what went wrong in the plant."""
    events: Sequence[Event] = at(summary, "incidents", "events") or ()
    yield from _power_lost(events)
    yield from _hot(summary, events)
    yield from _harmless(events)
    yield from _load_targets(summary)
    over = places_above(summary)
    if over:
        said = ", ".join(map(_above, over[:2]))
        yield Finding(Rank.ABOVE_LIMIT, f"power above the limit: {said}", POWER)


def _of(events: Sequence[Event], cause: str) -> list[Event]:
    return [event for event in events if event["cause"] == cause]


def _power_lost(events: Sequence[Event]) -> Iterator[Finding]:
    for cause, words in POWER_LOST.items():
        mine = _of(events, cause)
        if not mine:
            continue
        places = list(dict.fromkeys(str(event["place"]) for event in mine))
        named = places[0] if len(places) == 1 else f"{count(len(places))} places"
        said = words.format(places=named)
        said = said.replace(" was ", " were ") if len(places) > 1 else said
        said += f" {_when(mine[0])}{_by(mine[0], events)}"
        yield Finding(Rank.POWER_LOST, said, POWER)


def _hot(summary: Mapping[str, Any], events: Sequence[Event]) -> Iterator[Finding]:
    total = as_float(at(summary, "plant", "racks"))
    for cause, verb, rank in (
        ("heat", "switched off by heat", Rank.RACKS_OFF),
        ("throttle", "slowed by heat", Rank.SLOWED),
    ):
        mine = _of(events, cause)
        racks = len({event["place"] for event in mine})
        if racks:
            of = f"{count(racks)} of {count(total)} racks" if total else plural(racks, "rack")
            said = f"{of} {verb} {_when(mine[0])}{_by(mine[0], events)}"
            yield Finding(rank, said, COOLING)


def _harmless(events: Sequence[Event]) -> Iterator[Finding]:
    """Yield a fault that neither switched a rack off nor slowed it."""
    if any(event["cause"] not in FAULTS for event in events):
        return
    for event in events[:1]:
        said = f"{FAULTS[event['cause']]} at {event['place']} {_when(event)} slowed no rack"
        yield Finding(Rank.FAULT, said)


def _when(event: Event) -> str:
    return f"at {moment(event['time_s'])}"


def _by(event: Event, events: Sequence[Event]) -> str:
    """Return the fault that was there before an event, at the same place or above it."""
    before = [
        fault
        for fault in events
        if fault["cause"] in FAULTS
        and fault["time_s"] <= event["time_s"]
        and f"{event['place']}/".startswith(f"{fault['place']}/")
    ]
    if not before:
        return ""
    return f" ({FAULTS[before[-1]['cause']]} at {moment(before[-1]['time_s'])})"


def _load_targets(summary: Mapping[str, Any]) -> Iterator[Finding]:
    end_s = as_float(at(summary, "window", "end_s"))
    for name, order in (at(summary, "curtailment") or {}).items():
        start_s, end = as_float(order.get("start_s")), as_float(order.get("end_s"))
        limit = power(as_float(order.get("limit_w")))
        label = f"load target {name} ({limit} at {order.get('site')})"
        if start_s is not None and end_s is not None and start_s >= end_s:
            said = f"{label} never began: it starts at {moment(start_s)}, the run ended before"
            yield Finding(Rank.TARGET_NOT_BEGUN, said, "Make run.duration longer, or move it.")
            continue
        breach_s = as_float(order.get("breach_s")) or 0.0
        if as_float(order.get("comply_s")) is None:
            said = f"{label} was never met"
        elif breach_s > 0.0:
            worst = power(as_float(order.get("worst_w")))
            of = f" of {span(end - start_s)}" if end is not None and start_s is not None else ""
            said = f"{label} was exceeded for {span(breach_s)}{of}, by up to {worst}"
        else:
            continue
        hint = "A lower cap, more capping steps or a battery would hold it; see the load targets."
        yield Finding(Rank.TARGET_UNMET, said, hint)


def _above(places: PlacesAbove) -> str:
    worst = f"{places.worst[0]['name']} drew up to {share(places.fullness)} of it"
    return f"{places.named}, of which {worst}" if places.count > 1 else f"{places.level} {worst}"
