"""From a study's axes to its points, and from a point to its key."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.experiment.execution.point import Fingerprints, override_texts, point_key, yaml_text
from sim.experiment.study.design import AxisRange, expand, latin_hypercube, shifted_sobol
from sim.experiment.study.study import load_study
from sim.rng import Streams
from sim.scenario.overrides import parse_overrides
from sim.scenario.schema.study import Study


def changes(sweep, **keys):
    study = Study.model_validate({"name": "s", "base": "b.yaml", "sweep": sweep, **keys})
    return [dict(variant.changes) for variant in expand(study)]


def test_no_sweep_is_one_point_with_what_is_set():
    assert changes({}, set={"a.b": 1}) == [{"a.b": 1}]


def test_grid_is_every_combination_and_zip_goes_in_step():
    assert changes({"grid": {"a": [1, 2], "b": ["x", "y"]}}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    assert changes({"zip": {"a": [1, 2], "b": ["x", "y"]}}) == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_kinds_of_axes_multiply_and_a_label_is_no_change():
    study = Study.model_validate(
        {
            "name": "s",
            "base": "b.yaml",
            "sweep": {"grid": {"a": [1, 2]}, "list": [{"label": "one", "b": 1}, {"b": 2}]},
        }
    )
    variants = expand(study)
    assert [variant.label for variant in variants] == ["one", "", "one", ""]
    assert dict(variants[3].changes) == {"a": 2, "b": 2}


def test_latin_hypercube_has_one_point_per_slice_of_every_axis():
    unit = latin_hypercube(50, 4, Streams(3))
    assert (np.sort((unit * 50).astype(int), axis=0) == np.arange(50)[:, None]).all()
    assert (unit == latin_hypercube(50, 4, Streams(3))).all()


def test_sobol_points_are_balanced():
    unit = shifted_sobol(64, 3, Streams(3))
    assert ((unit >= 0) & (unit < 1)).all()
    assert (np.bincount((unit[:, 1] * 8).astype(int)) == 8).all()


def test_sampled_axes_keep_unit_whole_numbers_choices_and_scale():
    axes = {
        "rate": {"from": "5 req/s", "to": "50 req/s", "scale": "log"},
        "count": {"from": 2, "to": 4},
        "chip": {"choices": ["a", "b"]},
    }
    points = changes({"lhs": {"samples": 300, "axes": axes}})
    rates = [float(point["rate"].removesuffix(" req/s")) for point in points]
    assert 5 <= min(rates) < max(rates) <= 50
    assert np.median(rates) == pytest.approx(math.sqrt(250), rel=0.02)
    assert np.bincount([point["count"] for point in points]).tolist() == [0, 0, 100, 100, 100]
    assert {point["chip"] for point in points} == {"a", "b"}


@given(u=st.floats(0, 1, exclude_max=True))
def test_a_value_never_leaves_its_range(u):
    assert 1.0 <= AxisRange(1.0, 3.0).at(u) <= 3.0
    assert AxisRange(1.0, 3.0, whole=True).at(u) in (1, 2, 3)


@pytest.mark.parametrize(
    ("low", "high"), [("5 req/s", "50 ms"), (3, 1), ("fast", "slow"), ("5 req/s", 50), (True, 2)]
)
def test_ends_without_order_or_with_different_units_are_refused(low, high):
    with pytest.raises(ScenarioError, match="two numbers in order with the same unit"):
        changes({"lhs": {"samples": 4, "axes": {"a": {"from": low, "to": high}}}})


def test_a_log_scale_needs_positive_ends():
    with pytest.raises(ScenarioError, match="ends above 0 for a log scale"):
        changes({"lhs": {"samples": 4, "axes": {"a": {"from": 0, "to": 2, "scale": "log"}}}})


def test_too_many_points_are_refused():
    grid = {f"a{n}": list(range(101)) for n in range(3)}
    with pytest.raises(ScenarioError, match="1030301 points, expected at most 1000000"):
        changes({"grid": grid})


numbers = st.integers(-(10**30), 10**30) | st.floats(-1e30, 1e30).filter(
    lambda number: number == 0 or abs(number) > 1e-30
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(value=values)
def test_an_override_reads_back_as_the_value_that_the_study_has(value):
    (text,) = override_texts({"a.b": value})
    (override,) = parse_overrides([text])
    assert override.value == value


def test_yaml_text_has_no_exponent():
    assert yaml_text(1e-7) == "0.0000001"
    assert yaml_text(1e22) == "10000000000000000000000.0"


def test_keys_depend_on_everything_that_decides_a_result():
    keys = {
        point_key("base", {"a": 1}, 0, "1.0"),
        point_key("other", {"a": 1}, 0, "1.0"),
        point_key("base", {"a": 2}, 0, "1.0"),
        point_key("base", {"a": 1}, 1, "1.0"),
        point_key("base", {"a": 1}, 0, "1.1"),
    }
    assert len(keys) == 5
    assert point_key("base", {"a": 1, "b": 2}, 0, "1.0") == point_key(
        "base", {"b": 2, "a": 1}, 0, "1.0"
    )


def test_fingerprint_follows_files_through_files(tmp_path):
    (tmp_path / "base.yaml").write_text("topology: ./topology.yaml\n")
    (tmp_path / "topology.yaml").write_text("prices: ./prices.csv\n")
    (tmp_path / "prices.csv").write_text("1\n")
    before = Fingerprints(tmp_path / "base.yaml").of({"a": 1})
    assert Fingerprints(tmp_path / "base.yaml").of({"a": 1}) == before
    (tmp_path / "prices.csv").write_text("2\n")
    assert Fingerprints(tmp_path / "base.yaml").of({"a": 1}) != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "sweep: {grid: {a.b: []}}",
            "study.yaml:3:21: sweep.grid.a.b: got an empty list, expected at least 1 entry",
        ),
        (
            "sweep: {zip: {a: [1], b: [1, 2]}}",
            "sweep.zip: got 1 and 2 values, expected lists of equal length",
        ),
        (
            "sweep: {grid: {a: [1]}, list: [{a: 1}]}",
            "got a twice, expected each path in one kind of axis only",
        ),
        (
            "sweep: {list: [{label: x}]}",
            r"sweep.list\[0\]: got a mapping, expected at least one path with its value",
        ),
        (
            "sweep: {sobol: {samples: 48, axes: {a: {from: 1, to: 2}}}}",
            "expected a power of two, such as 32 or 64",
        ),
        (
            "sweep: {lhs: {samples: 4, axes: {a: {from: 1}}}}",
            "expected either from and to, or choices",
        ),
        ("replications: 0", "replications: got 0, expected a number above 0"),
        ("replications: {least: 9, most: 3}", "expected at least 9, the number under least"),
        (
            "replications: {half_width: 5 %}",
            "replications.half_width: got '5 %', expected metrics whose half-width",
        ),
        ("sweeep: {}", "unknown key 'sweeep', expected one of .*did you mean 'sweep'"),
        ("set: {a b: 1}", "set.a b: got 'a b', expected"),
        ("base: ./nowhere.yaml", "base: got './nowhere.yaml', expected a scenario file"),
        ("base: quikstart", "did you mean 'quickstart'"),
    ],
)
def test_bad_studies_are_told_with_their_line(study_file, text, message):
    base = "" if text.startswith("base") else "base: ./base.yaml"
    path = study_file(f"name: bad\n{base}\n{text}\n")
    with pytest.raises(ScenarioError, match=message):
        load_study(path)


def test_extends_takes_what_is_not_given_and_keeps_its_folder(study_file, tmp_path):
    study_file("name: parent\nbase: ./base.yaml\nreplications: 7\nseed: 3\n", "parent.yaml")
    (tmp_path / "sub").mkdir()
    child = tmp_path / "sub" / "child.yaml"
    child.write_text("name: child\nextends: ../parent.yaml\nseed: 4\n")
    loaded = load_study(child)
    assert (loaded.study.name, loaded.study.seed, loaded.study.replications.most) == ("child", 4, 7)
    assert loaded.base == (tmp_path / "base.yaml").resolve()


def test_studies_that_extend_each_other_are_refused(study_file):
    study_file("name: one\nextends: ./two.yaml\n", "one.yaml")
    path = study_file("name: two\nextends: ./one.yaml\n", "two.yaml")
    with pytest.raises(ScenarioError, match="a study that does not extend this one in turn"):
        load_study(path)
