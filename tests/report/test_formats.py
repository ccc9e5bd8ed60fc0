import math

import pytest

from sim.report import formats


def plain(shown):
    return shown.replace(formats.GAP, " ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1.0, "1"),
        (0.0012345, "0.00123"),
        (12.345, "12.3"),
        (999.6, "1,000"),
        (20000, "20,000"),
        (-5.25, "−5.25"),
        (1.5e-12, "1.50e-12"),
        (math.nan, "–"),
        (math.inf, "–"),
        (None, "–"),
    ],
)
def test_number_has_three_significant_digits(value, shown):
    assert formats.number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (3.2e-6, "3.2 µs"),
        (0.0164, "16.4 ms"),
        (0.99996, "1 s"),
        (1.08, "1.08 s"),
        (125.0, "125 s"),
        (None, "–"),
    ],
)
def test_duration_picks_its_unit(seconds, shown):
    assert plain(formats.duration(seconds)) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.5, "500 ms"),
        (90, "90 s"),
        (600, "10 min"),
        (7200, "2 h"),
        (86400 * 365, "365 d"),
        (None, "–"),
    ],
)
def test_span_is_said_as_people_say_it(seconds, shown):
    assert plain(formats.span(seconds)) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (1.0, "100 %"),
        (0.99996, "99.996 %"),
        (0.5, "50 %"),
        (0.0, "0 %"),
        (1.802, "180.2 %"),
        (math.nan, "–"),
    ],
)
def test_share_is_never_rounded_up_to_all(share, shown):
    assert plain(formats.share(share)) == shown


def test_power_and_energy_pick_their_unit():
    assert plain(formats.power(1_250_000)) == "1.25 MW"
    assert plain(formats.power_kw(0.4)) == "400 W"
    assert plain(formats.power(math.inf)) == "–"
    assert plain(formats.energy(0.25)) == "250 Wh"
    assert plain(formats.energy(1812)) == "1.81 MWh"


def test_mass_picks_its_unit():
    assert plain(formats.mass(55.6)) == "55.6 g"
    assert plain(formats.mass(81_866)) == "81.9 kg"
    assert plain(formats.mass(2.5e6)) == "2.5 t"


def test_nouns_know_their_plural():
    assert formats.plural(1, "site") == "1 site"
    assert formats.plural(1200, "site") == "1,200 sites"
    assert formats.plural(0, "link") == "0 links"


def test_points_know_their_singular():
    assert plain(formats.points(-0.018)) == "1.8 points"
    assert plain(formats.points(0.01)) == "1 point"


def test_a_line_never_ends_between_number_and_unit():
    assert " " not in formats.duration(0.5) + formats.share(0.5) + formats.power(5e3)
