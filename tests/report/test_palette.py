import re
from importlib import resources
from itertools import pairwise

import pytest

from sim.report.charts import palette

CSS = (resources.files("sim") / "_data" / "report" / "report.css").read_text(encoding="utf-8")
PAPER_LIGHT, PAPER_DARK = re.findall(r"--paper: (#\w{6})", CSS)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("colours", "paper"),
    [(palette.SERIES_LIGHT, PAPER_LIGHT), (palette.SERIES_DARK, PAPER_DARK)],
)
def test_every_line_stands_out_from_the_paper(colours, paper):
    assert min(contrast(colour, paper) for colour in colours) >= 3.0


@pytest.mark.parametrize(
    ("colours", "paper"),
    [(palette.text_colours(), PAPER_LIGHT), (palette.SERIES_DARK, PAPER_DARK)],
)
def test_text_in_the_colour_of_a_line_can_be_read(colours, paper):
    assert min(contrast(colour, paper) for colour in colours) >= 4.5


@pytest.mark.parametrize("ramp", [palette.HEAT_LIGHT, palette.HEAT_DARK])
def test_heat_steps_differ_in_lightness_in_one_direction(ramp):
    steps = [luminance(colour) for colour in ramp]
    assert steps in (sorted(steps), sorted(steps, reverse=True))
    assert min(contrast(a, b) for a, b in pairwise(ramp)) > 1.08


def test_both_modes_define_the_same_variables():
    light, dark = (re.findall(r"(--\w+):", palette.css_variables(d)) for d in (False, True))
    assert light == dark
    assert len(light) == 2 * palette.SLOTS + len(palette.HEAT_LIGHT) + 1


def test_every_variable_of_the_style_sheet_is_defined():
    used = set(re.findall(r"var\((--\w+)\)", CSS + palette.css_classes()))
    defined = set(re.findall(r"(--\w+):", CSS + palette.css_variables(dark=False)))
    assert used <= defined
