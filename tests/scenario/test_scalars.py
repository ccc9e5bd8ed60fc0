"""YAML scalars: the core schema of YAML 1.2, and the words on which readers differ."""

from __future__ import annotations

import itertools

import pytest
import yaml

from sim.document.scalars import ScalarTrapError, is_plain_text, read_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+5", 5),
        ("1.5", 1.5),
        ("1.0e+5", 1e5),
        (".5", 0.5),
        ("-0.25", -0.25),
        ("30 kW", "30 kW"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("llama-3.1-8b", "llama-3.1-8b"),
        ("north", "north"),
        ("y", "y"),
        ("-", "-"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    assert read_scalar(text) == value
    assert type(read_scalar(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("NO", "true, false, or this word in quotes"),
        ("on", "true, false, or this word in quotes"),
        ("Yes", "true, false, or this word in quotes"),
        ("1e5", "a plain number"),
        ("5e-3", "a plain number"),
        ("1.5e3", "a plain number"),
        ("1_000", "a plain number"),
        ("12:30:00", "a time with its unit"),
        ("1:30", "a time with its unit"),
        ("010", "a number without leading zeros"),
        ("08", "a number without leading zeros"),
        ("0x1F", "a decimal number"),
        ("0o17", "a decimal number"),
        (".inf", "a finite number"),
        ("-.INF", "a finite number"),
        (".nan", "a finite number"),
        ("1.0e+999", "a finite number"),
        ("<<", "merge keys are not read"),
    ],
)
def test_traps(text: str, advice: str) -> None:
    with pytest.raises(ScalarTrapError, match=advice):
        read_scalar(text)


YAML_1_1 = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:timestamp": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
}


def test_whatever_is_read_means_the_same_to_a_yaml_1_1_reader() -> None:
    resolver = yaml.SafeLoader("")
    numberlike = ("".join(x) for n in range(6) for x in itertools.product("01+-.:e", repeat=n))
    for text in (*numberlike, "0x1", "0o1", "0b1", "1_0", "null", "Yes", "off", "TRUE", "=", "<<"):
        try:
            value = read_scalar(text)
        except ScalarTrapError:
            continue
        tag = resolver.resolve(yaml.ScalarNode, text, (True, False))
        assert type(value) is YAML_1_1.get(tag), (text, value, tag)


def test_plain_text_is_what_needs_no_quotes() -> None:
    assert is_plain_text("premium")
    assert not is_plain_text("NO")
    assert not is_plain_text("12")
    assert not is_plain_text("")
