"""YAML scalars as the 1.2 core schema reads them, without the words that YAML versions dispute."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,63})")
_FLOAT = re.compile(
    r"(?:[-+]?(?:0|[1-9][0-9]{0,63})\.[0-9]{0,64}|\.[0-9]{1,64})(?:[eE][-+][0-9]{1,3})?"
)
_NUMBER: Final = "a plain number, such as 100000 or 0.00001, or text in quotes"
# Plain words that one YAML reader takes for something else than another, and what to write instead.
_TRAPS: Final[Mapping[str, str]] = {
    "yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF": "true, false, or this word in quotes",
    r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?": (
        "a time with its unit, such as '12.5 h', or text in quotes"
    ),
    r"[-+]?0[0-9][0-9_]*": "a number without leading zeros, or text in quotes",
    r"[-+]?0[xob][0-9a-fA-F_]+": "a decimal number, or text in quotes",
    r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?": _NUMBER,
    r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)": "a finite number",
    "<<|=": "a key of its own; merge keys are not read, but *aliases are",
}
_TRAP_PATTERNS: Final = tuple((re.compile(trap), advice) for trap, advice in _TRAPS.items())


class ScalarTrapError(ValueError):
    """YAML readers differ on what the scalar means; the text says what to write instead."""


def read_scalar(text: str) -> Scalar:
    """Return what an unquoted scalar stands for.

    Args:
        text: the scalar as it stands in the file.

    Raises:
        ScalarTrapError: YAML 1.1 and 1.2 readers differ on it, or it is not finite.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                raise ScalarTrapError("a finite number")
            return number
    elif text[0] not in "yYnNoO<=":
        return text
    for pattern, expected in _TRAP_PATTERNS:
        if pattern.fullmatch(text):
            raise ScalarTrapError(expected)
    return text


def is_plain_text(text: str) -> bool:
    """Return whether every YAML reader takes the unquoted text for text."""
    try:
        return isinstance(read_scalar(text), str)
    except ScalarTrapError:
        return False
