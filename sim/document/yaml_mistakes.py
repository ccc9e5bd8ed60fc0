"""What is wrong with text that is not YAML, in our own words.

A YAML library says it in its own, which change with its version; only the places that it marks are
used here. What is told follows from the text at those places.
"""

from __future__ import annotations

import yaml

from sim.errors import Problem

_BRACKETS = {"[": "]", "{": "}"}
_SHOWN = 30


def mistake(error: yaml.YAMLError, text: str, name: str, most_levels: int) -> Problem:
    """Return the problem behind an error of the library.

    Args:
        error: what the library raised.
        text: what it was reading.
        name: file name for messages.
        most_levels: how deep brackets may be nested.
    """
    if isinstance(error, yaml.reader.ReaderError):
        return _unreadable(error, text, name)
    problem = _place(getattr(error, "problem_mark", None), text)
    context = _place(getattr(error, "context_mark", None), text)
    at = problem if problem is not None else context if context is not None else len(text)
    opened = _open_brackets(text, at)
    if len(opened) > most_levels:
        levels = f"at most {most_levels} levels"
        return _problem(text, name, opened[most_levels], "deeper nesting", levels)
    if opened and not text[at:].strip():
        return _problem(text, name, opened[-1], *_unclosed(text[opened[-1]]))
    return _problem(text, name, *_told(text, at, context))


def _unclosed(opening: str) -> tuple[str, str]:
    return f"an opening {opening}", f"a closing {_BRACKETS[opening]} behind it"


Told = tuple[int, str, str]
"""Where something is wrong, what is there, and what is expected."""


def _told(text: str, at: int, context: int | None) -> Told:
    """Return what is wrong at one index with something that began at another."""
    opening = text[context] if context is not None and context < len(text) else ""
    start = context if context is not None else at
    return (
        _in_quotes(text, at, start, opening)
        or _in_brackets(text, at, opening)
        or _character(text, at, start, opening)
        or _in_block(text, at, opening)
        or (at, _excerpt(text, at), "YAML, such as 'key: value'")
    )


def _in_quotes(text: str, at: int, start: int, opening: str) -> Told | None:
    if opening not in {"'", '"'}:
        return None
    if text[at : at + 1] == "\\":
        known = "an escape that YAML knows, such as \\n, or single quotes"
        return at, f"a backslash before {text[at + 1 : at + 2]!r}", known
    return start, f"an opening {opening}", f"a closing {opening} behind it"


def _in_brackets(text: str, at: int, opening: str) -> Told | None:
    closing = _BRACKETS.get(opening)
    return (at, _excerpt(text, at), f"',' or '{closing}'") if closing else None


def _character(text: str, at: int, start: int, opening: str) -> Told | None:
    """Return what a character is that can begin nothing here."""
    for characters, got, expected in _CHARACTERS:
        for place, char in ((at, text[at : at + 1]), (start, opening)):
            if char and char in characters:
                return place, got.format(char), expected.format(char)
    return None


def _in_block(text: str, at: int, opening: str) -> Told | None:
    here, before = text[at : at + 1], text[:at].rstrip(" ")
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if here == ":":
        if ": " in line or before.endswith(("'", '"')):
            return at, "a second ': ' in one line", "quotes around text that holds ': '"
        return at, "a key in another column than those around it", "keys of a mapping in one column"
    if here == "-":
        if before.endswith(":"):
            return at, "a list item behind a key", "each '- ' on a line of its own, below the key"
        return at, "a list item among keys", "either keys or list items in one place"
    if opening == "-":
        return at, _excerpt(text, at), "'- ' as before the other items of this list"
    if before.endswith(("'", '"', "]", "}")):
        return at, _excerpt(text, at), "nothing behind a closed value, or quotes around all of it"
    return None


_CHARACTERS = (
    ("\t", "a tab", "spaces to indent lines"),
    ("@`%", "a value that begins with {0}", "quotes around it"),
    ("]}", "a closing {0} without an opening one", "pairs of brackets"),
    ("*&", "{0} without a name", "a name such as {0}base behind it"),
)


def _excerpt(text: str, at: int) -> str:
    """Return the rest of a line as a message shows it."""
    rest = text[at:].split("\n", 1)[0].rstrip()
    if not rest:
        return "the end of the file" if not text[at:].strip() else "the end of the line"
    return repr(rest if len(rest) <= _SHOWN else rest[: _SHOWN - 3] + "...")


def _open_brackets(text: str, end: int) -> list[int]:
    """Return where the brackets that are open at an index began, without quotes and comments."""
    opened: list[int] = []
    quote, comment = "", False
    for index, char in enumerate(text[:end]):
        if comment:
            comment = char != "\n"
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and text[index - 1 : index] in {"", " ", "\n", ",", ":", *_BRACKETS}:
            quote = char
        elif char == "#" and text[index - 1 : index] in {"", " ", "\n"}:
            comment = True
        elif char in _BRACKETS:
            opened.append(index)
        elif char in "]}" and opened:
            opened.pop()
    return opened


def _place(mark: yaml.Mark | None, text: str) -> int | None:
    """Return the index of a mark; the index that it has itself counts bytes in some versions."""
    if mark is None:
        return None
    start = 0
    for _ in range(mark.line):
        start = text.find("\n", start) + 1
        if not start:
            return len(text)
    return min(start + mark.column, len(text))


def _problem(text: str, name: str, at: int, got: str, expected: str) -> Problem:
    line = text.count("\n", 0, at) + 1
    return Problem("", got, expected, name, line, at - text.rfind("\n", 0, at))


def _unreadable(error: yaml.reader.ReaderError, text: str, name: str) -> Problem:
    at = min(int(error.position), len(text))
    code = ord(text[at]) if at < len(text) else 0
    return _problem(text, name, at, f"the control character U+{code:04X}", "plain text")
