"""A Sankey diagram: bands as thick as the flows, between nodes in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sim.report.charts.svg import GRID_X, percent
from sim.report.html.markup import Markup, join, tag

LABEL_PX = 34  # height that the two lines of a label take
ROOM_PX = 22  # above the first node, for its label
NODE_SHARE = 0.012  # width of a node, of the picture
LEAST_PX = 1.5  # a flow is never thinner


@dataclass(frozen=True, slots=True)
class Node:
    """A place where flows meet.

    Attributes:
        name: as shown.
        column: 0 at the left.
        slot: colour of the palette.
    """

    name: str
    column: int
    slot: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes from one node to another, by their names."""

    start: str
    end: str
    value: float


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is placed: its top and height [px], and what goes through it."""

    node: Node
    top: float
    height: float
    value: float

    @property
    def middle(self) -> float:
        """Return the height of its middle [px]."""
        return self.top + self.height / 2


def place_nodes(nodes: Sequence[Node], flows: Sequence[Flow], px_per_unit: float) -> dict[str, Box]:
    """Return the boxes of the nodes that something flows through, from top to bottom by column.

    Args:
        nodes: in the order in which they are stacked.
        flows: between them.
        px_per_unit: thickness of a flow of 1 [px].
    """
    boxes: dict[str, Box] = {}
    bottoms: dict[int, float] = {}
    last = max((node.column for node in nodes), default=0)
    for node in sorted(nodes, key=lambda node: -node.column):  # stable: keeps the order inside
        coming = sum(flow.value for flow in flows if flow.end == node.name)
        going = sum(flow.value for flow in flows if flow.start == node.name)
        value = max(coming, going)
        if value <= 0:
            continue
        height = max(value * px_per_unit, LEAST_PX)
        fed = [boxes[flow.end].top for flow in flows if flow.start == node.name and flow.value > 0]
        # never above what it feeds, so that bands do not cross
        top = max(bottoms.get(node.column, float(ROOM_PX)), min(fed, default=0.0))
        boxes[node.name] = Box(node, top, height, value)
        room = max(height, LABEL_PX - 6) + 8 if node.column == last else height + ROOM_PX
        bottoms[node.column] = top + room
    return boxes


def sankey(
    nodes: Sequence[Node],
    flows: Sequence[Flow],
    write: Callable[[float], str],
    label: str,
    height: float = 240.0,
) -> Markup:
    """Return the diagram; the names of the last column stand beside it, the others at their nodes.

    Args:
        nodes: in the order in which they are stacked.
        flows: between them; flows of 0 are left out.
        write: writes a value with its unit.
        label: says in words what the picture shows.
        height: thickness of everything that enters [px].
    """
    flows = [flow for flow in flows if flow.value > 0]
    first = {node.name for node in nodes if node.column == 0}
    total = sum(flow.value for flow in flows if flow.start in first)
    if total <= 0:
        return Markup()
    boxes = place_nodes(nodes, flows, height / total)
    last = max(box.node.column for box in boxes.values())
    bottom = max(box.top + max(box.height + 16, LABEL_PX) for box in boxes.values()) + 4
    across = {c: min(_across(c, last), 1 - NODE_SHARE) for c in range(last + 1)}
    drawing = tag(
        "svg",
        _bands(boxes, flows, across, height / total),
        _bars(boxes, across),
        viewBox=f"0 0 {GRID_X} {bottom:.0f}",
        preserveAspectRatio="none",
        width="100%",
        height=f"{bottom:.0f}",
    )
    ends = [box for box in boxes.values() if box.node.column == last]
    inner = [box for box in boxes.values() if box.node.column < last]
    picture = tag(
        "svg",
        drawing,
        join(_label_at(box, across, write) for box in inner),
        class_="sankey",
        width="100%",
        height=f"{bottom:.0f}",
        role="img",
        aria_label=label,
    )
    beside = join(_label_beside(box, write, total) for box in ends)
    side = tag("svg", beside, class_="ends", height=f"{bottom:.0f}")
    return tag("div", picture, side, class_="frame flow")


def _across(column: int, last: int) -> float:
    """Return the place of a column; the second stands near the first, which only adds up."""
    return 0.0 if column == 0 else 0.2 + 0.8 * (column - 1) / max(last - 1, 1)


def _bands(
    boxes: Mapping[str, Box],
    flows: Sequence[Flow],
    across: Mapping[int, float],
    px_per_unit: float,
) -> Markup:
    """Return a path per flow; at each node flows leave and arrive in the order of the flows."""
    left_at = {name: box.top for name, box in boxes.items()}
    right_at = dict(left_at)
    bands = []
    for flow in flows:
        start, end = boxes[flow.start], boxes[flow.end]
        thick = max(flow.value * px_per_unit, LEAST_PX)
        y0, y1 = left_at[flow.start], right_at[flow.end]
        left_at[flow.start] += thick
        right_at[flow.end] += thick
        x0 = round(GRID_X * (across[start.node.column] + NODE_SHARE))
        x1 = round(GRID_X * across[end.node.column])
        bend = round((x0 + x1) / 2)
        slot = end.node.slot if end.node.column > 1 else start.node.slot
        data = (
            f"M{x0} {y0:.1f}C{bend} {y0:.1f} {bend} {y1:.1f} {x1} {y1:.1f}"
            f"V{y1 + thick:.1f}C{bend} {y1 + thick:.1f} {bend} {y0 + thick:.1f} {x0} "
            f"{y0 + thick:.1f}z"
        )
        bands.append(tag("path", class_=f"band s{slot}", d=data))
    return join(bands)


def _bars(boxes: Mapping[str, Box], across: Mapping[int, float]) -> Markup:
    return join(
        tag(
            "rect",
            class_=f"bar s{box.node.slot}",
            x=round(GRID_X * across[box.node.column]),
            y=f"{box.top:.1f}",
            width=round(GRID_X * NODE_SHARE),
            height=f"{box.height:.1f}",
        )
        for box in boxes.values()
    )


def _label_at(box: Box, across: Mapping[int, float], write: Callable[[float], str]) -> Markup:
    """Return the label above a node of the first column, below one of the others."""
    first = box.node.column == 0
    return tag(
        "text",
        f"{box.node.name} {write(box.value)}",
        class_="halo",
        x=percent(across[box.node.column]),
        y=f"{box.top - 7 if first else box.top + box.height + 14:.1f}",
        text_anchor="start" if box.node.column <= 1 else "middle",
    )


def _label_beside(box: Box, write: Callable[[float], str], total: float) -> Markup:
    middle = box.top + max(box.height, LABEL_PX - 8) / 2
    return join(
        (
            tag("text", box.node.name, class_="name", x=8, y=f"{middle - 2:.1f}"),
            tag(
                "text",
                f"{write(box.value)} · {_part(box.value / total)}",
                x=8,
                y=f"{middle + 12:.1f}",
            ),
        )
    )


def _part(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"
