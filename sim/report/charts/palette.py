"""One set of colours for the page and for the static plots.

The hues are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any
common form of colour blindness tell apart. The light ones are darkened and the dark ones
lightened until a line has a contrast of 3:1 or more against its background.
"""

from __future__ import annotations

# blue, vermillion, green, purple, orange, sky, grey, olive
SERIES_LIGHT = (
    "#0072b2",
    "#d55e00",
    "#008a65",
    "#b04e8a",
    "#a87000",
    "#2f8fc4",
    "#5f6670",
    "#7d7a00",
)
SERIES_DARK = (
    "#56b4e9",
    "#f58a42",
    "#2cc797",
    "#e193c1",
    "#f0b73c",
    "#8fd0f5",
    "#a5adb8",
    "#d8d24a",
)
SLOTS = len(SERIES_LIGHT)
TEXT_SHADE = 0.8  # of the light colours in small text, which needs a contrast of 4.5:1

# Ten steps from idle to full, and one for what lies above the limit.
HEAT_LIGHT = (
    "#eef3f7",
    "#dbe7f1",
    "#c5d9ea",
    "#aac9e2",
    "#8bb6d8",
    "#689fcb",
    "#4787bb",
    "#2b6da6",
    "#17538b",
    "#0b3a69",
)
HEAT_DARK = (
    "#1c242d",
    "#203040",
    "#243e56",
    "#294e6e",
    "#2f6088",
    "#3874a2",
    "#4a8abb",
    "#67a3d0",
    "#8fbfe2",
    "#c3def2",
)
OVER_LIGHT, OVER_DARK = "#d55e00", "#f58a42"


def text_colours() -> tuple[str, ...]:
    """Return the light colours of series, dark enough for small text."""
    return tuple(
        "#" + "".join(f"{round(TEXT_SHADE * channel):02x}" for channel in bytes.fromhex(colour[1:]))
        for colour in SERIES_LIGHT
    )


def css_variables(dark: bool) -> str:
    """Return the colours as CSS custom properties.

    ``--s0 ..`` are series, ``--t0 ..`` text in the colour of a series, ``--q0 ..`` and ``--over``
    the steps of heat maps.
    """
    series, heat = (SERIES_DARK, HEAT_DARK) if dark else (SERIES_LIGHT, HEAT_LIGHT)
    texts = series if dark else text_colours()
    pairs = [(f"--s{slot}", colour) for slot, colour in enumerate(series)]
    pairs += [(f"--t{slot}", colour) for slot, colour in enumerate(texts)]
    pairs += [(f"--q{step}", colour) for step, colour in enumerate(heat)]
    pairs.append(("--over", OVER_DARK if dark else OVER_LIGHT))
    return "".join(f"{name}:{colour};" for name, colour in pairs)


def css_classes() -> str:
    """Return the classes that put a colour on a mark: lines, areas, fills and heat cells."""
    rules = [
        f".line.s{slot},.swatch.s{slot}{{stroke:var(--s{slot})}}"
        f".area.s{slot},.layer.s{slot},.band.s{slot},.bar.s{slot},.mark.s{slot},.marker.s{slot}"
        f"{{fill:var(--s{slot})}}"
        f".dot.s{slot}{{background:var(--s{slot})}}"
        f"svg text.flag.s{slot}{{fill:var(--t{slot})}}"
        for slot in range(SLOTS)
    ]
    steps = [*(f"q{step}" for step in range(len(HEAT_LIGHT))), "over"]
    rules += [f".cell.{s}{{stroke:var(--{s})}}.fill.{s}{{fill:var(--{s})}}" for s in steps]
    return "\n".join(rules)
